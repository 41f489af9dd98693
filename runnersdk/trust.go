package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// trust is what a runner knows of its namespace: the statements from the
// founding on, each proved with keys of the statements before it. Nothing that
// came over the wire is believed without it.
type trust struct {
	keys     queue.Keys
	line     queue.Line
	verifier *signing.Verifier
	want     signing.Hash             // fingerprint of the founding; zero pins the first
	pin      func(signing.Hash) error // told the first; may be nil

	mu sync.Mutex

	state    access.State
	last     signing.Seal // of the last statement
	latest   event.Time   // that any statement bears
	founding signing.Hash
	seen     signing.Seal // the youngest, of a grant or a joining
	lost     signing.Seal // one that the log has lost since it was seen; none if its Count is 0
}

// saw remembers a seal that was verified, if it is the youngest. One of a later
// term in the place of one that was seen before shows that the log lost that one:
// from then on, that one is remembered.
func (t *trust) saw(s *signing.Seal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case s.Term > t.seen.Term && t.seen.Count > 0 && s.First <= t.seen.Last():
		t.lost = t.seen
		t.seen = *s
	case s.Term > t.seen.Term || s.Term == t.seen.Term && s.First > t.seen.First:
		t.seen = *s
	}
}

// told forgets a seal that was lost, once the process has joined and said so.
func (t *trust) told() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = signing.Seal{}
}

// evidence returns what a log that lost its end is most likely to lack; nil if
// nothing was verified yet.
func (t *trust) evidence() *signing.Seal {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range []signing.Seal{t.lost, t.seen} {
		if s.Count > 0 {
			return &s
		}
	}
	return nil
}

// fatalError is one after which a runner cannot go on.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// reach reads statements until it holds n of them, or there are no more. It
// keeps what it has proved when it fails.
func (t *trust) reach(ctx context.Context, n uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.state.Statements < n {
		more, err := t.line.Statements(ctx, t.state.Statements)
		if err != nil {
			return fmt.Errorf("read statements: %w", err)
		}
		if len(more) == 0 {
			return nil
		}
		for _, s := range more {
			if err := t.add(s); err != nil {
				return fmt.Errorf("check statement %d: %w", s.Number, err)
			}
		}
	}
	return nil
}

// add proves the next statement and folds it in.
func (t *trust) add(s queue.Statement) error {
	proof, err := t.keys.ParseStatement([]byte(s.Value))
	if err != nil {
		return err
	}
	e, err := history.ParseEntry(proof.Seq, proof.Event)
	if err != nil {
		return err
	}
	fact, ok := history.FactOf[access.Event](&e)
	if !ok || !t.here(&e) || fact.Version != s.Number {
		return domain.Errorf(domain.Invalid, "statement", "an event stands in the place of a statement")
	}
	if err := access.Legal(t.state, fact); err != nil {
		return err
	}
	founded, founding := fact.Data.(access.Founded)
	if founding {
		if err := t.meet(founded, e.Hash); err != nil {
			return err
		}
	}
	// What a key stated stays stated, whatever became of the key.
	latest := max(t.latest, e.At)
	key, ok := t.state.Sealer(&proof.Seal, &fact, latest)
	if !ok || !t.state.Continues(&t.last, &proof.Seal) {
		return noSealer(&proof.Seal)
	}
	if err := proof.Check(); err != nil {
		return err
	}
	if !t.verifier.Verify(proof.Seal.Check(key)) {
		return errSeal
	}
	if founding && t.want.IsZero() && t.pin != nil {
		if err := t.pin(e.Hash); err != nil {
			return fatalError{fmt.Errorf("pin the founding: %w", err)}
		}
	}
	t.state, t.last, t.latest = access.Evolve(t.state, fact), proof.Seal, latest
	if founding {
		t.founding = e.Hash
	}
	return nil
}

// here reports whether an event is of this namespace and partition.
func (t *trust) here(e *history.Entry) bool {
	return e.Namespace == string(t.keys.Namespace) && e.Partition == t.keys.Partition
}

// meet compares a founding with the one that is trusted.
func (t *trust) meet(f access.Founded, fingerprint signing.Hash) error {
	if f.Namespace != t.keys.Namespace {
		return domain.Errorf(domain.Invalid, "statement", "the founding is of another namespace")
	}
	if !t.want.IsZero() && t.want != fingerprint {
		return fatalError{domain.Errorf(domain.Forbidden, "trust",
			"the namespace %s was founded by %s, but %s is trusted: is this the right Redis? "+
				"If it was founded anew on purpose, give the new fingerprint", f.Namespace, fingerprint, t.want)}
	}
	return nil
}

// all is more statements than there are.
const all = math.MaxUint64

// standing returns what is known of a key.
func (t *trust) standing(id signing.KeyID) (k access.Standing, statements uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, _ = t.state.Find(id)
	return k, t.state.Statements
}

// known returns how many statements are held.
func (t *trust) known() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.Statements
}

// fingerprint returns the founding's.
func (t *trust) fingerprint() signing.Hash {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.founding
}

// sealer returns the key of a supervisor that could seal: one that the
// statements before the seal admit, and that holds at that time. What a key
// sealed that was revoked since is good for nothing, as far as is known here:
// who stole the key may have sealed it, and dated it back.
func (t *trust) sealer(s *signing.Seal, at event.Time) (signing.PublicKey, error) {
	if s.Statements > t.state.Statements {
		return signing.PublicKey{}, domain.Errorf(domain.TryAgain, "statements",
			"the seal follows %d statements; %d are known", s.Statements, t.state.Statements)
	}
	key, ok := t.state.Sealer(s, nil, at)
	switch {
	case t.state.Revoked(s.Key):
		return signing.PublicKey{}, errRevoked
	case !ok:
		return signing.PublicKey{}, noSealer(s)
	}
	return key, nil
}

// errRevoked is why a seal is good for nothing that was good when it was made.
var errRevoked = errors.New("it is sealed with a key that was revoked since")

func noSealer(s *signing.Seal) error {
	return domain.Errorf(domain.Forbidden, "key", "key %s may not seal here", s.Key)
}

// client returns the key of a client that could sign a job at a time, as of the
// statements before a seal. No time asks for the class alone.
func (t *trust) client(id signing.KeyID, s *signing.Seal, at event.Time) (signing.PublicKey, bool) {
	key, ok := t.state.Find(id)
	ok = ok && key.Class == access.Client && key.Number != 0 && key.Number <= s.Statements
	return key.Public, ok && (at.IsZero() || key.Holds(at, s.Statements))
}
