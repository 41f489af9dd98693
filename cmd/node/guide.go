package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/term"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/relay"
)

// seekEvery is how often the lease is looked at while calls wait for a leader.
const seekEvery = 100 * time.Millisecond

// guide knows who leads, for calls that this supervisor passes on. The lease
// says which term is on, and the history who leads in it: its sealed beginning is
// believed, and nothing else. It is safe for concurrent use.
type guide struct {
	lease eventstore.Lease
	began func(ctx context.Context, term uint64) (leader term.State, ok bool, err error)
	desk  *desk
	scene Scene
	// This supervisor's own, which it may have led under before it was started
	// again.
	name    domain.Name
	address string

	looking sync.Mutex // held by whoever looks

	mu sync.Mutex

	seen   eventstore.Holder
	looked time.Time
	leader term.State    // who leads, or led last as far as is known
	over   chan struct{} // closed when another term was seen; nil before the first look
}

// look reads the lease, unless that was done since a moment, and of a new term
// who leads in it.
func (g *guide) look(ctx context.Context, since time.Time) error {
	g.looking.Lock()
	defer g.looking.Unlock()
	g.mu.Lock()
	fresh, leader := g.looked.After(since), g.leader
	g.mu.Unlock()
	if fresh {
		return nil
	}
	now := g.scene.Now()
	seen, err := g.lease.Holder(ctx)
	if err != nil {
		return fmt.Errorf("look who leads: %w", err)
	}
	if seen.Name != "" && seen.Term != leader.Term {
		began, ok, err := g.began(ctx, seen.Term)
		if err != nil {
			return err
		}
		if ok {
			leader = began
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over == nil || seen.Term != g.seen.Term || seen.Name != g.seen.Name {
		if g.over != nil {
			close(g.over)
		}
		g.over = make(chan struct{})
	}
	g.seen, g.looked, g.leader = seen, now, leader
	return nil
}

// current returns who leads, if that is known and is not this supervisor as it
// was before it was started again.
func (g *guide) current() (leader relay.Leader, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.leader
	ok = g.seen.Name != "" && g.seen.Term == l.Term && (l.Name != g.name || l.Address != g.address)
	return relay.Leader{Name: l.Name, Address: l.Address, Term: l.Term, Over: g.over}, ok
}

// last returns who led last, as far as is known.
func (g *guide) last() term.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leader
}

// Here implements [relay.Guide].
func (g *guide) Here() bool {
	_, err := g.desk.current()
	return err == nil
}

// Leader implements [relay.Guide].
func (g *guide) Leader(ctx context.Context, above uint64) (relay.Leader, error) {
	known := eventstore.BeatEvery // who leads is looked up that often anyway
	for {
		news := g.desk.news()
		if g.Here() {
			return relay.Leader{Here: true}, nil
		}
		if err := g.desk.halted(); err != nil {
			return relay.Leader{}, err
		}
		err := g.look(ctx, g.scene.Now().Add(-known))
		if leader, ok := g.current(); ok && err == nil && leader.Term > above {
			return leader, nil
		}
		known = seekEvery
		if g.scene.Rest(ctx, news, seekEvery); ctx.Err() != nil {
			return relay.Leader{}, g.nobody()
		}
	}
}

// nobody says that nobody leads, and who did.
func (g *guide) nobody() error {
	led := "this supervisor does not lead yet, and no other does"
	if l := g.last(); l.Term != 0 {
		led = fmt.Sprintf("nobody leads now; supervisor %s at %s led last", l.Name, l.Address)
	}
	return jsonrpc.RetryAfter(domain.Errorf(domain.TryAgain, "no_leader", "%s: ask again in a moment", led), eventstore.BeatEvery)
}
