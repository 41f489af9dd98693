// Package supervise is the command line of the program supervisor.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/flags"
	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/settings"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/handlers/outbox"
	"github.com/herocode/horus/rpcapi"
)

// Main runs the supervisor until ctx ends, and returns its exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	TuneHeap()
	logging.Disable() // go-redis would write to stderr what our log says in plain words
	return exit.Main("supervisor", stderr, func() error {
		cmd := newCommand(program{node.Run, node.Check})
		cmd.SetArgs(args)
		cmd.SetOut(stdout)
		cmd.SetErr(stderr)
		return cmd.ExecuteContext(ctx)
	})
}

// TuneHeap makes the process collect garbage less often than Go does by itself,
// unless GOGC says how often: most of what a supervisor allocates lives as long
// as one commit. A limit set with GOMEMLIMIT holds all the same.
func TuneHeap() {
	const growth = 400 // percent
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(growth)
	}
}

// program is what the command does; tests replace it.
type program struct {
	run   func(context.Context, node.Config) error
	check func(context.Context, node.Config) (redisstore.Settings, error)
}

// options are the flags as they were given.
type options struct {
	node.Config
	namespace, name, stateDir string
	trust                     string
	unsigned                  string
	durability                string
	topics                    []string
	adminSecrets, userSecrets []string
	registerSecrets           []string
	level                     *flags.Level
	check                     bool
	mycelium                  string
	filled                    *settings.Filled
}

const usage = `supervisor admits jobs over JSON-RPC, records everything that happens to them in
one signed history on Redis, and queues them for runners.

  supervisor --redis-url redis://localhost:6379 --port 3030

On its first start it makes its key and an API key of scope admin in the state
directory. Where there is no history yet it founds one, and makes the operator's
key, which admits supervisors when all are gone: keep operator.key in a safe
place away from here. The command horus on the same machine finds all of that.

It remembers the founding of the history that it met first, and accepts no other;
name the founding with --trust to be sure from the start. Its log says which one
it leads.

Secrets for other callers come from the environment, separated by commas, so
that no process list shows them:

  HORUS_ADMIN_SECRET, HORUS_USER_SECRET, HORUS_REGISTER_SECRET

or from a file that nobody else may read. Every flag can come from the
environment, --redis-url from HORUS_REDIS_URL, and from the file that --config
names: redis_url = "redis://…". Flags count first, then the environment, then the
file. The file of Hero Supervisor works as it is. --check says what is in force,
where each value came from, and whether Redis will do; docs/configuration.md
lists everything.

It trades memory for speed: its heap grows to five times what is in use before
it is collected. GOGC=100 makes that twice; GOMEMLIMIT sets a limit.

Ctrl-C stops it: it takes no more calls, answers those on their way, and gives
the lead back. A second Ctrl-C kills it; nothing that was acknowledged is lost.

When it starts it checks the history from where its read models are to the end;
horus audit verify checks all of it.

Several supervisors on one Redis: one leads, the others stand by and pass on
what only the leader can do. Give all the same secrets, each a state directory
of its own, and --advertise https://... where they are on several machines. One
whose key is not admitted says at its start what to run.

Every receipt names what keeps the job. --durability asks for more than Redis may
be set to: everysec and fsync are settings of Redis, and a supervisor whose Redis
does not have them does not start. With replicated:k each acknowledged call is on
k replicas of Redis too; as long as there are fewer, or they lag, callers are told
-32009 and ask again. Give all supervisors the same.

With --tls-cert and --tls-key it speaks TLS, and reads both files again when they
change. Supervisors on several machines then need no proxy: --advertise names the
address that the certificate is for, and --tls-ca a private certificate
authority.

What callers may cost is bounded, and system.info tells the bounds. Those that
begin with --limit- can be changed; docs/limits.md lists all, and their errors.

From three quarters of Redis' maxmemory on it takes no new jobs, and goes on with
those that it took.

Other programs hear of events through topics, which are streams on the same
Redis in the format of Watermill: --topic 'jobs=job.completed,job.failed' fills
NAMESPACE:{p000}:topic:jobs from then on. Behind the types may follow ;max=N (how
many messages it keeps, about 100000 if not said) and ;from=start (begin with the
founding). Give all supervisors the same. HORUS_TOPIC holds several with spaces
between them; docs/events.md says what is in a message.

It waits for a Redis that does not answer yet. A damaged history does not end
it: reads go on, writes are refused, and the log says what to do.

Exit codes: 0 stopped, 64 wrong arguments, 77 not allowed (password of Redis,
another founding), 78 a wrong setting (its own, or one of Redis).`

