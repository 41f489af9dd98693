// Package runnersh is the shell runner as a package: the program runner_sh, and
// the runner itself for whoever wants one in process.
//
//	err := runnersh.Run(ctx, runnersh.Config{Runner: "r1"})
//
// It runs the payload of a job with /bin/sh -c; see package runnersdk/sh for
// what a script gets. The job completes with its standard output as result when
// the script exits with 0, and fails with its exit code otherwise.
package runnersh

import (
	"context"
	"log/slog"

	"github.com/herocode/horus/cmd/crashable"
	"github.com/herocode/horus/runnersdk/redisrunner"
	"github.com/herocode/horus/runnersdk/sh"
)

// Config says what a shell runner is; Slots are scripts.
type Config = redisrunner.Config

// Run runs a shell runner until ctx ends, as [redisrunner.Serve] does, having
// removed what killed ones of this user left behind.
func Run(ctx context.Context, c Config) error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	shell := sh.Runner{Guard: new(sh.Guard)}
	defer shell.Guard.Close()
	clean(ctx, shell, c.Logger)
	c.Around = crashable.End
	return redisrunner.Serve(ctx, c, crashable.End(Handler(shell, c.Logger)))
}

// clean removes what runners left behind that were killed.
func clean(ctx context.Context, shell sh.Runner, logger *slog.Logger) {
	removed, err := shell.Clean()
	if removed > 0 {
		logger.InfoContext(ctx, "removed what killed runners left behind", "directories", removed)
	}
	if err != nil {
		logger.WarnContext(ctx, "cannot remove what killed runners left behind", "error", err)
	}
}
