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
func Events() []Event {
	return []Event{Founded{}, Admitted{}, Rotated{}, Revoked{}, APIKeyAdded{}, APIKeyRemoved{}}
}

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

// Rotated: a key takes the place of another, of any class, with its name, its
// kinds and its end. The old one holds until then, and what it sealed or signed
// before its end stays good.
type Rotated struct {
	Old   signing.KeyID
	Key   signing.PublicKey // the new one
	Until event.Time        // last instant at which the old one holds
	Proof signing.Signature // of the new key over the rotation text
	By    signing.Signature // of the old key over the same
}

// Revoked: from here on a key is good for nothing, and can never be admitted
// again. The statements need not know it: a runner's first key is not in them.
type Revoked struct {
	Key    signing.KeyID
	Reason string // printable, at most [MaxReason] bytes; may be empty
}

// Key is a key and what it may do.
type Key struct {
	Class  Class
	Name   domain.Name       // whose it is; of a runner: its id
	Public signing.PublicKey // of Ed25519, or of a client of secp256k1
	Kinds  []domain.Name     // of a runner: whose queues it may serve besides its id's
	Since  event.Time        // first instant at which it holds; zero: from its admission on
	Until  event.Time        // last instant at which it holds; zero: for ever
	Proof  signing.Signature
	// Operator is an operator's signature over [OperatorText]; zero if there
	// is none. See [Key.Alone].
	Operator signing.Signature
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
func (Rotated) accessEvent()  {}
func (Revoked) accessEvent()  {}

// EventName returns the wire name.
func (Founded) EventName() string { return "access.founded" }

// EventName returns the wire name.
func (Admitted) EventName() string { return "access.admitted" }

// EventName returns the wire name.
func (Rotated) EventName() string { return "access.rotated" }

// EventName returns the wire name.
func (Revoked) EventName() string { return "access.revoked" }

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

// AppendData appends
// {"class":…,"name":…,"key":…,"kinds":[…],"since":…,"until":…,"proof":…,"operator":…}.
// Kinds, since, until and operator are left out when there are none.
func (e Admitted) AppendData(dst []byte) []byte {
	k := &e.Key
	dst = append(append(dst, `{"class":"`...), k.Class...)
	dst = fixedjson.AppendString(append(dst, `","name":`...), string(k.Name))
	dst = append(append(dst, `,"key":"`...), k.Public.String()...)
	dst = append(dst, '"')
	dst = appendNames(dst, `,"kinds":[`, k.Kinds)
	if !k.Since.IsZero() {
		dst = append(k.Since.Append(append(dst, `,"since":"`...)), '"')
	}
	if !k.Until.IsZero() {
		dst = append(k.Until.Append(append(dst, `,"until":"`...)), '"')
	}
	dst = append(append(dst, `,"proof":"`...), k.Proof.String()...)
	if !k.Operator.IsZero() {
		dst = append(append(dst, `","operator":"`...), k.Operator.String()...)
	}
	return append(dst, `"}`...)
}

// AppendData appends {"old":…,"key":…,"until":…,"proof":…,"by":…}.
func (e Rotated) AppendData(dst []byte) []byte {
	dst = append(append(dst, `{"old":"`...), e.Old...)
	dst = append(append(dst, `","key":"`...), e.Key.String()...)
	dst = e.Until.Append(append(dst, `","until":"`...))
	dst = append(append(dst, `","proof":"`...), e.Proof.String()...)
	dst = append(append(dst, `","by":"`...), e.By.String()...)
	return append(dst, `"}`...)
}

// AppendData appends {"key":…,"reason":…}.
func (e Revoked) AppendData(dst []byte) []byte {
	dst = append(append(dst, `{"key":"`...), e.Key...)
	dst = fixedjson.AppendString(append(dst, `","reason":`...), e.Reason)
	return append(dst, '}')
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
	case "access.rotated":
		e = readRotated(r)
	case "access.revoked":
		e = readRevoked(r)
	case "access.api_key_added":
		e = readAPIKeyAdded(r)
	case "access.api_key_removed":
		e = readAPIKeyRemoved(r)
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
	e.Key = fixedjson.Parsed(r, signing.ParseEd25519)
	r.Literal(`,"operator":`)
	e.Operator = fixedjson.Parsed(r, signing.ParseEd25519)
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
	k.Kinds = readNames(r, `,"kinds":[`)
	if r.Optional(`,"since":`) {
		k.Since = event.ReadTime(r)
	}
	if r.Optional(`,"until":`) {
		k.Until = event.ReadTime(r)
	}
	r.Literal(`,"proof":`)
	k.Proof = fixedjson.Parsed(r, signing.ParseSignature)
	if r.Optional(`,"operator":`) {
		k.Operator = fixedjson.Parsed(r, signing.ParseSignature)
		if k.Operator.IsZero() { // would be a second spelling
			r.Fail(domain.Errorf(domain.Invalid, "operator", "an operator's signature is not all zeros"))
		}
	}
	return Admitted{k}
}

func readRotated(r *fixedjson.Reader) Rotated {
	var e Rotated
	r.Literal(`{"old":`)
	e.Old = fixedjson.Parsed(r, signing.ParseKeyID)
	r.Literal(`,"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParsePublicKey)
	r.Literal(`,"until":`)
	e.Until = event.ReadTime(r)
	r.Literal(`,"proof":`)
	e.Proof = fixedjson.Parsed(r, signing.ParseSignature)
	r.Literal(`,"by":`)
	e.By = fixedjson.Parsed(r, signing.ParseSignature)
	return e
}

func readRevoked(r *fixedjson.Reader) Revoked {
	var e Revoked
	r.Literal(`{"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParseKeyID)
	r.Literal(`,"reason":`)
	e.Reason = fixedjson.Parsed(r, parseReason)
	return e
}
