package runnersh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/flags"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/redisrunner"
)

// Main runs the program runner_sh until ctx ends, does not wait for running
// scripts when hurry is closed, and returns its exit code.
func Main(ctx context.Context, hurry <-chan struct{}, args []string, stdout, stderr io.Writer) int {
	logging.Disable() // go-redis would write to stderr what our log says in plain words
	return exit.Main("runner_sh", stderr, func() error {
		cmd := newCommand(ctx, func(ctx context.Context, c Config) error {
			c.Hurry = hurry
			return Run(ctx, c)
		})
		cmd.SetArgs(args)
		cmd.SetOut(stdout)
		cmd.SetErr(stderr)
		return cmd.Execute()
	})
}

// options are the flags as they were given.
type options struct {
	Config
	namespace string
	kinds     []string
	trust     string
	level     *flags.Level
}

const usage = `runner_sh takes the jobs of one runner id and runs each payload as a shell script.

Start it on any machine that reaches the Redis; it may start before its
supervisor. More processes of the same id share its jobs.

  runner_sh r1
  runner_sh r1 --redis-url redis://10.0.0.5:6379 --slots 4

It runs nothing that a supervisor did not sign for it. On its first start it
makes a key in the state directory and pins the founding of the system that it
meets; name the founding with --trust to be sure from the start.

With --kind sh it also takes jobs that name no runner but the executor sh. Its
key needs an admission for that: on a machine with an administrator's API key,
horus keys add --class runner --name r1 --kind sh.

A script has the job's variables, PATH, HOME, LANG, LC_ALL, TZ, HORUS_JOB_ID and
HORUS_ATTEMPT, an empty directory of its own, and no input. It says how far it is
by writing a line such as "42 words" to the file $HORUS_PROGRESS, and what a later
attempt needs to go on, at most 64 KiB, to $HORUS_CHECKPOINT, where that attempt
finds it. Of each output 1 MiB is kept, its beginning and its end; a line of more
than 16 KiB comes in pieces. When its time is over, or somebody stops the job, it
gets TERM, and KILL 5 seconds later. Nothing that it started outlives it, or the
runner, however that ends, but what begins a session of its own (setsid). This is
no sandbox: run strangers' scripts in a container.

Ctrl-C (or TERM) stops it: it takes no more jobs and gives running ones 10 seconds;
what is not done by then is run again elsewhere. A second one does not wait for
them. A third one kills it.

Every flag can come from the environment: --redis-url from HORUS_REDIS_URL.

Exit codes: 0 stopped or drained, and nothing is left, 64 wrong arguments, 69 Redis
does not answer, 75 stopped, and something is left that is run again elsewhere, 77
not allowed (password, another founding, a revoked key), 78 a wrong setting.`

// newCommand returns the program; run is [Run] but in tests.
func newCommand(ctx context.Context, run func(context.Context, Config) error) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:               "runner_sh <runner_id>",
		Short:             "Run the jobs of a runner id as shell scripts",
		Long:              usage,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		PersistentPreRunE: flags.FromEnvironment,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misused(errors.New("name one runner id"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.config(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			err = run(ctx, c)
			if redisrunner.AboutRedis(err) {
				return fmt.Errorf("%w\nName another with --redis-url (HORUS_REDIS_URL)", err)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.RedisURL, "redis-url", "r", redisrunner.DefaultRedisURL, "Redis that the supervisor uses")
	f.StringVar(&o.namespace, "namespace", string(statedir.DefaultNamespace), "which Horus system on that Redis is meant")
	f.IntVar(&o.Slots, "slots", 1, "how many scripts run at once")
	f.StringSliceVar(&o.kinds, "kind", nil, "take jobs of this kind besides; may be given again")
	f.StringVar(&o.State, "state-dir", "", "where the key is kept (default $XDG_STATE_HOME/horus)")
	f.StringVar(&o.KeyFile, "key-file", "", "its key, if not the one in the state directory; PKCS#8 PEM, mode 0600")
	f.StringVar(&o.trust, "trust", "", "fingerprint of the founding to trust (default the one pinned)")
	f.DurationVar(&o.Lease, "lease", redisrunner.DefaultLease, "how long a job is ours without a sign of life, 3s to 5m; the leader's if that is shorter")
	f.DurationVar(&o.Grace, "grace", redisrunner.DefaultGrace, "how long running scripts may go on when it stops")
	o.level = flags.Log(f)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misused(err) })
	return cmd
}

func misused(err error) error { return exit.Misused("runner_sh", err) }

// config reads what was given as text.
func (o *options) config(id string, stderr io.Writer) (Config, error) {
	c := o.Config
	var err error
	if c.Runner, err = domain.ParseName(id); err != nil {
		return c, misused(fmt.Errorf("runner id %.70q: %w", id, err))
	}
	if c.Namespace, err = domain.ParseName(o.namespace); err != nil {
		return c, misused(fmt.Errorf("--namespace %.70q: %w", o.namespace, err))
	}
	for _, kind := range o.kinds {
		name, err := domain.ParseName(kind)
		if err != nil {
			return c, misused(fmt.Errorf("--kind %.70q: %w", kind, err))
		}
		c.Kinds = append(c.Kinds, name)
	}
	if o.trust != "" {
		if c.Trust, err = signing.ParseHash(o.trust); err != nil {
			return c, misused(fmt.Errorf("--trust: %w", err))
		}
	}
	c.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.level}))
	return c, nil
}