// newCommand returns the command line of a program.
func newCommand(p program) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:               "supervisor",
		Short:             "Admit jobs and lead their history",
		Long:              usage,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		Args: func(cmd *cobra.Command, args []string) error {
			return misused(cobra.NoArgs(cmd, args))
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.read(cmd)
			if o.check {
				return o.checked(cmd, p, cfg, err)
			}
			if err != nil {
				return err
			}
			o.warn(cmd.Context(), cfg.Log)
			cfg.Listening = func(url string) {
				if cfg.Advertise != "" { // that is where others find it
					url = cfg.Advertise + ", and listens at " + url
				}
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "supervisor %s answers at %s\n", cfg.Name, url)
			}
			return p.run(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.String(settings.ConfigFlag, "", "file with settings, in TOML; docs/configuration.md")
	f.BoolVar(&o.check, "check", false, "say what is in force, look at Redis, and end: 0, or 78 when something is wrong")
	f.StringVar(&o.RedisURL, "redis-url", node.DefaultRedisURL, "Redis that holds the history")
	f.StringVar(&o.namespace, "namespace", string(statedir.DefaultNamespace), "which Horus system on that Redis this is")
	f.StringVar(&o.Bind, "bind-address", node.DefaultBind, "address to listen on")
	f.IntVar(&o.Port, "port", node.DefaultPort, "port to listen on; 0 for any free one")
	f.StringVar(&o.Advertise, "advertise", "", "URL at which other supervisors reach this one, https:// beyond this machine (default: where it listens)")
	f.StringVar(&o.name, "name", "", "name of this supervisor (default: the host's)")
	f.StringVar(&o.stateDir, "state-dir", "", "where keys are kept (default $XDG_STATE_HOME/horus)")
	f.StringVar(&o.trust, "trust", "", "fingerprint of the founding to trust (default the one remembered)")
	f.StringVar(&o.unsigned, "unsigned", string(rpcapi.Reject), "unsigned jobs: reject, or countersign on the word of an API key")
	f.StringVar(&o.durability, "durability", "", "least that an acknowledged job must have: everysec, fsync, or replicated:1 to replicated:9 (default: what Redis is set to)")
	f.BoolVar(&o.Anonymous, "anonymous-reads", false, "let old clients read without a secret")
	f.BoolVar(&o.RegisteredOnly, "registered-runners", false, "admit no runner by first use of its id")
	f.DurationVar(&o.Lease, "lease", node.DefaultLease, "how long a runner may be silent about an attempt, 3s to 5m; runners are told of it")
	f.DurationVar(&o.Grace, "grace", node.DefaultGrace, "how long calls may go on when it stops")
	f.StringArrayVar(&o.topics, "topic", nil, "NAME=TYPE,TYPE…: a stream that tells others of events, as jobs=job.completed,job.failed; once for each")
	f.StringSliceVar(&o.adminSecrets, "admin-secret", nil, "API key of scope admin; better in HORUS_ADMIN_SECRET")
	f.StringSliceVar(&o.userSecrets, "user-secret", nil, "API key of scope user; better in HORUS_USER_SECRET")
	f.StringSliceVar(&o.registerSecrets, "register-secret", nil, "API key of scope registrar; better in HORUS_REGISTER_SECRET")
	f.StringVar(&o.mycelium, "mycelium", "", "not there yet: it is refused")
	f.Lookup("mycelium").NoOptDefVal = "on"
	addTLS(f, &o.TLS)
	addLimits(f, &o.Limits)
	o.level = flags.Log(f)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misused(err) })
	return cmd
}

func misused(err error) error { return exit.Misused("supervisor", err) }

// config reads what was given as text.
func (o *options) config(stderr io.Writer) (node.Config, error) {
	c := o.Config
	var err error
	if c.Namespace, err = domain.ParseName(o.namespace); err != nil {
		return c, o.wrong("namespace", err)
	}
	if c.Name = node.HostName(); o.name != "" {
		if c.Name, err = domain.ParseName(o.name); err != nil {
			return c, o.wrong("name", err)
		}
	}
	if c.State, err = statedir.Open(o.stateDir); err != nil {
		return c, exit.With(exit.Settings, err)
	}
	if o.trust != "" {
		if c.Trust, err = signing.ParseHash(o.trust); err != nil {
			return c, o.wrong("trust", err)
		}
	}
	if o.durability != "" {
		if c.Durability, err = eventstore.ParseDurability(o.durability); err != nil {
			return c, o.wrong("durability", err)
		}
	}
	if c.Topics, err = outbox.ParseTopics(strings.Join(o.topics, " ")); err != nil {
		return c, o.wrong("topic", err)
	}
	if c.Unsigned = rpcapi.Unsigned(o.unsigned); c.Unsigned != rpcapi.Reject && c.Unsigned != rpcapi.Countersign {
		return c, exit.With(exit.Settings, o.wrong("unsigned", fmt.Errorf("it is %s or %s", rpcapi.Reject, rpcapi.Countersign)))
	}
	if o.mycelium != "" {
		return c, exit.With(exit.Settings, errors.New("--mycelium: calls over Mycelium are not there yet; leave it out, and call over HTTP"))
	}
	c.WaitForRedis, c.Settings = true, o.filled.Told()
	if c.Keys, err = o.keys(); err != nil {
		return c, exit.With(exit.Settings, err)
	}
	c.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.level}))
	return c, nil
}

// keys makes API keys of the secrets.
func (o *options) keys() ([]rpcapi.APIKey, error) {
	var keys []rpcapi.APIKey
	for _, group := range []struct {
		name    string
		scope   rpcapi.Scope
		secrets []string
	}{
		{"admin", rpcapi.Admin, o.adminSecrets},
		{"user", rpcapi.User, o.userSecrets},
		{"register", rpcapi.Registrar, o.registerSecrets},
	} {
		for i, secret := range group.secrets {
			name := group.name
			if i > 0 {
				name = fmt.Sprintf("%s-%d", group.name, i+1)
			}
			key, err := rpcapi.NewAPIKey(name, group.scope, secret)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}
