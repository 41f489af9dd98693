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
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// MaxBehind is how many events the index may be behind the log before
// [Tx.Room] has none for anything new: what the index has not passed stays in memory, some 100 MiB of
// it then.
const MaxBehind = 50_000

// Config is what a leader needs. All fields are required but Syncer, Pressure,
// Roll, Address, Assured, Observe and Await.
type Config struct {
	Store Store
	// Syncer says how far the log is durable, where that takes more than an
	// Append. Nil: what was appended is durable.
	Syncer Syncer
	// Pressure returns why nothing new is to be begun now, nil if it may be. It
	// is called with the leader locked and must be quick. Nil: it always may.
	Pressure func() error
	Index    Index
	// Roll lists the jobs of the index. Nil: every id is looked up.
	Roll      Roll
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
	// Assured receives every commit once it is durable, in order. While replicas
	// lag for long some are left out, but neither the first nor the last one. It
	// must not block. Nil if nobody wants to know.
	Assured func(*history.Commit)
	// Observe is told of every append: how many events it had and how long it
	// took. Nil if nobody wants to know.
	Observe func(events int, took time.Duration)
	// Await returns when done is closed or ctx has ended. Nil blocks the
	// goroutine; who runs everything in one thread lets others go on meanwhile.
	Await func(ctx context.Context, done <-chan struct{})
}

