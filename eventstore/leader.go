package eventstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Limits of what is gathered.
const (
	maxCommitBytes = 1 << 20 // of events in a commit, as a write-ahead log's group commit
	maxWaiting     = 64      // full commits that wait; then callers are told to come back
)

// Config is what a leader needs. All fields are required but Address and
// Observe.
type Config struct {
	Store     Store
	Index     Index
	Namespace domain.Name
	Partition uint16
	Name      domain.Name // of the supervisor
	Address   string      // where other supervisors reach it
	Key       signing.PrivateKey
	Verifier  *signing.Verifier
	Clock     func() time.Time
	// Indexed returns the place that the index has passed for sure.
	Indexed func() uint64
	// Feed receives every commit once it is in the log, in order. It must
	// not block.
	Feed func(*history.Commit)
	// Observe is told of every append: how many events it had and how long it
	// took. Nil if nobody wants to know.
	Observe func(events int, took time.Duration)
}

// Leader adds to a partition's log as long as its term is the lease's. Its
// Execute is safe for concurrent use; one goroutine drives its Turn.
//
// A Leader that failed stays failed: its memory may hold what was never kept.
// Whoever runs it takes the lease again and makes a new one from the log.
type Leader struct {
	cfg    Config
	term   uint64
	loader loader
	wake   chan struct{}

	mu     sync.Mutex
	memory *memory
	next   uint64  // place of the next event
	open   *commit // gathers; nil when empty
	full   []*commit
	failed error
	newest *commit // the youngest that was not settled when it was made

	// Owned by Turn.
	flying *commit // sealed and sent, outcome unknown
	unsure bool    // flying was sent at least once without an answer
	tip    Tip
	prev   signing.Hash
}

// commit is what travels under one seal.
type commit struct {
	batch      history.Commit
	size       int
	callers    int
	statements uint64
	wire       Batch
	done       chan struct{} // closed when err is final
	err        error
}

// NewLeader makes a leader of a term that goes on after a place in the log.
// The chain was followed to that place and is the leader's from now on.
func NewLeader(cfg Config, newTerm uint64, tip Tip, chain *history.Chain) *Leader {
	head := chain.Head()
	l := &Leader{
		cfg: cfg, term: newTerm, wake: make(chan struct{}, 1),
		memory: newMemory(chain.State), next: head.Seq + 1, tip: tip, prev: head.Seal,
	}
	l.loader = loader{
		log: cfg.Store, index: cfg.Index, verifier: cfg.Verifier,
		reader: func(after uint64) *history.Reader {
			return history.NewReader(string(cfg.Namespace), cfg.Partition, after)
		},
	}
	return l
}

// Term returns the leader's term.
func (l *Leader) Term() uint64 { return l.term }

// Wake receives when Turn has something to do.
func (l *Leader) Wake() <-chan struct{} { return l.wake }

// Access returns the statements so far.
func (l *Leader) Access() access.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.memory.state.Access
}

// Begin records that the term began, and before it the founding if the log is
// empty. founding is not looked at otherwise.
func (l *Leader) Begin(ctx context.Context, founding access.Founded) error {
	return l.Execute(ctx, Work{Decide: func(tx *Tx) error {
		if _, err := tx.DecideAccess(By{Actor: event.BySystem("founding")}, access.Found{Founded: founding}); err != nil {
			return err
		}
		if _, ok := tx.Access().Key(access.Supervisor, l.cfg.Key.Public().ID(), tx.now); !ok {
			return domain.Errorf(domain.Forbidden, "supervisor_key",
				"the key of supervisor %s (%s) is not one of the founding's or an admitted one", l.cfg.Name, l.cfg.Key.Public())
		}
		tx.begin(term.Began{Term: l.term, Name: l.cfg.Name, Address: l.cfg.Address, Key: l.cfg.Key.Public().ID()})
		return nil
	}})
}

// Work is something to decide.
type Work struct {
	Aggregates []event.Aggregate // that Decide looks at, besides statements and term
	Trace      string            // W3C traceparent; empty if none
	// Decide asks commands through tx. It is called with the leader locked
	// and may be called again: it must be quick and without effects of its
	// own. An error of it keeps nothing.
	Decide func(tx *Tx) error
}

// Jobs names jobs as aggregates of a [Work].
func Jobs(ids ...job.ID) []event.Aggregate {
	aggregates := make([]event.Aggregate, len(ids))
	for i, id := range ids {
		aggregates[i] = jobAggregate(id)
	}
	return aggregates
}

// Process names what a bundle of a runner process touches besides jobs.
func Process(id domain.Name, process string) []event.Aggregate {
	return []event.Aggregate{runnerAggregate(id), processAggregate(id, process)}
}

// Execute decides and appends. Nil means that what w decided, and all that it
// was decided upon, is in the log as durably as the store is set to be. An
// error of Decide comes back as it is, once what it was decided upon is in the
// log. [domain.TryAgain] and [domain.Overloaded] mean that nothing was kept;
// [domain.Indeterminate] that nobody knows yet, and the same again is safe.
func (l *Leader) Execute(ctx context.Context, w Work) error {
	return l.Propose(ctx, w).Wait(ctx)
}

