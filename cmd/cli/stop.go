package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func stopCommand(s *settings) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "stop JOB",
		Short: "Stop a job",
		Long: `Stop a job. One that nothing runs is stopped at once. The runner of one that runs
hears of it within a second, asks it to end, and kills it after its grace: until
then the job is stopping. What ended before it could be stopped keeps its outcome.`,
		Example: `  horus stop job-1
  horus stop job-1 --wait`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(unfinished()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			if err := c.Stop(cmd.Context(), args[0]); err != nil {
				return err
			}
			look := c.Get
			if wait {
				look = c.Wait
			}
			j, err := look(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.print(cmd, j, func(w io.Writer) { sayState(w, j) })
		},
	}
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until it has stopped")
	return cmd
}

// sayState says in a line where a job stands.
func sayState(w io.Writer, j wire.Job) {
	_, _ = fmt.Fprintf(w, "job %s is %s\n", j.ID, j.State)
}

func explainCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:               "explain JOB",
		Short:             "Tell why a job does not run",
		Example:           `  horus explain job-1`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(unfinished()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			why, err := c.Explain(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.print(cmd, why, func(w io.Writer) {
				if why.Waiting == nil {
					_, _ = fmt.Fprintf(w, "job %s is %s: nothing keeps it\n", why.ID, why.State)
					return
				}
				_, _ = fmt.Fprintf(w, "job %s is %s: %s\n", why.ID, why.State, why.Waiting.Message)
			})
		},
	}
}

func deleteCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "delete JOB",
		Short: "Take a job that has its outcome out of all lists",
		Long: `Take a job that has its outcome out of all lists, with what it wrote and returned.
Its history stays and goes on to verify, what it ran included, and its id stays
taken. A job without an outcome is stopped first.`,
		Example:           `  horus delete job-1`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: s.jobIDs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			if err := c.Delete(cmd.Context(), args[0]); err != nil {
				return err
			}
			return s.print(cmd, map[string]string{"id": args[0], "state": "deleted"}, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "job %s is deleted\n", args[0])
			})
		},
	}
}
