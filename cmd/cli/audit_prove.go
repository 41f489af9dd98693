package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/audit"
)

func proveCommand(s *settings) *cobra.Command {
	var (
		from origin
		out  string
	)
	cmd := &cobra.Command{
		Use:   "prove JOB",
		Short: "Write a file that proves one job's history",
		Long: `Write a file that proves one job's history to somebody who has neither Redis nor
a supervisor: the job's events with their seals and paths, the bundles in which
runners reported, and every statement from the founding on that says whose keys to
believe. Bundles stand whole, so whatever else was reported in them is in the file
too.

The whole history is checked first; what does not hold is not proved.

Exit codes: 0 written, 1 the history is tampered with, 2 cannot tell.`,
		Example: `  horus audit prove job-1 -o job-1.proof
  horus audit check job-1.proof --trust 5f0c…`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return s.prove(cmd, args[0], out, &from) },
	}
	f := cmd.Flags()
	from.addFlags(f)
	f.StringVarP(&out, "output", "o", "", "file to write (default: the standard output)")
	return cmd
}

func (s *settings) prove(cmd *cobra.Command, text, out string, from *origin) error {
	id, err := job.ParseID(text)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	var proof *audit.Proof
	var verdict audit.Verdict
	err = s.examine(cmd, from, "", func(source audit.Source, o audit.Options) (err error) {
		proof, verdict, err = audit.Prove(cmd.Context(), source, o, id)
		return err
	})
	if domain.CodeOf(err) == domain.NotFound {
		return exit.With(exit.CannotTell, err)
	}
	if err != nil {
		return err
	}
	if proof == nil {
		if err := s.print(cmd, verdict, func(w io.Writer) { _, _ = fmt.Fprintln(w, verdict) }); err != nil {
			return err
		}
		return exit.Silently(verdict.ExitCode())
	}
	if out == "" {
		_, err := cmd.OutOrStdout().Write(proof.Append(nil))
		return err
	}
	if err := os.WriteFile(out, proof.Append(nil), 0o600); err != nil { // payloads are in it
		return exit.With(exit.Settings, err)
	}
	_, err = fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: %d events of job %s, founded by %s\n", out, proof.Version, id, verdict.Founding)
	return err
}

func checkCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a file of audit prove",
		Long: `Check a file of audit prove with nothing but the founding's fingerprint: every
event, every seal, every signature, and that the job could come where it is. Says
what happened to the job, when, by whom, and whose keys signed it.

` + audit.Shortcoming + `

Exit codes: 0 proved, 1 tampered, 2 cannot tell.`,
		Example: `  horus audit check job-1.proof --trust 5f0c…`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return s.check(cmd, args[0]) },
	}
}

func (s *settings) check(cmd *cobra.Command, file string) error {
	data, err := readProof(file)
	if err != nil {
		return exit.With(exit.CannotTell, err)
	}
	// The file says whose history it is of, and so what is remembered of it:
	// another founding than that one does not pass.
	var namespace domain.Name
	if proof, _ := audit.ParseProof(data); proof != nil {
		namespace = proof.Namespace
	}
	trust, err := s.trusted(namespace)
	if err != nil {
		return err
	}
	account := audit.CheckProof(data, trust)
	if err := s.print(cmd, &account, func(w io.Writer) { _, _ = fmt.Fprintln(w, &account) }); err != nil {
		return err
	}
	return exit.Silently(account.ExitCode())
}

// readProof reads a file, and a little more than the largest there is.
func readProof(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, audit.MaxProofBytes+1))
}
