// Package loss is the aggregate that says what a partition's log has lost: once
// it held a commit, of which somebody remembers the seal, and now it lacks it.
// Seals are signed and chained, so a seal is evidence enough; who remembered it
// is the event's actor. What stood in the log before the gap, and what follows
// the declaration, is history as any other.
package loss

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// Lost: the log once held a commit with that seal, and lacks everything from a
// place on up to the seal's last. It is the one event of its aggregate, which
// there is once in a partition.
type Lost struct {
	// From is 1 + the last place of this log that was sealed in a term which is
	// not above the seal's. Terms only grow along a log.
	From uint64
	Seal signing.Seal
}

// EventName returns the wire name.
func (Lost) EventName() string { return "log.lost" }

// AppendData appends {"from":…,"seal":"…"}, the seal in wire form.
func (e Lost) AppendData(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(dst, `{"from":`...), e.From)
	dst = e.Seal.Append(append(dst, `,"seal":"`...))
	return append(dst, `"}`...)
}

// DecodeLost reads the event's data. Its seal is of the place where the event
// stands.
func DecodeLost(namespace string, partition uint16, data []byte) (Lost, error) {
	var e Lost
	r := fixedjson.NewReader(data)
	r.Literal(`{"from":`)
	e.From = r.Uint()
	r.Literal(`,"seal":`)
	e.Seal = fixedjson.Parsed(r, func(wire string) (signing.Seal, error) {
		return signing.ParseSeal(namespace, partition, []byte(wire))
	})
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return e, fmt.Errorf("decode log.lost: %w", err)
	}
	return e, nil
}

// State is the gap that was declared last; the last event carries all of it.
// The zero State is a log of which nothing is known to be lost.
type State struct {
	Version uint64
	From    uint64 // first place that is lost
	To      uint64 // last one that is known to be
}

// Declare asks for a gap to be declared. It is a command.
type Declare struct {
	Lost
	Partition uint16
	Term      uint64       // of the leader that declares it
	Keys      access.State // as of the declaration
}

// Decide returns what happens when a gap is declared: nothing when the last
// declaration covers it. Its errors:
//
//   - [domain.Invalid]: the seal is of another place, its signature does not
//     hold, or it is of no earlier term, whose end only its own leader knows.
//   - [domain.Forbidden]: its key is none that a supervisor had, or was revoked.
//     One that ended sealed what it sealed.
//   - [domain.Halted]: this log has other events where the seal's were. It did
//     not lose them, it was rewritten.
func Decide(s State, c Declare) ([]Lost, error) {
	seal := &c.Seal
	if seal.Namespace != string(c.Keys.Founding.Namespace) || seal.Partition != c.Partition {
		return nil, domain.Errorf(domain.Invalid, "seal", "the seal is of another place")
	}
	if seal.Term >= c.Term {
		return nil, domain.Errorf(domain.Invalid, "seal_term", "the seal is of term %d; term %d cannot say what became of it", seal.Term, c.Term)
	}
	key, known := c.Keys.Find(seal.Key)
	if !known || key.Class != access.Supervisor || key.Revoked() {
		return nil, domain.Errorf(domain.Forbidden, "seal_key", "the seal's key %s was no supervisor's, or was revoked", seal.Key)
	}
	if !signing.Verify(key.Public, seal.Text(), seal.Signature) {
		return nil, domain.Errorf(domain.Invalid, "seal", "the seal's signature is not of the key that it names")
	}
	if c.From < 2 || seal.Last() < c.From {
		return nil, domain.Errorf(domain.Halted, "log_rewritten",
			"a seal up to seq %d of term %d is remembered, and the log has other events there: run horus audit verify", seal.Last(), seal.Term)
	}
	if s.From == c.From && s.To >= seal.Last() {
		return nil, nil
	}
	return []Lost{c.Lost}, nil
}

// Evolve returns the state after a fact.
func Evolve(_ State, f event.Fact[Lost]) State {
	return State{f.Version, f.Data.From, f.Data.Seal.Last()}
}

// Place is where a declaration stands.
type Place struct {
	Partition uint16
	Term      uint64
	Keys      access.State
	// From is what the declaration must say; 0 when the place where the seal's
	// term ended is not known.
	From uint64
}

// Legal reports why a fact could not have followed a state, or nil.
func Legal(s State, f event.Fact[Lost], at Place) error {
	if f.Version != s.Version+1 {
		return illegal("version %d follows version %d", f.Version, s.Version)
	}
	if at.From != 0 && f.Data.From != at.From {
		return illegal("a gap is declared from seq %d; what the seal follows ends before seq %d", f.Data.From, at.From)
	}
	events, err := Decide(s, Declare{Lost: f.Data, Partition: at.Partition, Term: at.Term, Keys: at.Keys})
	switch {
	case err != nil:
		return illegal("%v", err)
	case len(events) == 0:
		return illegal("a gap was declared twice")
	}
	return nil
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}