// block waits as a goroutine does.
func block(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// isClosed reports whether done is closed.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// Leader adds to a partition's log as long as its term is the lease's. Its
// Execute is safe for concurrent use; one goroutine drives its Turn, and one its
// Enroll.
//
// A Leader that failed stays failed: its memory may hold what was never kept.
// Whoever runs it takes the lease again and makes a new one from the log.
type Leader struct {
	cfg    Config
	term   uint64
	after  uint64 // the last term of the log that the leader goes on from
	key    signing.KeyID
	loader loader
	wake   chan struct{}

	mu      sync.Mutex
	time    timeline
	memory  *memory
	next    uint64  // place of the next event
	open    *commit // gathers; nil when empty
	full    []*commit
	failed  error
	newest  *commit // the youngest that was not settled when it was made
	horizon horizon

	// Owned by Enroll.
	enrolling RollPlace
	enrolled  bool

	// Owned by Turn.
	flying *commit // sealed and sent, outcome unknown
	unsure bool    // flying was sent at least once without an answer
	tip    Tip
	prev   signing.Hash
}

// NewLeader makes a leader of a term that goes on after a place in the log, to
// which the chain was followed. Everything but statements and term is cold.
func NewLeader(cfg Config, newTerm uint64, tip Tip, chain *history.Chain) *Leader {
	head := chain.Head()
	if cfg.Await == nil {
		cfg.Await = block
	}
	l := &Leader{
		cfg: cfg, term: newTerm, after: max(head.Term, chain.State.Term.Term), key: cfg.Key.Public().ID(),
		wake: make(chan struct{}, 1), time: newTimeline(cfg.Clock, head.Latest),
		memory: newMemory(chain.State, head), next: head.Seq + 1,
		horizon: horizon{end: tip, wake: make(chan struct{}, 1)},
		tip:     tip, prev: head.Seal,
	}
	if cfg.Syncer == nil {
		l.horizon.durable = tip.Seq
	}
	l.loader = loader{
		log: cfg.Store, index: cfg.Index, verifier: cfg.Verifier, await: cfg.Await,
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

// Beginning is what a term begins with, besides the word that it began.
type Beginning struct {
	// Founding begins an empty log; it is not looked at otherwise.
	Founding access.Founded
	// Admission is the leader's own key with an operator's signature, for when
	// no supervisor is left who could admit it; zero if there is none. It is
	// not looked at when the key may seal without it.
	Admission access.Key
	// Losses are what is known to be lost, as [Tx.DeclareLoss] takes it. What
	// was declared before is no news.
	Losses []Loss
}

// Loss is what somebody remembers and the log lacks.
type Loss struct {
	By   By
	From uint64
	Seal signing.Seal
}

// Begin records that the term began: behind the founding if the log is empty,
// or the admission of the leader's own key if it needs one, and before what was
// lost. Until then nothing else is decided. [domain.Forbidden] means that the
// supervisor's key may not seal, [domain.TryAgain] that the term is not above
// those in the log: a lease that was deleted gave it out, and the next one may
// be. Other errors are those of the admission and of [Tx.DeclareLoss].
//
// A crash before the append leaves the log as it was, and the next term begins
// with all of it again.
func (l *Leader) Begin(ctx context.Context, b Beginning) error {
	var looksAt []event.Aggregate
	if len(b.Losses) > 0 {
		looksAt = Gaps()
	}
	return l.Execute(ctx, Work{Aggregates: looksAt, Decide: func(tx *Tx) error {
		if last := max(l.after, l.memory.state.Term.Term); l.term <= last {
			return domain.Errorf(domain.TryAgain, "old_term", "term %d cannot follow term %d: take the lease again", l.term, last)
		}
		if err := l.entitle(tx, &b); err != nil {
			return err
		}
		tx.begin(term.Began{Term: l.term, Name: l.cfg.Name, Address: l.cfg.Address, Key: l.key})
		for _, lost := range b.Losses {
			if _, err := tx.DeclareLoss(lost.By, lost.From, lost.Seal); err != nil {
				return err
			}
		}
		return nil
	}})
}

// entitle records what the leader's key needs to seal the beginning of its term.
func (l *Leader) entitle(tx *Tx, b *Beginning) error {
	if tx.Access().Statements == 0 && b.Founding.Namespace != l.cfg.Namespace {
		return domain.Errorf(domain.Invalid, "namespace", "the founding of %s cannot begin the log of %s", b.Founding.Namespace, l.cfg.Namespace)
	}
	if _, err := tx.DecideAccess(By{Actor: event.BySystem("founding")}, access.Found{Founded: b.Founding}); err != nil {
		return err
	}
	k := b.Admission
	if !l.maySeal(tx.Access(), tx.now) && len(tx.entries) == 0 && k.Public == l.cfg.Key.Public() && k.Alone() {
		if _, err := tx.DecideAccess(By{Actor: event.BySystem("operator")}, access.Admit{Key: k, At: tx.now}); err != nil {
			return err
		}
	}
	if !l.maySeal(tx.Access(), tx.now) {
		return domain.Errorf(domain.Forbidden, "supervisor_key",
			"the key of supervisor %s (%s) is not admitted, has ended or was revoked: with its state directory, an administrator runs horus keys add --class supervisor --name %s",
			l.cfg.Name, l.key, l.cfg.Name)
	}
	return nil
}

// maySeal reports whether the leader's key holds at the time of a decision.
func (l *Leader) maySeal(keys access.State, now event.Time) bool {
	_, ok := keys.Key(access.Supervisor, l.key, now)
	return ok
}

// warm reads cold aggregates into memory.
func (l *Leader) warm(ctx context.Context, cold []event.Aggregate) error {
	loaded, err := l.loader.load(ctx, cold, l.Access())
	switch {
	case err != nil && domain.CodeOf(err) == domain.Internal: // a store or an index that cannot answer now
		later := domain.Errorf(domain.Overloaded, "unread", "the store does not answer, so what was decided before could not be read: ask again in a moment")
		return errors.Join(later, err)
	case err != nil:
		return err
	}
	return l.learn(cold, loaded)
}

// learn takes what was read into memory, unless it is older than what was
// forgotten while it was read.
func (l *Leader) learn(cold []event.Aggregate, loaded *loadBatch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	// First, or it could take what is wanted, or make room for what is stale.
	l.memory.forget(l.cfg.Indexed())
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
