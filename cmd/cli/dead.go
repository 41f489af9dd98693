package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func deadCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Look at jobs that failed, replay them, or drop them",
		Long: `A job that failed and will not be tried again is in the dead-letter list until
somebody replays it, drops it or deletes it. Who did that is in its history.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(deadListCommand(s), deadGetCommand(s), replayCommand(s), dropCommand(s))
	return cmd
}

// deadFlags are the flags of a filter.
type deadFlags struct {
	filter wire.DeadFilter
	kind   string
	before string
	all    bool
}

func (o *deadFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&o.kind, "kind", "", "only jobs that failed so: error, timeout, lost, rejected or expired")
	f.StringVar(&o.filter.Runner, "runner", "", "only jobs for that runner id")
	f.StringVar(&o.filter.Executor, "executor", "", "only jobs for any runner of that kind")
	f.StringVar(&o.before, "before", "", "only jobs that failed before a time, in RFC 3339, or so long ago, such as 24h")
}

// read reads the filter.
func (o *deadFlags) read() (wire.DeadFilter, error) {
	f := o.filter
	if o.kind != "" {
		kind, err := job.ParseFailureKind(o.kind)
		if err != nil {
			return f, exit.With(exit.Usage, fmt.Errorf("--kind %s: write error, timeout, lost, rejected or expired", o.kind))
		}
		f.Kind = kind
	}
	if o.before != "" {
		if ago, err := time.ParseDuration(o.before); err == nil && ago >= 0 {
			f.Before = event.At(time.Now().Add(-ago))
		} else if f.Before.UnmarshalText([]byte(o.before)) != nil {
			return f, exit.With(exit.Usage, fmt.Errorf("--before %s: write a time such as 2026-01-02T15:04:05Z, or how long ago, such as 24h", o.before))
		}
	}
	return f, nil
}

// target says which jobs are meant: those that are named, or those of a filter,
// which must say something or be all.
func (o *deadFlags) target(args []string) ([]wire.DeadTarget, error) {
	filter, err := o.read()
	if err != nil {
		return nil, err
	}
	chosen := o.all || filter != wire.DeadFilter{}
	switch {
	case chosen && len(args) > 0:
		return nil, exit.With(exit.Usage, errors.New("name jobs, or choose them by flags, not both"))
	case chosen:
		return []wire.DeadTarget{{Filter: &filter}}, nil
	case len(args) == 0:
		return nil, exit.With(exit.Usage, errors.New("name the jobs, choose them by --kind, --runner, --executor or --before, or say --all"))
	}
	targets := make([]wire.DeadTarget, len(args))
	for i, id := range args {
		targets[i] = wire.DeadTarget{ID: id}
	}
	return targets, nil
}

func deadListCommand(s *settings) *cobra.Command {
	var o deadFlags
	limit, cursor := 20, ""
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs that failed, newest submission first",
		Example: `  horus dead list
  horus dead list --kind timeout --before 24h`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := o.read()
			if err != nil {
				return err
			}
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			page, err := c.Dead(cmd.Context(), wire.DeadQuery{DeadFilter: filter, Limit: &limit, Cursor: cursor})
			if err != nil {
				return err
			}
			return s.print(cmd, page, func(w io.Writer) { showJobs(w, page) })
		},
	}
	o.bind(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "most jobs to list")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where an earlier list ended")
	return cmd
}

func deadGetCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:               "get JOB",
		Short:             "Show a job that failed, and its whole story",
		Example:           `  horus dead get job-1`,
		ValidArgsFunction: s.jobIDs(job.Broken),
		Args:              arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			dead, err := c.DeadJob(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.print(cmd, dead, func(w io.Writer) {
				showJob(w, dead.Job)
				_, _ = fmt.Fprintln(w)
				showStory(w, dead.Story)
			})
		},
	}
}

func showStory(w io.Writer, story []wire.Step) {
	rows := make([][]string, len(story))
	for i, step := range story {
		rows[i] = []string{strconv.FormatUint(step.Seq, 10), clock(step.At), step.Type, string(step.Actor), detail(step.Data)}
	}
	table(w, "SEQ AT EVENT BY DETAILS", rows)
}

// detail is what an event says besides, in a line that fits.
func detail(data []byte) string {
	text := []rune(string(data))
	if len(text) > maxShown/2 {
		return string(text[:maxShown/2]) + "…"
	}
	return string(text)
}

func replayCommand(s *settings) *cobra.Command {
	var o deadFlags
	var again struct {
		attempts  int
		timeout   time.Duration
		expiresIn time.Duration
	}
	cmd := &cobra.Command{
		Use:   "replay [JOB...]",
		Short: "Give jobs that failed new attempts",
		Long: `Give jobs that failed new attempts, with new limits if you say so. Each begins
