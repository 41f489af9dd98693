// Package memstore keeps a partition's log and lease in memory, for tests and
// for the simulator.
//
// Its one idea: it means exactly what the durable stores mean, and package
// storetest holds it to that, so what goes wrong over a memstore goes wrong over
// Redis. It fails when it is told to, in every way in which they can:
//
//	store := memstore.New()
//	store.OnAppend = func() (bool, error) { return false, errLost } // not kept
//	store.OnAppend = func() (bool, error) { return true, errLost }  // kept, but the reply was lost
//	store.OnSync = func() error { return eventstore.ErrNotDurable } // the copies lag behind
//	store.Truncate(7)     // the tail is gone, as after a failover
//	store.Intrude(commit) // somebody else appended and asked nobody
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
)

// Store is one partition's log and lease. It is safe for concurrent use.
type Store struct {
	// OnAppend, if set, decides how each Append fares. With keep, it is carried
	// out; an error is what its caller gets instead of the outcome. Without
	// keep, nothing is carried out, and the error must be there. Set it before
	// the store is used, or between its calls.
	OnAppend func() (keep bool, err error)
	// OnSync, if set, is what each Sync says that the lease does not refuse. Set
	// it as OnAppend.
	OnSync func() error

	mu sync.Mutex

	log    []history.Raw
	holder eventstore.Holder
}

var (
	_ eventstore.Store  = (*Store)(nil)
	_ eventstore.Syncer = (*Store)(nil)
)

// New returns an empty store.
func New() *Store { return &Store{} }

// Append adds a commit.
func (s *Store) Append(ctx context.Context, term uint64, after eventstore.Tip, c eventstore.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.OnAppend == nil {
		return s.append(term, after, c)
	}
	keep, lost := s.OnAppend()
	if !keep {
		return lost
	}
	if err := s.append(term, after, c); lost == nil {
		return err
	}
	return lost
}

func (s *Store) append(term uint64, after eventstore.Tip, c eventstore.Batch) error {
	if err := c.Check(after); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tip := s.tipLocked()
	switch {
	case tip == c.Tip(): // a repeat
		return nil
	case !s.leadsLocked(term):
		return fmt.Errorf("append with term %d: %w", term, eventstore.ErrConflict)
	case tip != after:
		return fmt.Errorf("append behind %d: %w", after.Seq, eventstore.ErrConflict)
	}
	s.addLocked(c)
	return nil
}

func (s *Store) addLocked(c eventstore.Batch) {
	for i, event := range c.Events {
		s.log = append(s.log, history.Raw{Seq: c.First + uint64(i), Event: bytes.Clone(event)})
	}
	s.log[len(s.log)-1].Seal = bytes.Clone(c.Seal)
}

// Sync says that copies that nobody has are where the log is.
func (s *Store) Sync(ctx context.Context, term uint64, through eventstore.Tip) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	fits := s.leadsLocked(term) && (through == eventstore.Tip{} || s.hasLocked(through))
	s.mu.Unlock()
	if !fits {
		return fmt.Errorf("sync up to %d with term %d: %w", through.Seq, term, eventstore.ErrConflict)
	}
	if s.OnSync == nil {
		return nil
	}
	return s.OnSync()
}

// Tip returns the end of the log.
func (s *Store) Tip(ctx context.Context) (eventstore.Tip, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tipLocked(), ctx.Err()
}

func (s *Store) tipLocked() eventstore.Tip {
	if len(s.log) == 0 {
		return eventstore.Tip{}
	}
	last := s.log[len(s.log)-1]
	return eventstore.Tip{Seq: last.Seq, Seal: string(last.Seal)}
}

// Read returns entries after a place.
func (s *Store) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if after >= uint64(len(s.log)) || limit < 1 {
		return nil, nil
	}
	rest := s.log[after:]
	rest = rest[:min(len(rest), limit)]
	raws := make([]history.Raw, len(rest))
	for i := range rest {
		raws[i] = clone(rest[i])
	}
	return raws, nil
}

// Get returns the entries with those numbers.
func (s *Store) Get(ctx context.Context, seqs []uint64) ([]history.Raw, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	raws := make([]history.Raw, len(seqs))
	for i, seq := range seqs {
		raws[i].Seq = seq
		if seq >= 1 && seq <= uint64(len(s.log)) {
			raws[i] = clone(s.log[seq-1])
		}
	}
	return raws, nil
}

func clone(raw history.Raw) history.Raw {
	return history.Raw{Seq: raw.Seq, Event: bytes.Clone(raw.Event), Seal: bytes.Clone(raw.Seal)}
}

// Cut removes what stands behind a place.
func (s *Store) Cut(ctx context.Context, term uint64, after eventstore.Tip) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasLocked(after) || !s.leadsLocked(term) || slices.ContainsFunc(s.log[after.Seq:], func(r history.Raw) bool { return sealedIn(term, r) }) {
		return fmt.Errorf("cut behind %d: %w", after.Seq, eventstore.ErrConflict)
	}
	s.log = s.log[:after.Seq:after.Seq]
	return nil
}

// hasLocked reports whether the log has the last entry of a commit.
func (s *Store) hasLocked(t eventstore.Tip) bool {
	return t.Seq > 0 && t.Seq <= uint64(len(s.log)) && t.Seal != "" && string(s.log[t.Seq-1].Seal) == t.Seal
}

// Truncate takes the entries above a number away, as a failover does that lost
// the tail.
func (s *Store) Truncate(to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to < uint64(len(s.log)) {
		s.log = s.log[:to:to]
	}
}

// sealedIn reports whether an entry bears a seal of a term.
func sealedIn(term uint64, raw history.Raw) bool {
	return bytes.HasPrefix(raw.Seal, fmt.Appendf(nil, "1.%d.", term))
}

// Tamper changes an entry in its place, as one does who writes to the store
// directly.
func (s *Store) Tamper(seq uint64, edit func(*history.Raw)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.log[seq-1])
}

// Snapshot returns what brings log and lease back to how they are now, as when a
// server comes back with an older copy of its data.
func (s *Store) Snapshot() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, holder := s.log[:len(s.log):len(s.log)], s.holder
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log, s.holder = log, holder
	}
}

// Intrude adds a commit without asking for a term or looking at the end of the
// log, as one does who writes to the store directly.
func (s *Store) Intrude(c eventstore.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(c)
}
