package runner

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// Reported is the one event of the report aggregate: a bundle as its process
// signed it. Everything that the bundle decides stands in the same commit.
type Reported struct {
	Signed Signed

	bundle *Bundle // what Signed.Doc says, when it was read already
}

// NewReported joins a bundle and what was read of it.
func NewReported(s Signed, b *Bundle) Reported { return Reported{s, b} }

// Bundle reads the bundle unless that was done before.
func (e Reported) Bundle() (*Bundle, error) {
	if e.bundle != nil {
		return e.bundle, nil
	}
	return ParseBundle(e.Signed.Doc)
}

// EventName returns the wire name.
func (Reported) EventName() string { return "runner.reported" }

// AppendData appends {"key":…,"sig":…,"bundle":{…}}.
func (e Reported) AppendData(dst []byte) []byte {
	dst = append(append(dst, `{"key":"`...), e.Signed.Key...)
	dst = append(append(dst, `","sig":"`...), e.Signed.Signature.String()...)
	dst = append(append(dst, `","bundle":`...), e.Signed.Doc...)
	return append(dst, '}')
}

// DecodeReported reads the event's data and the bundle inside.
func DecodeReported(data []byte) (Reported, error) {
	var e Reported
	r := fixedjson.NewReader(data)
	r.Literal(`{"key":`)
	e.Signed.Key = fixedjson.Parsed(r, signing.ParseKeyID)
	r.Literal(`,"sig":`)
	e.Signed.Signature = fixedjson.Parsed(r, signing.ParseSignature)
	r.Literal(`,"bundle":`)
	e.Signed.Doc = r.Value()
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return e, fmt.Errorf("decode runner.reported: %w", err)
	}
	var err error
	e.bundle, err = ParseBundle(e.Signed.Doc)
	return e, err
}

// Process is the state of the report aggregate: how far a process' bundles
// were taken. Its last event carries all of it.
type Process struct {
	Version uint64
	Number  uint64 // of the last bundle
	Key     signing.KeyID
	Left    bool
}

// Accept decides about a bundle: nil and true when it is news, nil and false
// for a repetition. A process speaks with one key, joins once, with its first
// report, and says nothing after it left. Errors have [domain.Forbidden].
func (p Process) Accept(s Signed, b *Bundle) (news bool, err error) {
	if p.Version > 0 && b.Number <= p.Number {
		return false, nil
	}
	if p.Left || p.Version > 0 && p.Key != s.Key {
		return false, domain.Errorf(domain.Forbidden, "process", "the process left, or speaks with another key")
	}
	for i, r := range b.Reports {
		_, joins := r.(Join)
		if joins != (p.Version == 0 && i == 0) {
			return false, domain.Errorf(domain.Forbidden, "process", "a process joins with the first report of its first bundle, and once")
		}
		if _, leaves := r.(Leave); leaves && i < len(b.Reports)-1 {
			return false, domain.Errorf(domain.Forbidden, "process", "a process says nothing after it left")
		}
	}
	return true, nil
}

// EvolveProcess returns the state after a bundle was recorded.
func EvolveProcess(p Process, f event.Fact[Reported]) Process {
	p.Version, p.Key = f.Version, f.Data.Signed.Key
	if b, err := f.Data.Bundle(); err == nil { // LegalReport refuses what cannot be read
		p.Number = b.Number
		_, p.Left = b.Reports[len(b.Reports)-1].(Leave)
	}
	return p
}

// LegalReport reports why a bundle could not have followed a state, or nil.
func LegalReport(p Process, f event.Fact[Reported], id string) error {
	b, err := f.Data.Bundle()
	if err != nil {
		return err
	}
	if f.Version != p.Version+1 || AggregateID(b.Runner, b.Process) != id {
		return illegal("a bundle stands in the place of another")
	}
	news, err := p.Accept(f.Data.Signed, b)
	if err == nil && !news {
		err = illegal("a bundle was recorded twice")
	}
	return err
}