with the checkpoint that its last attempt left, and none of its earlier attempts
is counted.`,
		Example: `  horus dead replay job-1
  horus dead replay job-1 --max-attempts 1 --timeout 10m
  horus dead replay --kind lost`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := wire.Replay{}
			switch {
			case again.attempts < 0 || again.attempts > job.MaxMaxAttempts:
				return exit.With(exit.Usage, fmt.Errorf("--max-attempts %d: write 1 to %d", again.attempts, job.MaxMaxAttempts))
			case again.timeout < 0 || again.timeout%time.Second != 0 || again.timeout > job.MaxTimeout:
				return exit.With(exit.Usage, fmt.Errorf("--timeout %s: write whole seconds, up to %s", again.timeout, job.MaxTimeout))
			}
			if again.attempts > 0 {
				r.MaxAttempts = new(int64(again.attempts))
			}
			if again.timeout > 0 {
				r.Timeout = new(int64(again.timeout / time.Second))
			}
			if again.expiresIn > 0 {
				r.ExpiresAt = event.At(time.Now().Add(again.expiresIn))
			}
			return s.eachDead(cmd, &o, args, "replayed", func(c *client.Client, target wire.DeadTarget) (wire.DeadDone, error) {
				r.DeadTarget = target
				return c.Replay(cmd.Context(), r)
			})
		},
	}
	f := cmd.Flags()
	o.bind(f)
	f.BoolVar(&o.all, "all", false, "all jobs that failed")
	f.IntVar(&again.attempts, "max-attempts", 0, "how many attempts (default: as many as the job had)")
	f.DurationVar(&again.timeout, "timeout", 0, "how long one attempt may run from now on (default: as it was)")
	f.DurationVar(&again.expiresIn, "expires-in", 0, "not begun later than in so long (default: as it was)")
	return cmd
}

func dropCommand(s *settings) *cobra.Command {
	var o deadFlags
	cmd := &cobra.Command{
		Use:   "drop [JOB...]",
		Short: "Take jobs that failed off the dead-letter list",
		Long: `Take jobs that failed off the dead-letter list, for good: they cannot be replayed
any more. They can still be looked at, and deleted.`,
		Example: `  horus dead drop job-1 job-2
  horus dead drop --kind error --before 720h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.eachDead(cmd, &o, args, "dropped", func(c *client.Client, target wire.DeadTarget) (wire.DeadDone, error) {
				return c.Drop(cmd.Context(), target)
			})
		},
	}
	o.bind(cmd.Flags())
	cmd.Flags().BoolVar(&o.all, "all", false, "all jobs that failed")
	return cmd
}

// eachDead does something to all jobs that are meant, a call at a time, and says
// what became of them.
func (s *settings) eachDead(cmd *cobra.Command, o *deadFlags, args []string, done string,
	do func(*client.Client, wire.DeadTarget) (wire.DeadDone, error),
) error {
	targets, err := o.target(args)
	if err != nil {
		return err
	}
	c, err := s.connect(cmd.Context(), signing.PrivateKey{})
	if err != nil {
		return err
	}
	total := wire.DeadDone{Refused: []wire.DeadRefused{}}
	for _, target := range targets {
		for more := true; more; {
			answer, err := do(c, target)
			if err != nil {
				return err
			}
			total.Count += answer.Count
			total.Refused = append(total.Refused, answer.Refused...)
			target.Cursor = answer.Cursor
			more = answer.Cursor != ""
		}
	}
	return s.print(cmd, total, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s: %d\n", done, total.Count)
		for _, r := range total.Refused {
			_, _ = fmt.Fprintf(w, "left as it was: %s (%s)\n", r.ID, r.Reason)
		}
	})
}
