package access

import (
	"iter"
	"maps"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Standing is all that the statements say about a key.
type Standing struct {
	// Key is as it was admitted, but without a proof if it took the place of
	// another one. It is zero when a key was revoked that nobody admitted.
	Key
	ID        signing.KeyID
	Number    uint64        // of the statement that admitted it; 0 if none did
	Seq       uint64        // place of that statement
	By        event.Actor   // who asked for it
	RotatedTo signing.KeyID // the key that took its place; empty if none did
	Ends      event.Time    // last instant at which it holds, by admission or rotation; zero: for ever
	RotatedBy uint64        // number of the statement that says so; 0 if none does
	RevokedBy uint64        // number of the statement that says so; 0 if none does
	RevokedAt uint64        // place of that statement
	Reason    string        // for which it was revoked
}

// Revoked reports whether the key is good for nothing any more.
func (k *Standing) Revoked() bool { return k.RevokedBy != 0 }

// Holds reports whether the key holds at a time, as of the first n statements:
// what a later one says changes nothing about what was right before it.
func (k *Standing) Holds(at event.Time, n uint64) bool {
	said := func(statement uint64) bool { return statement != 0 && statement <= n }
	ends := k.Until
	if said(k.RotatedBy) {
		ends = k.Ends
	}
	return said(k.Number) && !said(k.RevokedBy) && k.Since <= at && (ends.IsZero() || at <= ends)
}

// Find returns what the statements say about a key, whatever it is for and
// whether it holds or not; ok is false when they do not speak of it.
func (s State) Find(id signing.KeyID) (k Standing, ok bool) {
	if k, ok = s.recent[id]; ok {
		return k, true
	}
	k, ok = s.known[id]
	return k, ok
}

// Key returns the key with that id if it is of the class and holds at that
// time, as of all statements.
func (s State) Key(class Class, id signing.KeyID, at event.Time) (Key, bool) {
	k, ok := s.Find(id)
	return k.Key, ok && k.Class == class && k.Holds(at, s.Statements)
}

// Revoked reports whether a key, known or not, was revoked.
func (s State) Revoked(id signing.KeyID) bool {
	k, _ := s.Find(id)
	return k.Revoked()
}

// RevokedBefore reports whether a key was revoked by a statement before a place.
// What bears such a key and stands there is forged, whatever number of statements
// its seal names.
func (s State) RevokedBefore(id signing.KeyID, seq uint64) bool {
	k, _ := s.Find(id)
	return k.Revoked() && k.RevokedAt < seq
}

// Continues reports whether the next statement can stand in a commit with that
// seal, when the statement before it stands in one with the seal last: it is the
// same commit, or a later one that counts all statements so far. Whoever reads
// statements without the log between them must ask: a seal that counts fewer
// would have its key judged as of then, before it was revoked.
func (s State) Continues(last, next *signing.Seal) bool {
	switch {
	case s.Statements == 0:
		return next.Statements == 0
	case *next == *last:
		return true
	}
	return next.Statements == s.Statements && next.First > last.Last()
}

// Sealer returns the key that may seal a commit: one of class supervisor, as of
// the seal.Statements statements before the commit, of which s must hold all and
// may hold more. Nothing vouches for two keys but the commit's own first event,
// when that is a statement: the one that a founding names, and the one that an
// admission names which an operator signed. first is that event; it need not be
// given when s holds it already, or when it is no statement. at is the latest
// time that any event up to the commit's last bears.
func (s State) Sealer(seal *signing.Seal, first *event.Fact[Event], at event.Time) (signing.PublicKey, bool) {
	if first != nil && first.Version == s.Statements+1 && alone(first.Data, seal.Key) && Legal(s, *first) == nil {
		s = Evolve(s, *first)
	}
	k, ok := s.Find(seal.Key)
	n := seal.Statements
	if (k.Number == 1 || k.Alone()) && k.Seq == seal.First && k.Number == n+1 {
		n = k.Number
	}
	return k.Public, ok && k.Class == Supervisor && k.Holds(at, n)
}

// alone reports whether a statement may be sealed by the key that it admits.
func alone(e Event, key signing.KeyID) bool {
	switch e := e.(type) {
	case Founded:
		return e.Key.ID() == key
	case Admitted:
		return e.Key.Alone() && e.Key.Public.ID() == key
	case Rotated, Revoked, APIKeyAdded, APIKeyRemoved:
		return false
	}
	panic("access: unknown event")
}

// Alone reports whether the key is a supervisor's that an operator admits: its
// admission may be the first event of a commit that it seals itself, before its
// term began.
func (k *Key) Alone() bool { return k.Class == Supervisor && !k.Operator.IsZero() }

// Keys returns what the statements say about every key of which they speak,
// sorted by class and name; keys that were revoked and never admitted come
// first, without either.
func (s State) Keys() []Standing {
	keys := slices.Collect(s.all())
	slices.SortFunc(keys, func(a, b Standing) int {
		return slices.Compare(
			[]string{string(a.Class), string(a.Name), a.Public.String(), string(a.ID)},
			[]string{string(b.Class), string(b.Name), b.Public.String(), string(b.ID)},
		)
	})
	return keys
}

// all returns every key, in no order.
func (s State) all() iter.Seq[Standing] {
	return func(yield func(Standing) bool) {
		for _, k := range s.recent {
			if !yield(k) {
				return
			}
		}
		for id, k := range s.known {
			if _, newer := s.recent[id]; !newer && !yield(k) {
				return
			}
		}
	}
}

// MayServe reports whether the key is admitted for a runner id and the kinds.
func (s State) MayServe(id domain.Name, key signing.KeyID, kinds []domain.Name, at event.Time) bool {
	k, ok := s.Key(Runner, key, at)
	if !ok || k.Name != id {
		return false
	}
	return !slices.ContainsFunc(kinds, func(kind domain.Name) bool { return !slices.Contains(k.Kinds, kind) })
}

// with returns the state with what the statements now say about a key.
func (s State) with(k Standing) State {
	if _, known := s.Find(k.ID); !known {
		s.keys++
	}
	recent := make(map[signing.KeyID]Standing, len(s.recent)+1)
	maps.Copy(recent, s.recent)
	recent[k.ID] = k
	if len(recent) > maxRecent {
		all := make(map[signing.KeyID]Standing, len(s.known)+len(recent))
		maps.Copy(all, s.known)
		maps.Copy(all, recent)
		s.known, s.recent = all, nil
		return s
	}
	s.recent = recent
	return s
}
