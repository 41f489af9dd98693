// Package event is the envelope of everything that Horus records. An event is
// one JSON document in one spelling (package fixedjson); its bytes are hashed,
// stored and compared as they stand and never written again to be checked.
//
//	{"v":1,"ns":"horus","p":0,"agg":"job/j1","n":2,"type":"job.started",
//	 "at":"2026-01-02T15:04:05.000006Z","actor":"runner:r1",
//	 "cause":"report/r1/8f3a/7/0","data":{"attempt":1}}
//
// (in one line, without spaces). The members cause and trace are left out when
// they are empty. What data holds is the business of the aggregate's package:
// this one writes it through [Data] and hands it back as bytes.
package event

import (
	"fmt"
	"math"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// MaxBytes bounds an encoded event: a job with its largest payload, every byte
// of it escaped, still fits one commit.
const MaxBytes = 1 << 20

// Header is everything about an event but what happened.
type Header struct {
	Namespace string
	Partition uint16
	Aggregate Aggregate
	Version   uint64 // within the aggregate: 1, 2, 3, ...
	At        Time
	Actor     Actor
	Cause     string // request or report that led here; empty if none
	Trace     string // W3C traceparent; empty if none
}

// Data is what happened, in an aggregate's own words.
type Data interface {
	// EventName is the wire name, such as job.started: letters, digits, dots
	// and underscores. It never changes: a new shape is a new name.
	EventName() string
	// AppendData appends the data member's value, in its one spelling.
	AppendData(dst []byte) []byte
}

// Fact is something that happened, as a fold reads it: the data, when, by
// whom, and the place it has in history.
type Fact[D any] struct {
	Data    D
	Version uint64
	Seq     uint64 // place in the partition's log: 1, 2, 3, ...
	At      Time
	Actor   Actor
	Cause   string
	Hash    signing.Hash // Merkle leaf of the event's bytes
}

// Append appends the event in its one spelling.
func Append(dst []byte, h Header, d Data) []byte {
	dst = fixedjson.AppendString(append(dst, `{"v":1,"ns":`...), h.Namespace)
	dst = fixedjson.AppendUint(append(dst, `,"p":`...), uint64(h.Partition))
	dst = append(append(dst, `,"agg":"`...), h.Aggregate.Kind...)
	if h.Aggregate.ID != "" {
		dst = append(append(dst, '/'), h.Aggregate.ID...)
	}
	dst = fixedjson.AppendUint(append(dst, `","n":`...), h.Version)
	dst = append(append(dst, `,"type":"`...), d.EventName()...)
	dst = h.At.Append(append(dst, `","at":"`...))
	dst = fixedjson.AppendString(append(dst, `","actor":`...), string(h.Actor))
	if h.Cause != "" {
		dst = fixedjson.AppendString(append(dst, `,"cause":`...), h.Cause)
	}
	if h.Trace != "" {
		dst = fixedjson.AppendString(append(dst, `,"trace":`...), h.Trace)
	}
	dst = d.AppendData(append(dst, `,"data":`...))
	return append(dst, '}')
}

// Recorded is a decoded envelope: the header, the wire name and the bytes of
// the data member, which are part of the event's bytes.
type Recorded struct {
	Header
	Type string
	Data []byte
}

// Parse reads an event. It accepts exactly what Append writes, so that the
// same event has the same bytes everywhere; the data member is not looked
// into.
func Parse(data []byte) (Recorded, error) {
	if len(data) > MaxBytes {
		return Recorded{}, domain.Errorf(domain.TooLarge, "event", "event of %d bytes; the limit is %d", len(data), MaxBytes)
	}
	var e Recorded
	var text texts
	r := fixedjson.NewReader(data)
	r.Literal(`{"v":1,"ns":`)
	text.namespace = r.Text()
	r.Literal(`,"p":`)
	p := r.Uint()
	r.Literal(`,"agg":`)
	e.Aggregate = fixedjson.Parsed(r, ParseAggregate)
	r.Literal(`,"n":`)
	e.Version = r.Uint()
	r.Literal(`,"type":`)
	text.kind = r.Text()
	r.Literal(`,"at":`)
	e.At = ReadTime(r)
	r.Literal(`,"actor":`)
	e.Actor = Actor(r.String())
	if r.Optional(`,"cause":`) {
		text.cause = nonEmpty(r)
	}
	if r.Optional(`,"trace":`) {
		text.trace = nonEmpty(r)
	}
	r.Literal(`,"data":`)
	e.Data = r.Value()
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return Recorded{}, fmt.Errorf("parse event: %w", err)
	}
	text.copyTo(&e)
	if p > math.MaxUint16 || e.Version == 0 || e.Type == "" || !domain.Plain(e.Type) || e.Actor == "" {
		return Recorded{}, domain.Errorf(domain.Invalid, "format", "parse event: partition, version, type or actor out of range")
	}
	e.Partition = uint16(p)
	return e, nil
}

// texts are the strings of an event that are looked at and then dropped, where
// they stand. A fold keeps aggregates and actors: those are copied alone, since
// they would keep all that was copied with them.
type texts struct{ namespace, kind, cause, trace []byte }

// copyTo copies all of them at once.
func (t *texts) copyTo(e *Recorded) {
	var room [256]byte // most fit
	all := append(append(append(append(room[:0], t.namespace...), t.kind...), t.cause...), t.trace...)
	rest := string(all)
	next := func(text []byte) (s string) {
		s, rest = rest[:len(text)], rest[len(text):]
		return s
	}
	e.Namespace, e.Type, e.Cause, e.Trace = next(t.namespace), next(t.kind), next(t.cause), next(t.trace)
}

// nonEmpty reads a string that is left out when empty: the empty string would
// be a second spelling.
func nonEmpty(r *fixedjson.Reader) []byte {
	text := r.Text()
	if len(text) == 0 {
		r.Fail(domain.Errorf(domain.Invalid, "format", "empty member"))
	}
	return text
}

// FactOf joins an envelope, its decoded data and its place in history.
func FactOf[D any](e Recorded, data D, seq uint64, hash signing.Hash) Fact[D] {
	return Fact[D]{
		Data: data, Version: e.Version, Seq: seq, At: e.At,
		Actor: e.Actor, Cause: e.Cause, Hash: hash,
	}
}
