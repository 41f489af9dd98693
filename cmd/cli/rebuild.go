package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/redisviews"
	"github.com/herocode/horus/runnersdk/queue"
)

func rebuildCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Build the read models again from the history, compare, and switch",
		Long: `Build the read models again from the history alone, beside the ones in use,
compare them value by value, and switch to the new ones. A supervisor may be
working meanwhile. Queues are not touched.

Exit codes: 0 they were equal, 1 they differed (the new ones are in use now).`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := s.rebuild(cmd)
			if err != nil {
				return err
			}
			err = s.print(cmd, report, func(w io.Writer) { showReport(w, report) })
			if err == nil && report.Difference != nil {
				return exit.Silently(exit.Bad)
			}
			return err
		},
	}
}

func (s *settings) rebuild(cmd *cobra.Command) (engine.Report, error) {
	ns, err := s.ns()
	if err != nil {
		return engine.Report{}, err
	}
	trust, err := s.trusted(ns)
	if err != nil {
		return engine.Report{}, err
	}
	server, err := s.redis(cmd.Context())
	if err != nil {
		return engine.Report{}, err
	}
	defer func() { _ = server.Close() }() // everything was answered
	writer, reader := server.Writer(3), server.Reader(2)
	views, err := redisviews.New(writer, reader, queue.Keys{Namespace: ns})
	if err != nil {
		return engine.Report{}, err
	}
	bar := newProgress(cmd.ErrOrStderr(), "built")
	defer bar.end()
	return engine.Rebuild(cmd.Context(), engine.Config{
		Namespace: ns,
		Log:       redisstore.New(writer, reader, redisstore.Keys{Namespace: ns}),
		Views:     views,
		Verifier:  signing.NewVerifier(64),
		Founding:  trust,
	}, bar.show)
}

func showReport(w io.Writer, r engine.Report) {
	if r.Difference != nil {
		_, _ = fmt.Fprintf(w, "different: %s\n", r.Difference)
	} else {
		_, _ = fmt.Fprintf(w, "equal: %d values\n", r.Compared)
	}
	_, _ = fmt.Fprintf(w, "%d events folded; the read models of generation %d are in use\n", r.Events, r.Generation)
}
