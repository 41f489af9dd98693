package cli

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// checker takes events as they come and returns those that are proved by now.
type checker interface {
	take(e wire.LogEvent) ([]wire.LogEvent, error)
}

// sealed checks that each event stands under its seal.
type sealed struct{ namespace domain.Name }

func (s sealed) take(e wire.LogEvent) ([]wire.LogEvent, error) {
	return []wire.LogEvent{e}, e.Check(s.namespace)
}

// rememberedKeys is how many keys have their tables at hand.
const rememberedKeys = 1024

// chained checks commit by commit that nothing of a history was changed, left out
// or slipped in, in the same memory for any length of it. Whether each event was
// a legal one is for an audit to say.
type chained struct {
	trust  signing.Hash // of the founding; zero: any
	reader *history.Reader
	chain  *history.Chain
	held   []wire.LogEvent // until their commit is whole
}

func newChained(namespace domain.Name, trust signing.Hash) *chained {
	return &chained{
		trust: trust, reader: history.NewReader(string(namespace), 0, 0),
		chain: history.NewChain(string(namespace), 0, signing.NewVerifier(rememberedKeys)),
	}
}

func (c *chained) take(e wire.LogEvent) ([]wire.LogEvent, error) {
	if founding := signing.LeafHash(e.Bytes()); e.Seq == 1 && !c.trust.IsZero() && founding != c.trust {
		return nil, fmt.Errorf("it was founded by %s, not by %s", founding, c.trust)
	}
	c.held = append(c.held, e)
	commit, err := c.reader.Next(history.Raw{Seq: e.Seq, Event: e.Bytes(), Seal: []byte(e.Seal)})
	if err != nil || commit == nil {
		return nil, err
	}
	if err := c.chain.Follow(commit); err != nil {
		return nil, err
	}
	proved := c.held
	c.held = nil
	return proved, nil
}
