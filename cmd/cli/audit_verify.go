package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/eventstore/audit"
)

func verifyCommand(s *settings) *cobra.Command {
	var (
		from origin
		head string
	)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every byte of the history",
		Long: `Check every byte of the history: every seal, the chain of seals, every signature
with keys as of their place, and that every event could follow those before it.
It takes public keys alone, and believes neither Redis nor a supervisor.

The log's end can only be missed by who remembers it: --head FILE keeps the end
that was proved, and finds a log that lacks it.

What a store lost and a supervisor declared is listed; the rest of the history is
proved all the same.

Exit codes: 0 valid, 1 tampered, 2 cannot tell, 3 valid but for declared gaps.`,
		Example: `  horus audit verify --redis-url redis://localhost:6379
  horus audit verify --api --address http://localhost:3030
  horus audit verify --file history.jsonl --trust 5f0c…
  horus audit verify --head ~/horus.head`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.verify(cmd, &from, head) },
	}
	f := cmd.Flags()
	from.addFlags(f)
	f.StringVar(&head, "head", "", "file that remembers the end that was proved")
	return cmd
}

func (s *settings) verify(cmd *cobra.Command, from *origin, headFile string) error {
	var verdict audit.Verdict
	err := s.examine(cmd, from, headFile, func(source audit.Source, o audit.Options) (err error) {
		verdict, err = audit.Verify(cmd.Context(), source, o)
		return err
	})
	if err != nil {
		return err
	}
	if headFile != "" && verdict.Finding.Proved() {
		if err := audit.WriteHead(headFile, verdict.Head()); err != nil {
			return exit.With(exit.Settings, err)
		}
	}
	if err := s.print(cmd, verdict, func(w io.Writer) { _, _ = fmt.Fprintln(w, verdict) }); err != nil {
		return err
	}
	return exit.Silently(verdict.ExitCode())
}

// examine opens a history, with what is known of it beforehand, and shows how far
// the look at it is.
func (s *settings) examine(cmd *cobra.Command, from *origin, headFile string, look func(audit.Source, audit.Options) error) error {
	options, err := s.auditOptions(headFile)
	if err != nil {
		return err
	}
	source, closeSource, err := s.source(cmd.Context(), from)
	if err != nil {
		return cannotTell(err)
	}
	defer closeSource()
	bar := newProgress(cmd.ErrOrStderr(), "checked")
	defer bar.end()
	options.Progress = bar.show
	return look(source, options)
}

// cannotTell makes what keeps an audit from its history its verdict. Wrong
// arguments stay what they are.
func cannotTell(err error) error {
	if e, ok := errors.AsType[*exit.Error](err); ok && e.Code == exit.Usage {
		return err
	}
	return exit.With(exit.CannotTell, err)
}

func exportCommand(s *settings) *cobra.Command {
	var from origin
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the history to the standard output, one event a line",
		Example: `  horus audit export > history.jsonl
  horus audit verify --file history.jsonl`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ns, err := s.ns()
			if err != nil {
				return err
			}
			log, closeLog, err := s.log(cmd.Context(), &from)
			if err != nil {
				return err
			}
			defer closeLog()
			return audit.Export(cmd.Context(), ns, 0, log, cmd.OutOrStdout())
		},
	}
	from.addAPI(cmd.Flags())
	return cmd
}
