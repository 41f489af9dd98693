package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/jobexit"
	"github.com/herocode/horus/domain/signing"
)

// jobVerbs are the commands about one job.
func (s *settings) jobVerbs() []*cobra.Command {
	return []*cobra.Command{
		getCommand(s), waitCommand(s), logsCommand(s), historyCommand(s), explainCommand(s), stopCommand(s), deleteCommand(s),
	}
}

// jobCommand has the same under one word, for those who look for it there.
func jobCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "job",
		Short:   "The commands about one job, under one word",
		Example: `  horus job get job-1   is   horus get job-1`,
		Args:    arguments(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.jobVerbs()...)
	return cmd
}

func waitCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "wait JOB",
		Short: "Wait for a job's outcome, and exit with its code",
		Long: `Wait for a job's outcome and say what it is. horus exits with the job's own code:
128 and the signal's number when one ended it, 124 when it timed out, 125 when it
was not run.`,
		Example:           `  horus wait job-1 && echo fine`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(unfinished()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			j, err := c.Wait(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := s.print(cmd, j, func(w io.Writer) { sayState(w, j) }); err != nil {
				return err
			}
			return exit.Silently(jobexit.Code(j))
		},
	}
}
