// Package access holds the facts that everybody who judges a history needs: who
// founded it, and which keys act in it. These facts are statements, numbered
// from 1, the founding; a key is judged as of its place among them, so a later
// statement never changes what an earlier event meant.
package access

import (
	"cmp"
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
	// maxRecent is how many keys an admission copies; one in so many copies
	// all of them. Copying all each time made a start with MaxKeys keys last
	// six seconds.
	maxRecent = 100
)

// State is the statements so far. The zero State is a namespace that nobody
// founded. Deciding and folding share nothing with an earlier State but what
// never changes.
type State struct {
	Statements uint64 // number of the last one
	Founding   Founded
	known      map[signing.KeyID]Key
	recent     map[signing.KeyID]Key // admitted since known was made
}

// Command is something that is asked of the namespace.
//
//sumtype:decl
type Command interface{ accessCommand() }

// Found asks for the founding. It changes nothing in a founded namespace.
type Found struct{ Founded Founded }

// Admit asks for a key to be admitted.
type Admit struct {
	Key Key
	At  event.Time
}

func (Found) accessCommand() {}
func (Admit) accessCommand() {}

// Decide returns what happens when c is asked of s. A key that was admitted in
// the same words before changes nothing, even when it ended since. Its errors
// have [domain.Invalid], [domain.Conflict] or [domain.TooLarge].
func Decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Found:
		if s.Statements > 0 {
			return nil, nil
		}
		if err := c.Founded.check(); err != nil {
			return nil, err
		}
		return []Event{c.Founded}, nil
	case Admit:
		return decideAdmit(s, c)
	}
	panic("access: unknown command")
}

func decideAdmit(s State, c Admit) ([]Event, error) {
	k := c.Key
	if s.Statements == 0 {
		return nil, domain.Errorf(domain.Conflict, "not_founded", "nobody founded the namespace yet")
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	if !signing.Verify(k.Public, AdmissionText(s.Founding.Namespace, k), k.Proof) {
		return nil, domain.Errorf(domain.Invalid, "key", "the proof of possession is not the key's signature over its admission")
	}
	if old, taken := s.find(k.Public.ID()); taken {
		if old.Class == k.Class && old.Name == k.Name && slices.Equal(old.Kinds, k.Kinds) && old.Until == k.Until {
			return nil, nil
		}
		return nil, domain.Errorf(domain.Conflict, "key_taken", "the key was admitted as %s %s; one key has one class and one name", old.Class, old.Name)
	}
	if !k.Until.IsZero() && k.Until < c.At {
		return nil, domain.Errorf(domain.Invalid, "until", "the key's end has passed")
	}
	if len(s.known)+len(s.recent) >= MaxKeys {
		return nil, domain.Errorf(domain.TooLarge, "keys", "the namespace has %d keys; that is the limit", MaxKeys)
	}
	return []Event{Admitted{k}}, nil
}

// check refuses a founding that could not be read back, and one key in two
// classes.
func (e *Founded) check() error {
	_, err1 := domain.ParseName(string(e.Namespace))
	_, err2 := domain.ParseName(string(e.Supervisor))
	switch {
	case err1 != nil || err2 != nil:
		return cmp.Or(err1, err2)
	case e.Partitions == 0:
		return domain.Errorf(domain.Invalid, "partitions", "a namespace has at least one partition")
	case e.Key.IsZero() || e.Operator.IsZero() || e.Key == e.Operator:
		return domain.Errorf(domain.Invalid, "key", "a founding names two keys, the supervisor's and the operator's")
	}
	return nil
}

// check refuses a key that could not be read back, and kinds where there are
// none.
func (k *Key) check() error {
	if _, err := ParseClass(string(k.Class)); err != nil {
		return err
	}
	if len(k.Kinds) > maxKinds || len(k.Kinds) > 0 && k.Class != Runner {
		return domain.Errorf(domain.Invalid, "kinds", "a runner's key serves at most %d kinds, another none", maxKinds)
	}
	for _, name := range append([]domain.Name{k.Name}, k.Kinds...) {
		if _, err := domain.ParseName(string(name)); err != nil {
			return err
		}
	}
	return nil
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
		s.known, s.recent = map[signing.KeyID]Key{
			e.Key.ID():      {Class: Supervisor, Name: e.Supervisor, Public: e.Key},
			e.Operator.ID(): {Class: Operator, Name: "operator", Public: e.Operator},
		}, nil
		return s
	case Admitted:
		return s.with(e.Key)
	}
	panic("access: unknown event")
}

// with returns the state with one key more.
func (s State) with(k Key) State {
	recent := make(map[signing.KeyID]Key, len(s.recent)+1)
	maps.Copy(recent, s.recent)
	recent[k.Public.ID()] = k
	if len(recent) > maxRecent {
		all := make(map[signing.KeyID]Key, len(s.known)+len(recent))
		maps.Copy(all, s.known)
		maps.Copy(all, recent)
		s.known, s.recent = all, nil
		return s
	}
	s.recent = recent
	return s
}

// find returns the key with that id, whatever it is for.
func (s State) find(id signing.KeyID) (Key, bool) {
	if k, ok := s.recent[id]; ok {
		return k, true
	}
	k, ok := s.known[id]
	return k, ok
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
		if err := e.check(); err != nil {
			return illegal("%v", err)
		}
		return nil
	case Admitted:
		events, err := decideAdmit(s, Admit{e.Key, f.At})
		switch {
		case err != nil:
			return illegal("%v", err)
		case len(events) == 0:
			return illegal("a key was admitted twice")
		}
		return nil
	}
	panic("access: unknown event")
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}

// Key returns the key with that id if it is of the class and holds at that
// time.
func (s State) Key(class Class, id signing.KeyID, at event.Time) (Key, bool) {
	k, ok := s.find(id)
	holds := ok && k.Class == class && (k.Until.IsZero() || at <= k.Until)
	return k, holds
}

// Keys returns every key, sorted by class and name.
func (s State) Keys() []Key {
	keys := slices.AppendSeq(slices.Collect(maps.Values(s.known)), maps.Values(s.recent))
	slices.SortFunc(keys, func(a, b Key) int {
		return slices.Compare(
			[]string{string(a.Class), string(a.Name), a.Public.String()},
			[]string{string(b.Class), string(b.Name), b.Public.String()},
		)
	})
	return keys
}

// MayServe reports whether the key is admitted for a runner id and the kinds.
func (s State) MayServe(id domain.Name, key signing.KeyID, kinds []domain.Name, at event.Time) bool {
	k, ok := s.Key(Runner, key, at)
	if !ok || k.Name != id {
		return false
	}
	return !slices.ContainsFunc(kinds, func(kind domain.Name) bool { return !slices.Contains(k.Kinds, kind) })
}
