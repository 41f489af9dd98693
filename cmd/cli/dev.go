package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/dev"
)

func devCommand(s *settings) *cobra.Command {
	var o dev.Config
	var level slog.Level
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a whole Horus in one process",
		Long: `Run a whole Horus in one process: a Redis in memory, a supervisor, a shell runner,
and keys made on the spot. A first job shows the way; then lines to paste.

With --redis-url everything is on that Redis instead, and stays there: a second
run finds its keys again in the state directory. Without it nothing is left, and
of --state-dir a new directory within is used.`,
		Example: `  horus dev
  horus dev --once 'echo hello'
  horus dev --redis-url redis://localhost:6379`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Namespace, err = s.ns(); err != nil {
				return err
			}
			if cmd.Flags().Changed("redis-url") {
				o.RedisURL = s.redisURL
			}
			o.State, o.Out, o.Err = s.stateDir, cmd.OutOrStdout(), cmd.ErrOrStderr()
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			return dev.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Once, "once", "", "run this one job, print its output, exit with its code")
	f.IntVar(&o.Port, "port", 0, "port of the supervisor on loopback (default: any free one)")
	f.TextVar(&level, "log", slog.LevelError, "what to log on stderr: debug, info, warn or error")
	return cmd
}
