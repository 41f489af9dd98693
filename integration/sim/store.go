package sim

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
)

// none is the answer of calls that have no other than that they were done.
type none struct{}

// done makes an answer of an error.
func done(err error) (none, error) { return none{}, err }

// log is a process' way to the log and its lease.
type log struct{ p *process }

var _ eventstore.Store = log{}

// Append implements [eventstore.Log].
func (l log) Append(_ context.Context, term uint64, after eventstore.Tip, c eventstore.Batch) error {
	w := l.p.world
	entries, about := read(c)
	_, err := call(l.p, writes, "append", about, func() (none, error) {
		s := w.server.store
		before, _ := s.Tip(context.Background()) // has no error
		err := s.Append(context.Background(), term, after, c)
		if now, _ := s.Tip(context.Background()); now != before {
			w.ledger.appended(l.p.name, term, c, entries)
		}
		return done(err)
	})
	return err
}

// Cut implements [eventstore.Cutter].
func (l log) Cut(_ context.Context, term uint64, after eventstore.Tip) error {
	w := l.p.world
	_, err := call(l.p, writes, "cut", "", func() (none, error) {
		err := w.server.store.Cut(context.Background(), term, after)
		if err == nil && after.Seq < w.ledger.seq() {
			w.story.tell("", l.p.name, "cuts the log behind %d", after.Seq)
			w.server.synced = min(w.server.synced, after.Seq)
			w.ledger.rollback(after.Seq)
		}
		return done(err)
	})
	return err
}

// Tip implements [eventstore.Log].
func (l log) Tip(context.Context) (eventstore.Tip, error) {
	return call(l.p, reads, "tip", "", func() (eventstore.Tip, error) { return l.p.world.server.store.Tip(context.Background()) })
}

// Read implements [eventstore.Log].
func (l log) Read(_ context.Context, after uint64, limit int) ([]history.Raw, error) {
	return call(l.p, reads, "read", "", func() ([]history.Raw, error) {
		return l.p.world.server.store.Read(context.Background(), after, limit)
	})
}

// Get implements [eventstore.Log].
func (l log) Get(_ context.Context, seqs []uint64) ([]history.Raw, error) {
	seqs = slices.Clone(seqs)
	return call(l.p, reads, "get", "", func() ([]history.Raw, error) { return l.p.world.server.store.Get(context.Background(), seqs) })
}

// Holder implements [eventstore.Lease].
func (l log) Holder(context.Context) (eventstore.Holder, error) {
	return call(l.p, reads, "holder", "", func() (eventstore.Holder, error) { return l.p.world.server.store.Holder(context.Background()) })
}

// Take implements [eventstore.Lease].
func (l log) Take(_ context.Context, seen, next eventstore.Holder) error {
	w := l.p.world
	_, err := call(l.p, writes, "take the lease", "", func() (none, error) {
		err := w.server.take(seen, next)
		if err == nil {
			w.counts[LeaderChange]++
			w.story.tell("", l.p.name, "takes the lease with term %d", next.Term)
		}
		return done(err)
	})
	return err
}

// Beat implements [eventstore.Lease].
func (l log) Beat(_ context.Context, term uint64) error {
	_, err := call(l.p, writes, "beat", "", func() (none, error) { return done(l.p.world.server.store.Beat(context.Background(), term)) })
	return err
}

// Release implements [eventstore.Lease].
func (l log) Release(_ context.Context, term uint64) error {
	w := l.p.world
	_, err := call(l.p, writes, "give the lease back", "", func() (none, error) {
		err := w.server.store.Release(context.Background(), term)
		if err == nil {
			w.story.tell("", l.p.name, "gives the lease of term %d back", term)
		}
		return done(err)
	})
	return err
}