// Proposal is a decision on its way into the log.
type Proposal struct {
	commit  *commit // nil when nothing is on its way
	decided error
}

// Propose decides like Execute but does not wait: decisions of one caller that
// must keep their order travel in one commit. Nothing may be told to anybody
// before Wait has answered.
func (l *Leader) Propose(ctx context.Context, w Work) Proposal {
	for {
		var decided error
		c, cold, err := l.try(w, &decided)
		switch {
		case err != nil:
			return Proposal{decided: err}
		case len(cold) == 0:
			return Proposal{c, decided}
		}
		if err := l.warm(ctx, cold); err != nil {
			return Proposal{decided: err}
		}
	}
}

// Wait answers as Execute does.
func (p Proposal) Wait(ctx context.Context) error {
	if p.commit == nil {
		return p.decided
	}
	select {
	case <-p.commit.done:
	case <-ctx.Done():
		return domain.Errorf(domain.Indeterminate, "unanswered", "the store did not answer in time: ask again with the same id")
	}
	if p.commit.err != nil {
		return p.commit.err
	}
	return p.decided
}

// try decides if everything that w looks at is in memory, and returns the
// commit that must be settled before the caller may be answered. Otherwise it
// returns what is missing.
func (l *Leader) try(w Work, decided *error) (wait *commit, cold []event.Aggregate, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil, nil, l.failed
	}
	for _, a := range w.Aggregates {
		if !l.memory.has(a) {
			cold = append(cold, a)
		}
	}
	if len(cold) > 0 {
		return nil, cold, nil
	}
	tx := Tx{leader: l, now: event.At(l.cfg.Clock()), first: l.next, trace: w.Trace}
	if *decided = w.Decide(&tx); *decided == nil && len(tx.entries) > 0 {
		if err := l.gather(&tx); err != nil {
			return nil, nil, err
		}
	}
	return l.pending(), nil, nil
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
	if len(tx.entries) > signing.MaxSealed {
		return domain.Errorf(domain.TooLarge, "commit", "%d events at once; the limit is %d", len(tx.entries), signing.MaxSealed)
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
	l.open.callers++
	l.next += uint64(len(tx.entries))
	tx.install(l.memory)
	l.memory.forget(l.cfg.Indexed())
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// warm reads cold aggregates into memory.
func (l *Leader) warm(ctx context.Context, cold []event.Aggregate) error {
	loaded, err := l.loader.load(ctx, cold, l.Access())
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if loaded.passed < l.memory.forgot {
		return nil // something was decided and forgotten since: look again
	}
	for _, a := range cold {
		if err := l.memory.recall(a, loaded.loaded[a]); err != nil {
			return err
		}
	}
	return nil
}

// Turn appends one commit if there is one. busy says that several callers
// travelled in it, so that more are likely to come together.
// An error that is not [ErrConflict] leaves the commit on its way, and the
// next Turn asks the same again; after ErrConflict the leader has failed.
func (l *Leader) Turn(ctx context.Context) (busy bool, err error) {
	if l.flying == nil && !l.depart() {
		return false, nil
	}
	start := l.cfg.Clock()
	// A crash before the append lost nothing that anybody was told. A crash
	// behind it left a sealed commit at the end of the log: the next leader
	// folds it, and callers who ask again find it.
	err = l.cfg.Store.Append(ctx, l.term, l.tip, l.flying.wire)
	switch {
	case errors.Is(err, ErrConflict):
		l.fail(err)
		return false, err
	case err != nil:
		l.unsure = l.unsure || !errors.Is(err, ErrRefused)
		return false, err
	}
	return l.arrive(start), nil
}

// depart seals the oldest commit that waits.
func (l *Leader) depart() bool {
	l.mu.Lock()
	var c *commit
	if len(l.full) > 0 {
		c, l.full = l.full[0], l.full[1:]
	} else {
		c, l.open = l.open, nil
	}
	l.mu.Unlock()
	if c == nil {
		return false
	}
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
	return true
}

// arrive settles the commit on its way as kept.
func (l *Leader) arrive(start time.Time) (company bool) {
	c := l.flying
	l.flying, l.tip, l.prev = nil, c.wire.Tip(), c.batch.Seal.Hash()
	close(c.done)
	l.cfg.Feed(&c.batch)
	if l.cfg.Observe != nil {
		l.cfg.Observe(len(c.batch.Entries), l.cfg.Clock().Sub(start))
	}
	return c.callers > 1
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
		settle(l.flying, domain.Errorf(domain.Indeterminate, "unanswered", "the store's answer was lost: ask again with the same id"))
	} else {
		settle(l.flying, lost)
	}
	for _, c := range l.full {
		settle(c, lost)
	}
	settle(l.open, lost)
	l.flying, l.full, l.open = nil, nil, nil
}

// Fail ends the leader from outside, as when its beat found the term over.
// Turn must not be running.
func (l *Leader) Fail(cause error) { l.fail(cause) }
