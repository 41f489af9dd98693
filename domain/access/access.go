// Package access holds the facts that everybody who judges a history needs: who
// founded it, and which keys act in it; and which API keys let whom call. These facts are statements, numbered
// from 1, the founding; a key is judged as of its place among them, so a later
// statement never changes what an earlier event meant.
package access

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

const (
	maxKinds = 16
	// MaxReason bounds why a key was revoked, in bytes: a sentence for people.
	MaxReason = 200
	// MaxKeys bounds the keys of a namespace, with those that ended or were
	// revoked: every supervisor and runner holds all of them in memory.
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
	known      map[signing.KeyID]Standing
	recent     map[signing.KeyID]Standing // what changed since known was made
	keys       int                        // in both
	api        apiKeys
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

// Rotate asks for a key to take the place of another.
type Rotate struct {
	Rotated Rotated
	At      event.Time
}

// Revoke asks for a key, known or not, to be good for nothing from here on.
type Revoke struct{ Revoked Revoked }

func (Found) accessCommand()  {}
func (Admit) accessCommand()  {}
func (Rotate) accessCommand() {}
func (Revoke) accessCommand() {}

// Decide returns what happens when c is asked of s. What was said in the same
// words before changes nothing: an admission or a rotation even when the key
// ended since, a revocation whatever its reason. An API key is added and removed
// once. Its errors have
// [domain.Invalid], [domain.NotFound], [domain.Expired], [domain.Conflict] or
// [domain.TooLarge].
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
	case Rotate:
		return decideRotate(s, c)
	case Revoke:
		return decideRevoke(s, c)
	case AddAPIKey:
		return decideAddAPIKey(s, c)
	case RemoveAPIKey:
		return decideRemoveAPIKey(s, c)
	}
	panic("access: unknown command")
}

