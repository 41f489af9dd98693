package eventstore

import (
	"context"
	"errors"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// Limits of what is gathered.
const (
	maxCommitBytes = 1 << 20 // of events in a commit, as a write-ahead log's group commit
	maxWaiting     = 64      // full commits that wait; then callers are told to come back
)

// company is how many decisions in one commit say that it pays to wait for as
// many to come together again. Of fewer each loses more by waiting than all gain
// by sharing a signature and a round trip; and one caller with the reports on
// what he submitted before is no company at all.
const company = 16

// commit is what travels under one seal.
type commit struct {
	batch      history.Commit
	size       int
	decisions  int
	statements uint64
	wire       Batch
	done       chan struct{} // closed when err is final
	err        error
}

// pending returns the youngest commit that is not settled. What was decided
// now was decided upon all of them.
func (l *Leader) pending() *commit {
	if l.newest == nil {
		return nil
	}
	select {
	case <-l.newest.done:
		if l.newest.err == nil {
			l.newest = nil
		}
	default:
	}
	return l.newest
}

// gather adds a decision to the commit that goes next.
func (l *Leader) gather(tx *Tx) error {
	if err := l.admit(tx); err != nil {
		return err
	}
	if c := l.open; c != nil && (len(c.batch.Entries)+len(tx.entries) > signing.MaxSealed || c.size+tx.size > maxCommitBytes) {
		if len(l.full) >= maxWaiting {
			return domain.Errorf(domain.Overloaded, "overloaded", "too much is waiting to be written: come back later")
		}
		l.full, l.open = append(l.full, c), nil
	}
	if l.open == nil {
		l.open = &commit{done: make(chan struct{}), statements: l.memory.state.Access.Statements}
		l.newest = l.open
	}
	l.open.batch.Entries = append(l.open.batch.Entries, tx.entries...)
	l.open.size += tx.size
	l.open.decisions++
	l.next += uint64(len(tx.entries))
	if tx.term != nil {
		// It travels alone: what a term begins with may be sealed by a key that
		// the first event admits, and whoever reads a grant has only the
		// statements before its commit.
		l.full, l.open = append(l.full, l.open), nil
	}
	tx.install(l.memory)
	l.memory.forget(l.cfg.Indexed())
	l.wakeTurn()
	return nil
}

// admit refuses a decision that no commit could hold, or that nobody could
// prove afterwards.
func (l *Leader) admit(tx *Tx) error {
	switch {
	case len(tx.entries) > signing.MaxSealed:
		return domain.Errorf(domain.TooLarge, "commit", "%d events at once; the limit is %d", len(tx.entries), signing.MaxSealed)
	case tx.size > maxCommitBytes:
		return domain.Errorf(domain.TooLarge, "commit", "%d bytes of events at once; the limit is %d", tx.size, maxCommitBytes)
	case tx.term == nil && l.memory.state.Term.Term != l.term:
		return domain.Errorf(domain.TryAgain, "not_begun", "term %d has not begun: ask again", l.term)
	case tx.term == nil && !l.maySeal(l.memory.state.Access, tx.now): // as of the commit: it may revoke its own key
		return domain.Errorf(domain.TryAgain, "supervisor_key", "the key of supervisor %s has ended or was revoked: another one leads soon, ask again", l.cfg.Name)
	}
	return nil
}

// wakeTurn says that Turn has something to do.
func (l *Leader) wakeTurn() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Turn appends one commit if there is one. busy says that it held so many
// decisions that more are likely to come together.
// After [ErrConflict] or [ErrTruncated] the leader has failed, and every further
// Turn says so with [domain.TryAgain]. Any other error leaves the commit on its
// way, and the next Turn asks the same again.
func (l *Leader) Turn(ctx context.Context) (busy bool, err error) {
	if l.flying == nil {
		c, err := l.depart()
		if c == nil {
			return false, err
		}
		l.seal(c)
	}
	start := l.cfg.Clock()
	// A crash before the append lost nothing that anybody was told. A crash
	// behind it left a sealed commit at the end of the log: the next leader
	// folds it, and callers who ask again find it.
	err = l.cfg.Store.Append(ctx, l.term, l.tip, l.flying.wire)
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, ErrTruncated):
		l.fail(err)
		return false, err
	case err != nil:
		l.unsure = l.unsure || !errors.Is(err, ErrRefused)
		return false, err
	}
	return l.arrive(start), nil
}

// depart takes the oldest commit that waits, or nil.
func (l *Leader) depart() (c *commit, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil, l.failed
	}
	if len(l.full) > 0 {
		c, l.full = l.full[0], l.full[1:]
		l.wakeTurn() // the open one is left, and its callers asked only once
	} else {
		c, l.open = l.open, nil
	}
	return c, nil
}

// seal makes a commit the one on its way.
func (l *Leader) seal(c *commit) {
	entries := c.batch.Entries
	leaves := make([]signing.Hash, len(entries))
	c.wire = Batch{First: entries[0].Seq, Events: make([][]byte, len(entries))}
	for i := range entries {
		leaves[i], c.wire.Events[i] = entries[i].Hash, entries[i].Bytes
	}
	c.batch.Seal = signing.Seal{
		Namespace: string(l.cfg.Namespace), Partition: l.cfg.Partition,
		Term: l.term, First: entries[0].Seq, Count: uint32(len(entries)), //nolint:gosec // at most MaxSealed
		Root: signing.Root(leaves), Statements: c.statements, Prev: l.prev,
	}.Sign(l.cfg.Key)
	c.wire.Seal = c.batch.Seal.Append(nil)
	l.flying, l.unsure = c, false
}

// arrive settles the commit on its way as kept.
func (l *Leader) arrive(start time.Time) (busy bool) {
	c := l.flying
	l.flying, l.tip, l.prev = nil, c.wire.Tip(), c.batch.Seal.Hash()
	l.reached(l.tip, c)
	close(c.done)
	l.cfg.Feed(&c.batch)
	if l.cfg.Syncer == nil {
		l.assured(&c.batch)
	}
	if l.cfg.Observe != nil {
		l.cfg.Observe(len(c.batch.Entries), l.cfg.Clock().Sub(start))
	}
	return c.decisions >= company
}

// fail settles everything that waits as not kept; the commit on its way may
// have been, if an answer was missing.
func (l *Leader) fail(cause error) {
	lost := domain.Errorf(domain.TryAgain, "not_leader", "this supervisor leads no more: ask again")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = lost
	settle := func(c *commit, err error) {
		if c != nil {
			c.err = errors.Join(err, cause)
			close(c.done)
		}
	}
	if l.flying != nil && l.unsure {
		settle(l.flying, unanswered())
	} else {
		settle(l.flying, lost)
	}
	for _, c := range l.full {
		settle(c, lost)
	}
	settle(l.open, lost)
	l.flying, l.full, l.open = nil, nil, nil
	l.giveUp()
}

func unanswered() error {
	return domain.Errorf(domain.Indeterminate, "unanswered", "the store's answer did not come: ask again with the same id")
}

// Fail ends the leader from outside, as when its beat found the term over.
// Neither Turn nor Assure may be running.
func (l *Leader) Fail(cause error) { l.fail(cause) }
