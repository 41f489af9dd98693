// Package cli is the command horus: what people and scripts do with a Horus
// system from a terminal.
package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/door"
)

// Main runs horus and returns its exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	logging.Disable() // go-redis would write to stderr what our errors say in plain words
	return exit.Main("horus", stderr, func() error {
		root := newRoot()
		root.SetArgs(args)
		root.SetIn(stdin)
		root.SetOut(stdout)
		root.SetErr(stderr)
		err := advised(root.ExecuteContext(ctx))
		if _, ok := errors.AsType[*client.UnreachableError](err); ok && exit.CodeOf(err) == exit.Bad {
			return exit.With(exit.Unreachable, err) // who answers there is no supervisor
		}
		return err
	})
}

// advised says what to do about an error that the command line can do something
// about.
func advised(err error) error {
	if advice := adviceFor(err); advice != "" {
		return fmt.Errorf("%w\n%s", err, advice)
	}
	return err
}

func adviceFor(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "If the authority is your own, name its certificate with --tls-ca"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		if _, ok := errors.AsType[*client.UnreachableError](err); ok {
			return "Start one with 'supervisor', or name one that runs with --address (HORUS_ADDRESS)"
		}
	}
	_, told := errors.AsType[*client.Error](err) // by a supervisor
	switch reason := domain.ReasonOf(err); {
	case reason == "redis_unreachable" && !told:
		return "Name another with --redis-url (HORUS_REDIS_URL)"
	case reason == "secret" && told:
		return "An API key comes from HORUS_API_KEY, a context, or the state directory of this machine"
	}
	return ""
}

// settings are what every command shares.
type settings struct {
	address   string
	stateDir  string
	namespace string
	redisURL  string
	trust     string
	tlsCA     string
	context   string
	json      bool

	apiKey string // of the context, when its address is the one that is meant
}

func newRoot() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:   "horus",
		Short: "Submit jobs, look at them, and check that their history is true",
		Long: `horus talks to a Horus supervisor and reads its history.

Try it without anything running:

  horus dev                          a whole system in one process, and a tour
  horus dev --once 'echo hello'      run one job and exit with its code

With a supervisor on this machine its address and API key are found in the
state directory; elsewhere set HORUS_ADDRESS and HORUS_API_KEY, or remember both
with 'horus contexts add'. Every flag can come from the environment: --redis-url
from HORUS_REDIS_URL.`,
		Args: arguments(func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("there is no command %q%s", args[0], suggestions(cmd, args[0]))
		}),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,

		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: s.prepare,
	}
	f := root.PersistentFlags()
	f.StringVar(&s.address, "address", "", "URL of the supervisor (default: the one of this machine, or http://127.0.0.1:3030)")
	f.StringVar(&s.stateDir, "state-dir", "", "where keys are kept (default $XDG_STATE_HOME/horus)")
	f.StringVar(&s.namespace, "namespace", string(statedir.DefaultNamespace), "which Horus system on the Redis is meant")
	f.StringVar(&s.redisURL, "redis-url", "redis://localhost:6379", "Redis, for commands that read the history itself")
	f.StringVar(&s.trust, "trust", "", "fingerprint of the founding that the history must have (default: none is asked of a supervisor; the one remembered, where horus reads the history itself)")
	f.StringVar(&s.tlsCA, "tls-ca", "", "file of certificates that the supervisor's is believed by, in PEM (default: the system's)")
	f.StringVar(&s.context, "context", "", "which of the remembered systems is meant (default: the current one of 'horus contexts')")
	_ = root.RegisterFlagCompletionFunc("context", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return contextNames(), cobra.ShellCompDirectiveNoFileComp
	}) // fails for flags that do not exist
	f.BoolVar(&s.json, "json", false, "print JSON for programs")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return exit.Misused(cmd.CommandPath(), err)
	})
	for _, g := range s.groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	return root
}

// group is commands that stand together in the help.
type group struct {
	id, title string
	commands  []*cobra.Command
}

func (s *settings) groups() []group {
	return []group{
		{"jobs", "Jobs:", append(s.jobVerbs(), submitCommand(s), signCommand(s), listCommand(s), jobCommand(s), deadCommand(s))},
		{"flow", "Queues and runners:", []*cobra.Command{queuesCommand(s), runnersCommand(s), poisonCommand(s)}},
		{"trust", "Keys and history:", []*cobra.Command{keysCommand(s), secretsCommand(s), eventsCommand(s), auditCommand(s), rebuildCommand(s), repairCommand(s)}},
		{"system", "Systems:", []*cobra.Command{devCommand(s), benchCommand(s), systemCommand(s), contextsCommand(s)}},
	}
}