func decideAdmit(s State, c Admit) ([]Event, error) {
	k := c.Key
	if s.Statements == 0 {
		return nil, notFounded()
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	if !signing.Verify(k.Public, AdmissionText(s.Founding.Namespace, k), k.Proof) {
		return nil, domain.Errorf(domain.Invalid, "key", "the proof of possession is not the key's signature over its admission")
	}
	if !k.Operator.IsZero() && !s.vouched(k, c.At) {
		return nil, domain.Errorf(domain.Invalid, "operator", "no operator's key that holds now has signed the admission")
	}
	if old, taken := s.Find(k.Public.ID()); taken {
		if !old.Revoked() && old.same(k) {
			return nil, nil
		}
		return nil, old.taken()
	}
	if !k.Until.IsZero() && k.Until < c.At {
		return nil, domain.Errorf(domain.Invalid, "until", "the key's end has passed")
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	return []Event{Admitted{k}}, nil
}

// vouched reports whether an operator's key that holds signed an admission,
// which does not say which one.
func (s State) vouched(k Key, at event.Time) bool {
	signed := OperatorText(s.Founding.Namespace, k)
	for o := range s.all() {
		if o.Class == Operator && o.Holds(at, s.Statements) && signing.Verify(o.Public, signed, k.Operator) {
			return true
		}
	}
	return false
}

// same reports whether an admission says what an earlier one said.
func (k *Standing) same(again Key) bool {
	return k.Class == again.Class && k.Name == again.Name && slices.Equal(k.Kinds, again.Kinds) &&
		k.Since == again.Since && k.Until == again.Until
}

// taken is why a key cannot be admitted once more.
func (k *Standing) taken() error {
	if k.Revoked() {
		return revokedBefore()
	}
	return domain.Errorf(domain.Conflict, "key_taken", "the key was admitted as %s %s; one key has one class and one name", k.Class, k.Name)
}

// room reports that there are as many keys as there may be.
func (s State) room() error {
	if s.keys < MaxKeys {
		return nil
	}
	return domain.Errorf(domain.TooLarge, "keys", "the namespace has %d keys; that is the limit", MaxKeys)
}

func decideRotate(s State, c Rotate) ([]Event, error) {
	e := c.Rotated
	old, known := s.Find(e.Old)
	switch {
	case s.Statements == 0:
		return nil, notFounded()
	case e.Key.IsZero():
		return nil, domain.Errorf(domain.Invalid, "key", "a rotation names the key that takes the place of the old one")
	case old.Revoked():
		return nil, revokedBefore()
	case !known:
		return nil, domain.Errorf(domain.NotFound, "key_unknown", "no key with the id %s was admitted", e.Old)
	}
	if err := old.Class.uses(e.Key); err != nil {
		return nil, err
	}
	signed := RotationText(s.Founding.Namespace, e)
	if !signing.Verify(e.Key, signed, e.Proof) || !signing.Verify(old.Public, signed, e.By) {
		return nil, domain.Errorf(domain.Invalid, "key", "a rotation is signed by both keys, the old one and the new one")
	}
	if old.RotatedTo != "" {
		if old.RotatedTo == e.Key.ID() && old.Ends == e.Until {
			return nil, nil
		}
		return nil, domain.Errorf(domain.Conflict, "key_rotated", "another key took the place of this one: %s", old.RotatedTo)
	}
	switch next, taken := s.Find(e.Key.ID()); {
	case taken:
		return nil, next.taken()
	case !old.Holds(c.At, s.Statements):
		return nil, domain.Errorf(domain.Expired, "key_ended", "the key does not hold now: admit the new one instead")
	case e.Until < c.At:
		return nil, domain.Errorf(domain.Invalid, "until", "the end of the old key has passed: ask again with a later one")
	case !old.Until.IsZero() && e.Until > old.Until:
		return nil, domain.Errorf(domain.Invalid, "until", "the old key ends at %s, and a rotation does not put that off", old.Until)
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

func decideRevoke(s State, c Revoke) ([]Event, error) {
	e := c.Revoked
	if s.Statements == 0 {
		return nil, notFounded()
	}
	if _, err := signing.ParseKeyID(string(e.Key)); err != nil {
		return nil, err
	}
	if _, err := parseReason(e.Reason); err != nil {
		return nil, err
	}
	switch old, known := s.Find(e.Key); {
	case old.Revoked():
		return nil, nil
	case !known:
		if err := s.room(); err != nil {
			return nil, err
		}
	}
	return []Event{e}, nil
}

// parseReason refuses what cannot be shown as it is in one line.
func parseReason(reason string) (string, error) {
	for _, r := range reason {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return "", domain.Errorf(domain.Invalid, "reason", "a reason is printable text in one line")
		}
	}
	if len(reason) > MaxReason {
		return "", domain.Errorf(domain.Invalid, "reason", "a reason has at most %d bytes", MaxReason)
	}
	return reason, nil
}

func notFounded() error {
	return domain.Errorf(domain.Conflict, "not_founded", "nobody founded the namespace yet")
}

func revokedBefore() error {
	return domain.Errorf(domain.Conflict, "key_revoked", "the key was revoked: make a new one")
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
	return cmp.Or(Supervisor.uses(e.Key), Operator.uses(e.Operator))
}

// check refuses a key that could not be read back, that never holds, and kinds
// where there are none.
func (k *Key) check() error {
	if _, err := ParseClass(string(k.Class)); err != nil {
		return err
	}
	if err := k.Class.uses(k.Public); err != nil {
		return err
	}
	if !k.Until.IsZero() && k.Since > k.Until {
		return domain.Errorf(domain.Invalid, "since", "the key would end before it begins")
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

// uses refuses a key whose algorithm is not one of its class. Clients sign with
// what they have; what is checked for every event is one algorithm, and fast.
func (c Class) uses(k signing.PublicKey) error {
	if c == Client || k.Algorithm() == signing.Ed25519 {
		return nil
	}
	return domain.Errorf(domain.Invalid, "key", "a key of class %s is an Ed25519 key; %s keys sign jobs, as class %s", c, k.Algorithm(), Client)
}

// Evolve returns the state after a fact. The earlier state is not changed.
func Evolve(s State, f event.Fact[Event]) State {
	s.Statements = f.Version
	switch e := f.Data.(type) {
	case Founded:
		s.Founding = e
		s.known, s.recent, s.keys, s.api = map[signing.KeyID]Standing{}, nil, 0, apiKeys{}
		return s.with(admitted(f, Key{Class: Supervisor, Name: e.Supervisor, Public: e.Key})).
			with(admitted(f, Key{Class: Operator, Name: "operator", Public: e.Operator}))
	case Admitted:
		return s.with(admitted(f, e.Key))
	case Rotated:
		old, _ := s.Find(e.Old)
		next := old.Key
		next.Public, next.Since, next.Proof, next.Operator = e.Key, 0, signing.Signature{}, signing.Signature{}
		old.RotatedTo, old.Ends, old.RotatedBy = e.Key.ID(), e.Until, f.Version
		return s.with(old).with(admitted(f, next))
	case Revoked:
		old, _ := s.Find(e.Key)
		old.ID, old.Reason, old.RevokedBy, old.RevokedAt = e.Key, e.Reason, f.Version, f.Seq
		return s.with(old)
	case APIKeyAdded:
		s.api = s.api.with(GrantedKey{APIKey: e.Key, Number: f.Version, By: f.Actor, At: f.At})
		return s
	case APIKeyRemoved:
		s.api = s.api.without(e.Name)
		return s
	}
	panic("access: unknown event")
}

// admitted is how a key stands that a statement makes known.
func admitted(f event.Fact[Event], k Key) Standing {
	return Standing{Key: k, ID: k.Public.ID(), Number: f.Version, Seq: f.Seq, By: f.Actor, Ends: k.Until}
}

// Legal reports why a statement could not have followed, or nil.
func Legal(s State, f event.Fact[Event]) error {
	if f.Version != s.Statements+1 {
		return illegal("statement %d follows statement %d", f.Version, s.Statements)
	}
	var events []Event
	var err error
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
		events, err = decideAdmit(s, Admit{e.Key, f.At})
	case Rotated:
		events, err = decideRotate(s, Rotate{e, f.At})
	case Revoked:
		events, err = decideRevoke(s, Revoke{e})
	case APIKeyAdded:
		events, err = decideAddAPIKey(s, AddAPIKey{e.Key, f.At})
	case APIKeyRemoved:
		events, err = decideRemoveAPIKey(s, RemoveAPIKey{e})
	}
	switch {
	case err != nil:
		return illegal("%v", err)
	case len(events) == 0:
		return illegal("a key was %s twice", strings.TrimPrefix(f.Data.EventName(), "access."))
	}
	return nil
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}
