package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func queuesCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queues",
		Short: "Look at work queues, pause and drain them",
		Long: `Look at work queues, pause and drain them. A queue is runner:<id>, for jobs that
name their runner, or executor:<kind>, for those that any runner of a kind takes.
Who paused or drained one is in the history. All but list need an API key of
scope admin.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "list",
		Short:   "List queues: how many jobs wait and run, and who serves them",
		Example: `  horus queues list`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			list, err := c.Queues(cmd.Context())
			if err != nil {
				return err
			}
			return s.print(cmd, list, func(w io.Writer) { showQueues(w, list) })
		},
	})
	for _, f := range []flow{
		{"pause", "Have runners take nothing from a queue", "Jobs go on coming in, and those that run go on.", (*client.Client).PauseQueue},
		{"drain", "Take no more jobs into a queue", "Submits for it are refused; those that wait are worked off.", (*client.Client).DrainQueue},
		{"resume", "Open a queue that was paused or drained", "", (*client.Client).ResumeQueue},
	} {
		cmd.AddCommand(s.flowCommand("QUEUE", "  horus queues "+f.verb+" executor:sh", s.queueNames(), f))
	}
	return cmd
}

func showQueues(w io.Writer, list []wire.Queue) {
	rows := make([][]string, len(list))
	for i, q := range list {
		rows[i] = []string{
			q.Queue, modeWord(q.Mode), count(q.Waiting), count(q.Running), count(q.Scheduled + q.Retrying), clock(q.Oldest),
			strconv.Itoa(q.Alive), count(q.Slots),
		}
	}
	table(w, "QUEUE MODE WAITING RUNNING LATER OLDEST PROCESSES SLOTS", rows)
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

func runnersCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runners",
		Short: "Look at runners, register, pause, drain and remove them",
		Long: `Look at runners and their processes, register, pause, drain and remove them. A process is
alive as long as it is heard; silent after ten seconds without, gone after a
minute. Who paused, drained or removed a runner is in the history. All but list
and register need an API key of scope admin.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "list",
		Short:   "List runners and their processes",
		Example: `  horus runners list`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			list, err := c.Runners(cmd.Context())
			if err != nil {
				return err
			}
			return s.print(cmd, list, func(w io.Writer) { showRunners(w, list) })
		},
	})
	cmd.AddCommand(s.registerCommand())
	for _, f := range []flow{
		{"pause", "Have the processes of a runner take nothing", "What they run goes on.", (*client.Client).PauseRunner},
		{"drain", "Have the processes of a runner finish, and end", "They take nothing more, and each ends when it has finished what it runs.", (*client.Client).DrainRunner},
		{"resume", "Let the processes of a runner take jobs again", "", (*client.Client).ResumeRunner},
		{"remove", "Take a runner that is gone out of the lists", "Its history stays, and a process that joins brings it back.", (*client.Client).RemoveRunner},
	} {
		cmd.AddCommand(s.flowCommand("RUNNER", "  horus runners "+f.verb+" r1", s.runnerNames(), f))
	}
	return cmd
}

func (s *settings) registerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "register RUNNER LABEL",
		Short: "Say that a runner is to come",
		Long: `Say that a runner is to come. The lists have it from then on, with what people call
its queue, and the history says who did it. It admits no key, and a runner that
nobody registered works just as well. An API key of scope registrar will do.`,
		Example: `  horus runners register r1 work:r1`,
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			r, err := c.RegisterRunner(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return s.print(cmd, r, func(w io.Writer) { _, _ = fmt.Fprintf(w, "runner %s is registered\n", r.ID) })
		},
	}
}

func showRunners(w io.Writer, list []wire.Runner) {
	var rows [][]string
	for _, r := range list {
		if len(r.Processes) == 0 {
			rows = append(rows, []string{r.ID, modeWord(r.Mode), "-", r.State, "-", "-", "-"})
		}
		for _, p := range r.Processes {
			kinds := make([]string, len(p.Kinds))
			for i, kind := range p.Kinds {
				kinds[i] = string(kind)
			}
			rows = append(rows, []string{
				r.ID, modeWord(r.Mode), p.Process, p.State, clock(p.Since), strconv.FormatUint(uint64(p.Slots), 10), strings.Join(kinds, ","),
			})
		}
	}
	table(w, "RUNNER MODE PROCESS STATE SINCE SLOTS KINDS", rows)
}

// flow is one of the calls that steer how jobs flow.
type flow struct {
	verb, short, long string

	call func(*client.Client, context.Context, string) (domain.Mode, error)
}

// flowCommand makes the command of such a call, for a queue or a runner.
func (s *settings) flowCommand(what, example string, names completer, f flow) *cobra.Command {
	return &cobra.Command{
		Use:     f.verb + " " + what,
		Short:   f.short,
		Long:    strings.TrimSpace(f.short + ". " + f.long),
		Example: example,
		Args:    arguments(cobra.ExactArgs(1)),

		ValidArgsFunction: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			mode, err := f.call(c, cmd.Context(), args[0])
			if err != nil {
				return err
			}
			answer := map[string]string{"name": args[0], "mode": string(mode)}
			return s.print(cmd, answer, func(w io.Writer) {
				if f.verb == "remove" {
					_, _ = fmt.Fprintf(w, "%s is removed\n", args[0])
					return
				}
				_, _ = fmt.Fprintf(w, "%s is %s\n", args[0], modeWord(mode))
			})
		},
	}
}

// modeWord is a mode for people.
func modeWord(m domain.Mode) string {
	if m == domain.Open {
		return "open"
	}
	return string(m)
}