// suggestions names commands that are spelled much like a word.
func suggestions(cmd *cobra.Command, word string) string {
	near := cmd.SuggestionsFor(word)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// arguments makes cobra's complaints about arguments usage errors.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return exit.Misused(cmd.CommandPath(), err)
		}
		return nil
	}
}

func (s *settings) state() (statedir.Dir, error) {
	dir, err := statedir.Open(s.stateDir)
	return dir, exit.With(exit.Settings, err)
}

func (s *settings) ns() (domain.Name, error) {
	name, err := domain.ParseName(s.namespace)
	return name, exit.With(exit.Usage, err)
}

// connect makes a client of the supervisor that the settings mean, and makes
// sure of its history when a founding was named.
func (s *settings) connect(ctx context.Context, key signing.PrivateKey) (*client.Client, error) {
	c, err := s.client(key)
	if err != nil || s.trust == "" {
		return c, err
	}
	trust, err := s.named()
	if err != nil {
		return nil, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Founding != trust.String() {
		return nil, exit.With(exit.NotAllowed, fmt.Errorf("the history of supervisor %s was founded by %s, not by %s, which --trust names: is this the right address?",
			info.Name, info.Founding, trust))
	}
	return c, nil
}

// named reads the fingerprint that was given; it is zero when none was.
func (s *settings) named() (signing.Hash, error) {
	if s.trust == "" {
		return signing.Hash{}, nil
	}
	hash, err := signing.ParseHash(s.trust)
	if err != nil {
		return hash, exit.With(exit.Usage, fmt.Errorf("--trust: %w", err))
	}
	return hash, nil
}

func (s *settings) client(key signing.PrivateKey) (*client.Client, error) {
	dir, err := s.state()
	if err != nil {
		return nil, err
	}
	ns, err := s.ns()
	if err != nil {
		return nil, err
	}
	address := s.address
	if address == "" {
		if address, err = dir.Read(ns, statedir.Address); errors.Is(err, os.ErrNotExist) {
			address = "http://127.0.0.1:3030"
		} else if err != nil {
			return nil, exit.With(exit.Settings, err)
		}
	}
	addresses := strings.Split(address, ",")
	secret := cmp.Or(os.Getenv("HORUS_API_KEY"), s.apiKey)
	if secret == "" {
		if secret, err = dir.Read(ns, statedir.APIKey); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, exit.With(exit.Settings, err)
		}
		if err := keptHere(secret, addresses); err != nil {
			return nil, err
		}
	}
	authorities, err := s.authorities()
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{Addresses: addresses, APIKey: secret, Key: key, Authorities: authorities})
}

// authorities are whom the supervisor's certificate is believed by; nil for whom
// the system believes.
func (s *settings) authorities() (*x509.CertPool, error) {
	if s.tlsCA == "" {
		return nil, nil
	}
	pool, err := door.Authorities(s.tlsCA)
	if err != nil {
		return nil, exit.With(exit.Settings, fmt.Errorf("--tls-ca: %w", err))
	}
	return pool, nil
}

// keptHere refuses to send the API key that was found in the state directory over
// a network in the clear. Whoever wants that names the key.
func keptHere(secret string, addresses []string) error {
	for _, address := range addresses {
		u, err := url.Parse(strings.TrimSpace(address))
		if secret == "" || err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
			continue
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
			return exit.With(exit.Settings, fmt.Errorf(
				"the API key of this state directory is not sent in the clear to %s: give an https address, or name the key in HORUS_API_KEY", u.Host))
		}
	}
	return nil
}

// clientKey loads this user's key, and makes it on first use.
func (s *settings) clientKey() (signing.PrivateKey, error) { return s.stateKey(statedir.ClientKey) }

// stateKey loads a key of the state directory, and makes it on first use.
func (s *settings) stateKey(file statedir.File) (signing.PrivateKey, error) {
	dir, err := s.state()
	if err != nil {
		return signing.PrivateKey{}, err
	}
	ns, err := s.ns()
	if err != nil {
		return signing.PrivateKey{}, err
	}
	key, err := dir.Key(ns, file)
	return key, exit.With(exit.Settings, err)
}
