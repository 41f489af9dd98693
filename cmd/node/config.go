// Package node is a supervisor: it leads a partition while nobody else does,
// and answers calls. Programs and tests run it in process:
//
//	err := node.Run(ctx, node.Config{RedisURL: "redis://localhost:6379", State: dir, …})
//
// Run owns everything that it starts and returns when all of it has ended. When
// its context ends it takes no more calls, finishes what it was asked, gives the
// lease back and returns nil.
package node

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/outbox"
	"github.com/herocode/horus/handlers/reactions"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/relay"
)

// Defaults of a supervisor.
const (
	DefaultRedisURL = "redis://localhost:6379"
	DefaultBind     = "127.0.0.1"
	DefaultPort     = 3030
	DefaultLease    = 9 * time.Second
	MinLease        = 3 * time.Second
	MaxLease        = 5 * time.Minute
	DefaultGrace    = 10 * time.Second
)

// Config says what a supervisor is. State is required; the zero value of every
// other field is ready to use, but a Port of 0 takes any free one.
type Config struct {
	RedisURL  string      // DefaultRedisURL if empty
	Namespace domain.Name // horus if empty
	Name      domain.Name // of this supervisor; made from the host's name if empty
	Bind      string      // address to listen on; DefaultBind if empty
	Port      int         // 0: any free port
	Advertise string      // URL at which other supervisors reach it, https:// beyond this machine; where it listens if empty
	TLS       TLS
	Limits    rpcapi.Limits
	State     State
	Trust     signing.Hash // founding that is trusted; zero: the one that is pinned, or the first one met

	Keys      []rpcapi.APIKey // besides the one in the state directory
	Unsigned  rpcapi.Unsigned // reject if empty
	Anonymous bool            // old reading calls need no secret
	// RegisteredOnly admits no runner by first use of its id.
	RegisteredOnly bool
	Lease          time.Duration // DefaultLease if zero; 3 s to 5 min
	Grace          time.Duration // for calls on their way when it stops; DefaultGrace if zero
	Version        string
	Settings       []wire.Setting // that system.info tells; none if empty
	// Durability is the least that every acknowledged call must have: Run refuses
	// a Redis that is not set to give it. Empty is whatever Redis gives.
	Durability eventstore.Durability
	// Topics are streams on Redis that tell others of events. All supervisors of
	// a history should be given the same: whoever leads fills them.
	Topics []outbox.Topic
	// Reactions are more handlers of events, for programs that run a supervisor
	// in process. Their names do not begin with "topic.".
	Reactions []reactions.Reaction
	// WaitForRedis has Run wait, for as long as it takes, for a Redis that does
	// not answer yet. Else that is its error.
	WaitForRedis bool

	Log *slog.Logger
	// Listening is told the URL that calls may be sent to, once they are
	// answered. Nil if nobody wants to know.
	Listening func(url string)
	// Serving is handed the API, for callers in this process. Nil if there are
	// none.
	Serving func(*rpcapi.API)
}

// TLS names files in PEM. Without Cert and Key, which belong together, calls come
// in unencrypted.
type TLS struct {
	Cert string // certificate and its chain; read again when it changes
	Key  string // its private key
	CA   string // certificates that the other supervisors' are believed by; the system's if empty
}

// State is what a supervisor keeps from one start to the next: its state
// directory, a [statedir.Dir].
type State interface {
	Key(namespace domain.Name, file statedir.File) (signing.PrivateKey, error)
	Load(namespace domain.Name, file statedir.File) (signing.PrivateKey, error)
	Succeed(namespace domain.Name, file statedir.File) error
	Read(namespace domain.Name, file statedir.File) (string, error)
	Write(namespace domain.Name, file statedir.File, text string) error
	Create(namespace domain.Name, file statedir.File, text string) error
	Remove(namespace domain.Name, file statedir.File) error
	Pinned(namespace domain.Name) (signing.Hash, error)
	Pin(namespace domain.Name, founding signing.Hash) error
	Path(namespace domain.Name, file statedir.File) string
	String() string
}

func (c *Config) check() error {
	c.RedisURL = cmp.Or(c.RedisURL, DefaultRedisURL)
	c.Namespace = cmp.Or(c.Namespace, statedir.DefaultNamespace)
	c.Bind = cmp.Or(c.Bind, DefaultBind)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.Grace = cmp.Or(c.Grace, DefaultGrace)
	c.Name = cmp.Or(c.Name, HostName())
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Listening == nil {
		c.Listening = func(string) {}
	}
	if c.Serving == nil {
		c.Serving = func(*rpcapi.API) {}
	}
	if c.Lease < MinLease || c.Lease > MaxLease {
		return errors.New("lease must be 3 s to 5 min")
	}
	if c.Durability != "" {
		if _, err := eventstore.ParseDurability(string(c.Durability)); err != nil {
			return err
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both, or neither")
	}
	c.Limits = c.Limits.WithDefaults()
	if err := c.Limits.Check(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	if c.Advertise != "" {
		if err := relay.CheckAddress(c.Advertise); err != nil {
			return fmt.Errorf("advertise: %w", err)
		}
	}
	if err := c.checkReactions(); err != nil {
		return err
	}
	for _, name := range []domain.Name{c.Namespace, c.Name} {
		if _, err := domain.ParseName(string(name)); err != nil {
			return fmt.Errorf("%.70q: %w", name, err)
		}
	}
	return nil
}

func (c *Config) address() string { return net.JoinHostPort(c.Bind, strconv.Itoa(c.Port)) }

// HostName makes a name of the host's.
func HostName() domain.Name {
	host, err := os.Hostname()
	if err != nil {
		return "supervisor"
	}
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(host))
	name, err := domain.ParseName(strings.Trim(clean, ".-"))
	if err != nil {
		return "supervisor"
	}
	return name
}
