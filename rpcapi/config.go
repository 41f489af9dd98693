package rpcapi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Config of an API. The zero value of a field that is not required is ready to
// use.
type Config struct {
	Backend Backend  // required
	Keys    []APIKey // who may call; nobody if empty
	// Durability is the word that receipts bear: what is acknowledged now has it.
	// Required.
	Durability func() eventstore.Durability
	Unsigned   Unsigned        // what becomes of unsigned jobs; [Reject] if empty
	Anonymous  bool            // anonymous_reads: old reading calls need no secret
	Settings   []wire.Setting  // that system.info tells to scope admin; none if empty
	Version    string          // of the program; "dev" if empty
	Stopping   <-chan struct{} // closed when the program is to end: who waits for an outcome is sent away; never if nil
	Limits     Limits
	Verifier   *signing.Verifier // one of its own if nil
	Metrics    *Metrics          // not measured if nil
	Relay      jsonrpc.Relay     // has calls answered that need the leader, where that is another; nil: none is
	Log        *slog.Logger      // discarded if nil
	Clock      func() time.Time  // time.Now if nil
	NewID      func() string     // of unsigned jobs without one; UUIDv7 (RFC 9562) if nil
	Random     io.Reader         // that secrets are made of; crypto/rand if nil
}

// Unsigned says what becomes of a job that nobody signed.
type Unsigned string

// The ways.
const (
	Reject      Unsigned = "reject"
	Countersign Unsigned = "countersign" // the leader's seal stands for the holder of the API key
)

// rememberedKeys is how many clients' keys have their tables at hand.
const rememberedKeys = 1024

// check fills in the defaults and names what is wrong.
func (c *Config) check() error {
	if c.Backend.Leader == nil || c.Backend.Jobs == nil || c.Backend.Runners == nil || c.Backend.System == nil || c.Backend.Log == nil || c.Backend.Poison == nil {
		return errors.New("config: Backend is not whole")
	}
	if c.Durability == nil {
		return errors.New("config: Durability is required")
	}
	switch c.Unsigned {
	case "":
		c.Unsigned = Reject
	case Reject, Countersign:
	default:
		return fmt.Errorf("config: Unsigned is %q; it is %q or %q", c.Unsigned, Reject, Countersign)
	}
	names := make(map[string]bool, len(c.Keys))
	for _, key := range c.Keys {
		if err := key.check(); err != nil {
			return fmt.Errorf("config: Keys: %w", err)
		}
		if names[key.Name] {
			return fmt.Errorf("config: Keys: two keys are called %q", key.Name)
		}
		names[key.Name] = true
	}
	c.fill()
	if err := c.Limits.Check(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func (c *Config) fill() {
	c.Limits = c.Limits.WithDefaults()
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Verifier == nil {
		c.Verifier = signing.NewVerifier(rememberedKeys)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.NewID == nil {
		c.NewID = func() string { return uuid.Must(uuid.NewV7()).String() } // fails with crypto/rand only, which never does
	}
}
