package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/jobexit"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func getCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:               "get JOB",
		Short:             "Show everything about a job",
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			j, err := c.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.print(cmd, j, func(w io.Writer) { showJob(w, j) })
		},
	}
}

// attempts says which attempt it is, and of how many. Those that a lost queue cost
// do not count, so there may be more.
func attempts(j wire.Job) string {
	if j.Attempt > j.MaxAttempts {
		return fmt.Sprintf("%d (%d count at most)", j.Attempt, j.MaxAttempts)
	}
	return fmt.Sprintf("%d of %d", j.Attempt, j.MaxAttempts)
}

func showJob(w io.Writer, j wire.Job) {
	rows := [][]string{
		{"job", j.ID},
		{"state", j.State.String()},
		{"queue", j.Queue},
		{"attempt", attempts(j)},
		{"submitted by", string(j.Submitter)},
		{"created", clock(j.CreatedAt)},
	}
	if !j.StartedAt.IsZero() {
		rows = append(rows, []string{"started", clock(j.StartedAt)})
	}
	if !j.EndedAt.IsZero() {
		rows = append(rows, []string{"ended", clock(j.EndedAt)}, []string{"ran for", took(j.StartedAt, j.EndedAt)})
	}
	if j.RunBy != "" {
		rows = append(rows, []string{"run by", j.RunBy})
	}
	rows = append(append(rows, []string{"payload", shorten(j.Payload)}), underway(j)...)
	if j.Result != nil {
		rows = append(rows, []string{"result", shorten(*j.Result)})
	}
	if j.Error != nil {
		rows = append(rows, []string{"error", jobexit.Failure(j.Error)})
	}
	fields(w, rows)
}

// underway says what happened to a job on its way.
func underway(j wire.Job) (rows [][]string) {
	if j.Waiting != nil {
		rows = append(rows, []string{"waits", j.Waiting.Message})
	}
	if !j.Due.IsZero() {
		rows = append(rows, []string{"due", clock(j.Due)})
	}
	if !j.ExpiresAt.IsZero() && !j.State.Terminal() {
		rows = append(rows, []string{"expires", clock(j.ExpiresAt)})
	}
	if j.LastError != nil {
		rows = append(rows, []string{"last error", jobexit.Failure(j.LastError)})
	}
	if p := j.Progress; p != nil {
		rows = append(rows, []string{"progress", fmt.Sprintf("%d %% %s", p.Percent, shorten(p.Text))})
	}
	if c := j.Checkpoint; c != nil {
		rows = append(rows, []string{"checkpoint", fmt.Sprintf("%d bytes, %s", c.Bytes, clock(c.At))})
	}
	if j.Stop != nil {
		rows = append(rows, []string{"stop asked", fmt.Sprintf("%s by %s", clock(j.Stop.At), j.Stop.By)})
	}
	if j.Refused > 0 {
		rows = append(rows, []string{"late reports", fmt.Sprintf("%d refused: see horus history %s", j.Refused, j.ID)})
	}
	return rows
}

// maxShown is how much of a payload or result a table shows.
const maxShown = 200

// shorten makes one printable line of a text.
func shorten(text string) string {
	text = strings.TrimRight(text, "\n")
	if cut := []rune(text); len(cut) > maxShown {
		text = string(cut[:maxShown]) + "…"
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

func logsCommand(s *settings) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs JOB",
		Short: "Print what a job wrote",
		Long: `Print what a job wrote, each stream to its own. On a terminal, control characters
are shown in an escaped form; elsewhere lines are as the job wrote them.`,
		Example: `  horus logs job-1
  horus logs -f job-1`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			switch {
			case follow && s.json:
				return followJSON(cmd, c, args[0])
			case follow:
				return jobexit.FollowOutput(cmd.Context(), c, args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
			case !s.json:
				return jobexit.CopyOutput(cmd.Context(), c, args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			logs, err := c.Logs(cmd.Context(), args[0], 0, 1000)
			if err != nil {
				return err
			}
			return s.print(cmd, logs, nil)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "print lines as they come, until the job has its outcome")
	return cmd
}

// followJSON prints each line of a job's output as a JSON text on a line of its
// own.
func followJSON(cmd *cobra.Command, c *client.Client, id string) error {
	for line, err := range c.Follow(cmd.Context(), id, 0) {
		if err != nil {
			return err
		}
		if err := json.MarshalWrite(cmd.OutOrStdout(), line, json.Deterministic(true)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		_, _ = fmt.Fprintln(cmd.OutOrStdout())
	}
	return nil
}

func listCommand(s *settings) *cobra.Command {
	var q wire.JobQuery
	var states []string
	limit := 20
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"jobs"},
		Short:   "List jobs, newest first",
		Example: `  horus list
  horus list --state failed --limit 100
  horus list --runner r1 --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, word := range states {
				state, err := job.ParseStatus(word)
				if err != nil {
					return exit.With(exit.Usage, err)
				}
				q.States = append(q.States, state)
			}
			q.Limit = &limit
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			page, err := c.List(cmd.Context(), q)
			for err == nil && len(page.Jobs) == 0 && page.Cursor != "" { // it looks at so many jobs at a time
				q.Cursor = page.Cursor
				page, err = c.List(cmd.Context(), q)
			}
			if err != nil {
				return err
			}
			return s.print(cmd, page, func(w io.Writer) { showJobs(w, page) })
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&states, "state", nil, "only jobs in these states: created, scheduled, queued, running, retrying, stopping, completed, failed, stopped, dropped")
	f.StringVar(&q.Runner, "runner", "", "only jobs for that runner id")
	f.StringVar(&q.Executor, "executor", "", "only jobs for any runner of that kind")
	f.IntVar(&limit, "limit", limit, "most jobs to list")
	f.StringVar(&q.Cursor, "cursor", "", "go on where an earlier list ended")
	return cmd
}

func showJobs(w io.Writer, page wire.JobPage) {
	rows := make([][]string, len(page.Jobs))
	for i, j := range page.Jobs {
		state := j.State.String()
		if j.ErrorKind != "" {
			state += " (" + string(j.ErrorKind) + ")"
		}
		rows[i] = []string{j.ID, state, j.Queue, strconv.FormatUint(uint64(j.Attempt), 10), clock(j.CreatedAt), took(j.StartedAt, j.EndedAt)}
	}
	table(w, "JOB STATE QUEUE ATTEMPT CREATED TOOK", rows)
	if page.Cursor != "" {
		_, _ = fmt.Fprintf(w, "\nmore: --cursor %s\n", page.Cursor)
	}
}

func historyCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:               "history JOB",
		Short:             "Show everything that happened to a job",
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			events, err := c.History(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.print(cmd, events, func(w io.Writer) { showStory(w, story(events)) })
		},
	}
}

// story is what happened, without the proofs. What of it cannot be read has no
// details: showing is not judging.
func story(events []wire.Event) []wire.Step {
	steps := make([]wire.Step, len(events))
	for i, e := range events {
		steps[i] = wire.Step{Seq: e.Seq, Type: e.Type, At: e.At, Actor: e.Actor}
		if recorded, err := event.Parse([]byte(e.Event)); err == nil && recorded.Version > 1 {
			steps[i].Data = recorded.Data // the first is the submission, which is the job
		}
	}
	return steps
}
