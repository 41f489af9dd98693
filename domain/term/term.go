// Package term is the aggregate that says who leads a partition. A term is
// what fences every write: once a new one has begun, nothing that the old
// leader sends can be kept.
package term

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// Began: a supervisor leads from here on. It is the first event of its term.
type Began struct {
	Term    uint64
	Name    domain.Name
	Address string // where other supervisors reach it
	Key     signing.KeyID
}

// EventName returns the wire name.
func (Began) EventName() string { return "term.began" }

// AppendData appends {"term":…,"name":…,"address":…,"key":…}.
func (e Began) AppendData(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(dst, `{"term":`...), e.Term)
	dst = fixedjson.AppendString(append(dst, `,"name":`...), string(e.Name))
	dst = fixedjson.AppendString(append(dst, `,"address":`...), e.Address)
	dst = append(append(dst, `,"key":"`...), e.Key...)
	return append(dst, `"}`...)
}

// DecodeBegan reads the event's data.
func DecodeBegan(data []byte) (Began, error) {
	var e Began
	r := fixedjson.NewReader(data)
	r.Literal(`{"term":`)
	e.Term = r.Uint()
	r.Literal(`,"name":`)
	e.Name = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"address":`)
	e.Address = r.String()
	r.Literal(`,"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParseKeyID)
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return e, fmt.Errorf("decode term.began: %w", err)
	}
	return e, nil
}

// State is the leadership as its last event left it.
type State struct {
	Version uint64
	Term    uint64
	Name    domain.Name
	Address string
	Key     signing.KeyID
}

// Evolve returns the state after a fact.
func Evolve(s State, f event.Fact[Began]) State {
	return State{f.Version, f.Data.Term, f.Data.Name, f.Data.Address, f.Data.Key}
}

// Legal reports why a fact could not have followed a state, or nil: terms
// grow, and the leader seals its own beginning.
func Legal(s State, f event.Fact[Began], seal signing.Seal) error {
	if f.Version != s.Version+1 || f.Data.Term <= s.Term || f.Data.Term != seal.Term || f.Data.Key != seal.Key {
		return domain.Errorf(domain.Halted, "illegal", "illegal transition: term %d began after term %d under a seal of term %d",
			f.Data.Term, s.Term, seal.Term)
	}
	return nil
}

// Spread is how far apart terms may be that follow the same one.
const Spread = 1000

// Next returns a term after the last known one: the clock in milliseconds, so
// that terms grow even when a store forgot the last one. Where the last one is
// ahead of the clock, salt keeps two apart that follow it because a store forgot
// the first of them: they begin with the same numbers and must not be the same
// term.
func Next(last uint64, now event.Time, salt uint64) uint64 {
	return max(last+1+salt%Spread, uint64(max(now, 0))/1000)
}
