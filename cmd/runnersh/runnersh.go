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
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/herocode/horus/cmd/crashable"
	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/redisqueue"
	"github.com/herocode/horus/runnersdk/sh"
)

// Defaults of a shell runner.
const (
	DefaultRedisURL = "redis://localhost:6379"
	DefaultLease    = 9 * time.Second
	DefaultGrace    = 10 * time.Second
)

// openTime is how long Redis may take to answer when the runner starts. Once it
// runs it waits for ever.
const openTime = 10 * time.Second

// Config says what a shell runner is. Runner is required.
type Config struct {
	Runner    domain.Name  // required: the id whose jobs it takes
	RedisURL  string       // DefaultRedisURL if empty
	Namespace domain.Name  // horus if empty
	State     string       // path of the state directory; see package statedir
	Trust     signing.Hash // founding that is trusted; zero: the one that is pinned, or the first one met

	Kinds []domain.Name // of jobs that it takes besides its own; each needs an admission
	Slots int           // scripts at once; 1 if zero
	Lease time.Duration // DefaultLease if zero
	Grace time.Duration // for running scripts when it stops; DefaultGrace if zero

	Logger *slog.Logger // says nothing if nil
	Shell  sh.Runner    // how scripts are run
}

// Run runs a shell runner until ctx ends, and then stops it as
// [runnersdk.Runner.Run] says. Its errors bear exit codes (package exit).
func Run(ctx context.Context, c Config) error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Namespace = cmp.Or(c.Namespace, statedir.DefaultNamespace)
	for _, name := range []domain.Name{c.Runner, c.Namespace} { // they become names of files
		if _, err := domain.ParseName(string(name)); err != nil {
			return exit.With(exit.Settings, fmt.Errorf("%.70q: %w", name, err))
		}
	}
	wire, err := redisqueue.New(cmp.Or(c.RedisURL, DefaultRedisURL), queue.Keys{Namespace: c.Namespace})
	if err != nil {
		return err
	}
	defer func() { _ = wire.Close() }() // everything was said, or Run's error tells
	sdk, err := c.sdk(ctx)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	sdk.Wire = crashable.End[queue.Wire](wire)
	runner, err := runnersdk.New(sdk, crashable.End(Handler(c.Shell, c.Logger)))
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	if err := reach(ctx, wire); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it began
		}
		return err
	}
	return runner.Run(ctx)
}

func reach(ctx context.Context, wire *redisqueue.Wire) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	return wire.Reach(ctx)
}

// sdk is the runner's configuration but for its wire, with what the state
// directory holds.
func (c *Config) sdk(ctx context.Context) (runnersdk.Config, error) {
	dir, err := statedir.Open(c.State)
	if err != nil {
		return runnersdk.Config{}, err
	}
	key, err := dir.Key(c.Namespace, statedir.RunnerKey(c.Runner))
	if err != nil {
		return runnersdk.Config{}, err
	}
	trust := c.Trust
	if trust.IsZero() {
		if trust, err = dir.Pinned(c.Namespace); err != nil {
			return runnersdk.Config{}, err
		}
	}
	return runnersdk.Config{
		Runner: c.Runner, Key: key, Namespace: c.Namespace,
		Kinds: c.Kinds, Slots: c.Slots,
		Lease: cmp.Or(c.Lease, DefaultLease), Grace: cmp.Or(c.Grace, DefaultGrace),
		Trust: trust,
		Pin: func(founding signing.Hash) error {
			c.Logger.WarnContext(ctx, "trusting the first founding that was met: compare it with the supervisor's, or start with --trust",
				"founding", founding.String(), "pinned_in", dir.String())
			return dir.Pin(c.Namespace, founding)
		},
		Logger: c.Logger,
	}, nil
}
