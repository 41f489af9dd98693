package sim

import (
	"context"
	"slices"
	"time"

	"github.com/herocode/horus/eventstore"
)

// In every third world the server has a replica, and supervisors ask for one. It
// follows in order, stands still now and then, and takes over when the server
// crashes, with the lease as it was: what a Sync said to be there, it has.

// replicatedIn reports whether the world of a seed has a replica.
func replicatedIn(seed uint64) bool { return seed%3 == 1 }

// syncer is a process' way to ask how far the replica is.
type syncer struct{ p *process }

// Sync implements [eventstore.Syncer].
func (y syncer) Sync(_ context.Context, term uint64, through eventstore.Tip) error {
	s := y.p.world.server
	_, err := call(y.p, writes, "sync", "", func() (none, error) { return done(s.sync(term, through)) })
	return err
}

// sync has the replica say whether it has everything up to a place.
func (s *server) sync(term uint64, through eventstore.Tip) error {
	if err := s.store.Sync(context.Background(), term, through); err != nil {
		return err
	}
	w := s.world
	if s.lags > w.now {
		w.counts[ShortWait]++
		return eventstore.ErrNotDurable
	}
	s.synced = w.ledger.seq()
	s.past = slices.DeleteFunc(s.past, func(m moment) bool { return m.seq < s.synced })
	if len(s.past) == 0 {
		s.keep()
	}
	return nil
}

// lag has the replica stand still for a while.
func (s *server) lag() {
	w := s.world
	took := w.between(100*time.Millisecond, 4*time.Second)
	s.lags = w.now + took
	w.story.tell("", "replica", "stands still for %s", took)
}
