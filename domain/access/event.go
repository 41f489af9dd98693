package access

import (
	"fmt"
	"math"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// Event is a statement: a fact of the whole namespace. Its version within the
// aggregate is the statement's number.
//
//sumtype:decl
type Event interface {
	event.Data
	accessEvent()
}

// Events has one of every kind.
func Events() []Event { return []Event{Founded{}, Admitted{}} }

// Founded is the first event of every partition, and the only one that nothing
// before it vouches for: trust in a history is trust in its founding.
type Founded struct {
	Namespace  domain.Name
	Partitions uint16
	Supervisor domain.Name // name of the first supervisor
	Key        signing.PublicKey
	Operator   signing.PublicKey
}

// Admitted: a key may act from here on.
type Admitted struct{ Key Key }

// Key is a key and what it may do.
type Key struct {
	Class  Class
	Name   domain.Name // whose it is; of a runner: its id
	Public signing.PublicKey
	Kinds  []domain.Name // of a runner: whose queues it may serve besides its id's
	Until  event.Time    // last instant at which it holds; zero: for ever
	Proof  signing.Signature
}

// Class says what a key is for. One key has one class.
type Class string

// The classes.
const (
	Supervisor Class = "supervisor" // seals
	Runner     Class = "runner"     // signs bundles
	Client     Class = "client"     // signs jobs
	Operator   Class = "operator"   // admits supervisors when all are gone
)

// ParseClass reads a class' word.
func ParseClass(s string) (Class, error) {
	switch c := Class(s); c {
	case Supervisor, Runner, Client, Operator:
		return c, nil
	}
	return "", domain.Errorf(domain.Invalid, "class", "a class is supervisor, runner, client or operator")
}

func (Founded) accessEvent()  {}
func (Admitted) accessEvent() {}

// EventName returns the wire name.
func (Founded) EventName() string { return "access.founded" }

// EventName returns the wire name.
func (Admitted) EventName() string { return "access.admitted" }

// hashRule names how events are hashed: RFC 6962 with SHA-256.
const hashRule = "rfc6962-sha256"

// AppendData appends {"namespace":…,"partitions":…,"hash":…,"supervisor":…,"key":…,"operator":…}.
func (e Founded) AppendData(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, `{"namespace":`...), string(e.Namespace))
	dst = fixedjson.AppendUint(append(dst, `,"partitions":`...), uint64(e.Partitions))
	dst = append(dst, `,"hash":"`+hashRule+`","supervisor":`...)
	dst = fixedjson.AppendString(dst, string(e.Supervisor))
	dst = append(append(dst, `,"key":"`...), e.Key.String()...)
	dst = append(append(dst, `","operator":"`...), e.Operator.String()...)
	return append(dst, `"}`...)
}

// AppendData appends {"class":…,"name":…,"key":…,"kinds":[…],"until":…,"proof":…}.
// Kinds and until are left out when there are none.
func (e Admitted) AppendData(dst []byte) []byte {
	k := &e.Key
	dst = append(append(dst, `{"class":"`...), k.Class...)
	dst = fixedjson.AppendString(append(dst, `","name":`...), string(k.Name))
	dst = append(append(dst, `,"key":"`...), k.Public.String()...)
	dst = append(dst, '"')
	for i, kind := range k.Kinds {
		if i == 0 {
			dst = append(dst, `,"kinds":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(dst, string(kind))
	}
	if len(k.Kinds) > 0 {
		dst = append(dst, ']')
	}
	if !k.Until.IsZero() {
		dst = append(k.Until.Append(append(dst, `,"until":"`...)), '"')
	}
	dst = append(append(dst, `,"proof":"`...), k.Proof.String()...)
	return append(dst, `"}`...)
}

// DecodeEvent reads the data of the event with that wire name.
func DecodeEvent(name string, data []byte) (Event, error) {
	r := fixedjson.NewReader(data)
	var e Event
	switch name {
	case "access.founded":
		e = readFounded(r)
	case "access.admitted":
		e = readAdmitted(r)
	default:
		return nil, domain.Errorf(domain.Invalid, "type", "no statement has that name")
	}
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return e, nil
}

func readFounded(r *fixedjson.Reader) Founded {
	var e Founded
	r.Literal(`{"namespace":`)
	e.Namespace = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"partitions":`)
	partitions := r.Uint()
	r.Literal(`,"hash":"` + hashRule + `","supervisor":`)
	e.Supervisor = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParsePublicKey)
	r.Literal(`,"operator":`)
	e.Operator = fixedjson.Parsed(r, signing.ParsePublicKey)
	if partitions == 0 || partitions > math.MaxUint16 {
		r.Fail(domain.Errorf(domain.Invalid, "partitions", "a namespace has 1 to %d partitions", math.MaxUint16))
	}
	e.Partitions = uint16(partitions & math.MaxUint16) //nolint:gosec // bounded above
	return e
}

func readAdmitted(r *fixedjson.Reader) Admitted {
	var k Key
	r.Literal(`{"class":`)
	k.Class = fixedjson.Parsed(r, ParseClass)
	r.Literal(`,"name":`)
	k.Name = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"key":`)
	k.Public = fixedjson.Parsed(r, signing.ParsePublicKey)
	if r.Optional(`,"kinds":[`) {
		for range maxKinds {
			k.Kinds = append(k.Kinds, fixedjson.Parsed(r, domain.ParseName))
			if !r.Optional(`,`) {
				break
			}
		}
		r.Literal(`]`)
	}
	if r.Optional(`,"until":`) {
		k.Until = fixedjson.Parsed(r, event.ParseTime)
	}
	r.Literal(`,"proof":`)
	k.Proof = fixedjson.Parsed(r, signing.ParseSignature)
	return Admitted{k}
}
