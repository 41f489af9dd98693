// Package redisrunner makes a handler a whole program: a runner that finds its
// Redis, its key and its settings by itself.
//
//	func main() {
//		os.Exit(redisrunner.Main(redisrunner.Config{Runner: "shout"},
//			func(_ context.Context, j *runnersdk.Job) (string, error) {
//				return strings.ToUpper(j.Payload), nil
//			}))
//	}
//
// The program takes the jobs of the runner id shout from the Redis at
// HORUS_REDIS_URL. On its first start it makes a key in the state directory and
// pins the founding of the system that it meets. It ends as a service is to:
// see [Main].
//
// [Serve] is the same without environment, signals and exit code, for programs
// that do more than run jobs. Whoever has another wire than Redis, or keeps keys
// elsewhere, uses [runnersdk.Serve] itself.
package redisrunner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

// Defaults of a runner.
const (
	DefaultRedisURL = "redis://localhost:6379"
	DefaultLease    = 9 * time.Second
	DefaultGrace    = 10 * time.Second
)

// openTime is how long Redis may take to answer when the runner starts. Once it
// runs it waits for ever.
const openTime = 10 * time.Second

// Config says what a runner is. Runner is required.
type Config struct {
	Runner    domain.Name  // required: the id whose jobs it takes
	RedisURL  string       // DefaultRedisURL if empty
	Namespace domain.Name  // horus if empty
	State     string       // path of the state directory; $XDG_STATE_HOME/horus if empty
	KeyFile   string       // path of its key (PKCS#8 PEM, mode 0600); one in the state directory if empty
	Trust     signing.Hash // founding that is trusted; zero: the one that is pinned, or the first one met

	Kinds []domain.Name   // of jobs that it takes besides its own; each needs an admission
	Slots int             // jobs at once; 1 if zero
	Lease time.Duration   // how long a job is ours without a sign of life; DefaultLease if zero
	Grace time.Duration   // for running jobs when it stops; DefaultGrace if zero
	Hurry <-chan struct{} // closed by whoever does not want to wait for Grace; may be nil

	Logger *slog.Logger                // Serve says nothing if nil, Main logs on stderr
	Around func(queue.Wire) queue.Wire // puts something between the runner and its wire, as tests do; may be nil
}

// Serve runs a runner until ctx ends, and then stops it as [runnersdk.Runner.Run]
// says. Its errors are those, and bear exit codes (package cmd/exit): Redis does
// not answer, or does not let us in; another founding; a setting that cannot be;
// [runnersdk.Unfinished].
func Serve(ctx context.Context, c Config, h runnersdk.Handler) error {
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
	sdk, err := c.sdk(ctx, wire)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	runner, err := runnersdk.New(sdk, h)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	if err := reach(ctx, wire); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it began
		}
		return err
	}
	err = runner.Run(ctx)
	if left, ok := errors.AsType[*runnersdk.Unfinished](err); ok {
		return exit.With(exit.Unfinished, left)
	}
	return err
}

func reach(ctx context.Context, wire *redisqueue.Wire) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	return wire.Reach(ctx)
}

// sdk is the runner's configuration.
func (c *Config) sdk(ctx context.Context, wire queue.Wire) (runnersdk.Config, error) {
	if c.Around != nil {
		wire = c.Around(wire)
	}
	sdk := runnersdk.Config{
		Runner: c.Runner, Wire: wire, Namespace: c.Namespace,
		Kinds: c.Kinds, Slots: c.Slots, Trust: c.Trust, Logger: c.Logger,
		Lease: cmp.Or(c.Lease, DefaultLease), Grace: cmp.Or(c.Grace, DefaultGrace), Hurry: c.Hurry,
	}
	var err error
	if c.KeyFile != "" {
		if sdk.Key, err = statedir.LoadKey(c.KeyFile); err != nil || !c.Trust.IsZero() {
			return sdk, err // a state directory is not needed
		}
	}
	dir, err := statedir.Open(c.State)
	if err != nil {
		return sdk, err
	}
	if c.KeyFile == "" {
		if sdk.Key, err = dir.Key(c.Namespace, statedir.RunnerKey(c.Runner)); err != nil {
			return sdk, err
		}
	}
	if c.Trust.IsZero() {
		if sdk.Trust, err = dir.Pinned(c.Namespace); err != nil {
			return sdk, err
		}
	}
	sdk.Pin = func(founding signing.Hash) error {
		c.Logger.WarnContext(ctx, "trusting the first founding that was met: compare it with the supervisor's, or name it as the trusted one (HORUS_TRUST, --trust)",
			"founding", founding.String(), "pinned_in", dir.String())
		return dir.Pin(c.Namespace, founding)
	}
	return sdk, nil
}
