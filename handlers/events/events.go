// Package events is the form in which Horus tells others what happened: one JSON
// document an event, with the proof that it stands in the history.
//
//	{"v":1,"seq":42,"seal":"1.7.41.2.3.….….….…","path":["…"],"event":{"v":1,…}}
//
// (in one line, without spaces). The member event is the event's exact bytes, as
// they were sealed; seal and path prove them, together with the public key of the
// supervisor that led. Programs that receive such documents can use this package:
//
//	e, err := events.Parse(msg.Payload)
//	if err == nil {
//		err = e.Verify(supervisorKey)
//	}
package events

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// MaxBytes bounds a document: the largest event, its seal and its path.
const MaxBytes = event.MaxBytes + 4096

// Event is an event and the proof of its place.
type Event struct {
	event.Recorded
	Proof signing.Proof
}

// Append appends the document of an event that was proved.
func Append(dst []byte, p *signing.Proof) []byte {
	dst = fixedjson.AppendUint(append(dst, `{"v":1,"seq":`...), p.Seq)
	dst = append(p.Seal.Append(append(dst, `,"seal":"`...)), `","path":[`...)
	for i, node := range p.Path {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), node.String()...), '"')
	}
	return append(append(append(dst, `],"event":`...), p.Event...), '}')
}

// maxPath is the length of the longest path: of a commit of [signing.MaxSealed]
// events.
const maxPath = 8

// Parse reads a document. It accepts exactly what Append writes, checks that the
// path leads from the event to the seal, and leaves the seal's signature to
// [Event.Verify]. Errors are [domain.Invalid] and [domain.TooLarge].
func Parse(data []byte) (Event, error) {
	if len(data) > MaxBytes {
		return Event{}, domain.Errorf(domain.TooLarge, "document", "a document of %d bytes; the limit is %d", len(data), MaxBytes)
	}
	var e Event
	r := fixedjson.NewReader(data)
	r.Literal(`{"v":1,"seq":`)
	e.Proof.Seq = r.Uint()
	r.Literal(`,"seal":`)
	seal := r.String()
	r.Literal(`,"path":[`)
	for !r.Optional(`]`) && r.Err() == nil {
		if len(e.Proof.Path) > 0 {
			r.Literal(`,`)
		}
		e.Proof.Path = append(e.Proof.Path, fixedjson.Parsed(r, signing.ParseHash))
		if len(e.Proof.Path) > maxPath {
			r.Fail(domain.Errorf(domain.Invalid, "path", "a path has %d hashes at most", maxPath))
		}
	}
	r.Literal(`,"event":`)
	e.Proof.Event = r.Value()
	r.Literal(`}`)
	err := r.End()
	if err == nil {
		e.Recorded, err = event.Parse(e.Proof.Event)
	}
	if err == nil {
		e.Proof.Seal, err = signing.ParseSeal(e.Namespace, e.Partition, []byte(seal))
	}
	if err == nil {
		err = e.Proof.Check()
	}
	if err != nil {
		return Event{}, fmt.Errorf("parse document: %w", err)
	}
	return e, nil
}

// Verify reports why the event does not stand in the history that the owner of
// the key sealed: [domain.Invalid] with the reason seal. Whether the key was a
// supervisor's at that place is for whoever knows the history to say.
func (e *Event) Verify(key signing.PublicKey) error {
	check := e.Proof.Seal.Check(key)
	if key.IsZero() || check.Key.IsZero() || !signing.Verify(key, check.Message, check.Signature) {
		return domain.Errorf(domain.Invalid, "seal", "the seal of event %d is not of the key %s", e.Proof.Seq, key.ID())
	}
	return nil
}

// space keeps the ids of events from those of anything else.
//
//nolint:gochecknoglobals // a constant that Go has no word for
var space = uuid.MustParse("5d1f2b8e-9c37-5e64-8a0b-77c1e2f3a946")

// ID names an event for ever: a UUID of version 8, made of its place and its
// hash. Another event at the same place, after Redis lost the end of a log, has
// another one.
func ID(namespace string, partition uint16, seq uint64, hash signing.Hash) string {
	name := fmt.Sprintf("%s\np%03d\n%d\n%s", namespace, partition, seq, hash)
	return uuid.NewHash(sha256.New(), space, []byte(name), 8).String()
}

// Names of a message's metadata, besides Watermill's correlation_id.
const (
	Type      = "type"        // of the event, as job.completed
	Aggregate = "aggregate"   // what it happened to, as job/j1
	Seq       = "seq"         // place in the log: 1, 2, 3, …
	Namespace = "namespace"   // of the log
	Partition = "partition"   // of the log
	At        = "at"          // when it happened: RFC 3339, UTC, microseconds
	Trace     = "traceparent" // as W3C Trace Context says; left out if there is none
)

// Message returns the message that tells of an event.
func Message(e *event.Recorded, p *signing.Proof) *message.Message {
	msg := message.NewMessage(ID(e.Namespace, e.Partition, p.Seq, signing.LeafHash(p.Event)), Append(nil, p))
	Describe(msg, e, p.Seq)
	return msg
}

// Describe sets the metadata of a message that tells of an event.
func Describe(msg *message.Message, e *event.Recorded, seq uint64) {
	msg.Metadata.Set(Type, e.Type)
	msg.Metadata.Set(Aggregate, e.Aggregate.String())
	msg.Metadata.Set(Seq, strconv.FormatUint(seq, 10))
	msg.Metadata.Set(Namespace, e.Namespace)
	msg.Metadata.Set(Partition, strconv.Itoa(int(e.Partition)))
	msg.Metadata.Set(At, e.At.String())
	if e.Trace != "" {
		msg.Metadata.Set(Trace, e.Trace)
	}
	middleware.SetCorrelationID(Correlation(e), msg)
}

// Correlation names what an event belongs to: the trace of the request that led
// to it, else the request or report itself, else what it happened to.
func Correlation(e *event.Recorded) string {
	const version, trace = len("00-"), 32
	switch {
	case len(e.Trace) > version+trace && e.Trace[version-1] == '-' && e.Trace[version+trace] == '-':
		return e.Trace[version : version+trace]
	case e.Cause != "":
		return e.Cause
	default:
		return e.Aggregate.String()
	}
}
