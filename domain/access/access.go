// Package access holds the facts that everybody who judges a history needs: who
// founded it, and which keys act in it. These facts are statements, numbered
// from 1, the founding; a key is judged as of its place among them, so a later
// statement never changes what an earlier event meant.
package access

import (
	"maps"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

const (
	maxKinds = 16
	// MaxKeys bounds the keys of a namespace: every supervisor and runner
	// holds all of them in memory.
	MaxKeys = 10_000
)

// State is the statements so far. The zero State is a namespace that nobody
// founded. Deciding and folding share nothing with an earlier State but what
// never changes.
type State struct {
	Statements uint64 // number of the last one
	Founding   Founded
	keys       map[signing.KeyID]Key
}

// Command is something that is asked of the namespace.
//
//sumtype:decl
type Command interface{ accessCommand() }

// Found asks for the founding. It changes nothing in a founded namespace.
type Found struct{ Founded }

// Admit asks for a key to be admitted.
type Admit struct {
	Key Key
	At  event.Time
}

func (Found) accessCommand() {}
func (Admit) accessCommand() {}

// Decide returns what happens when c is asked of s. A key that was admitted in
// the same words before changes nothing. Its errors have [domain.Invalid],
// [domain.Conflict] or [domain.TooLarge].
func Decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Found:
		if s.Statements > 0 {
			return nil, nil
		}
		return []Event{c.Founded}, nil
	case Admit:
		return decideAdmit(s, c)
	}
	panic("access: unknown command")
}

func decideAdmit(s State, c Admit) ([]Event, error) {
	k := c.Key
	if !signing.Verify(k.Public, AdmissionText(s.Founding.Namespace, k), k.Proof) {
		return nil, domain.Errorf(domain.Invalid, "key", "the proof of possession is not the key's signature over its admission")
	}
	if len(k.Kinds) > maxKinds || len(k.Kinds) > 0 && k.Class != Runner {
		return nil, domain.Errorf(domain.Invalid, "kinds", "a runner's key serves at most %d kinds, another none", maxKinds)
	}
	if !k.Until.IsZero() && k.Until < c.At {
		return nil, domain.Errorf(domain.Invalid, "until", "the key's end has passed")
	}
	if len(s.keys) >= MaxKeys {
		return nil, domain.Errorf(domain.TooLarge, "keys", "the namespace has %d keys; that is the limit", MaxKeys)
	}
	if old, taken := s.keys[k.Public.ID()]; taken {
		if old.Class == k.Class && old.Name == k.Name && slices.Equal(old.Kinds, k.Kinds) && old.Until == k.Until {
			return nil, nil
		}
		return nil, domain.Errorf(domain.Conflict, "key_taken", "the key was admitted as %s %s; one key has one class and one name", old.Class, old.Name)
	}
	return []Event{Admitted{k}}, nil
}

// AdmissionText is what a key signs to prove that whoever asks for its
// admission holds it.
func AdmissionText(namespace domain.Name, k Key) []byte {
	return []byte("horus-admission-v1\n" + string(namespace) + "\n" + string(k.Class) + "\n" + string(k.Name) + "\n" + k.Public.String() + "\n")
}

// Evolve returns the state after a fact. The earlier state is not changed.
func Evolve(s State, f event.Fact[Event]) State {
	s.Statements = f.Version
	switch e := f.Data.(type) {
	case Founded:
		s.Founding = e
		s.keys = map[signing.KeyID]Key{
			e.Key.ID():      {Class: Supervisor, Name: e.Supervisor, Public: e.Key},
			e.Operator.ID(): {Class: Operator, Name: "operator", Public: e.Operator},
		}
		return s
	case Admitted:
		s.keys = maps.Clone(s.keys)
		s.keys[e.Key.Public.ID()] = e.Key
		return s
	}
	panic("access: unknown event")
}

// Legal reports why a statement could not have followed, or nil.
func Legal(s State, f event.Fact[Event]) error {
	if f.Version != s.Statements+1 {
		return illegal("statement %d follows statement %d", f.Version, s.Statements)
	}
	switch e := f.Data.(type) {
	case Founded:
		if s.Statements > 0 {
			return illegal("a namespace was founded twice")
		}
		if e.Key == e.Operator {
			return illegal("one key founded the namespace in two classes")
		}
		return nil
	case Admitted:
		events, err := decideAdmit(s, Admit{e.Key, f.At})
		if err == nil && len(events) == 0 {
			err = illegal("a key was admitted twice")
		}
		return err
	}
	panic("access: unknown event")
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}

// Key returns the key with that id if it is of the class and holds at that
// time.
func (s State) Key(class Class, id signing.KeyID, at event.Time) (Key, bool) {
	k, ok := s.keys[id]
	holds := ok && k.Class == class && (k.Until.IsZero() || at <= k.Until)
	return k, holds
}

// Keys returns every key, sorted by class and name.
func (s State) Keys() []Key {
	return slices.SortedFunc(maps.Values(s.keys), func(a, b Key) int {
		return slices.Compare(
			[]string{string(a.Class), string(a.Name), a.Public.String()},
			[]string{string(b.Class), string(b.Name), b.Public.String()},
		)
	})
}

// MayServe reports whether the key is admitted for a runner id and the kinds.
func (s State) MayServe(id domain.Name, key signing.KeyID, kinds []domain.Name, at event.Time) bool {
	k, ok := s.Key(Runner, key, at)
	if !ok || k.Name != id {
		return false
	}
	return !slices.ContainsFunc(kinds, func(kind domain.Name) bool { return !slices.Contains(k.Kinds, kind) })
}
