package runner

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// Event is something that happened to a runner id.
//
//sumtype:decl
type Event interface {
	event.Data
	runnerEvent()
}

// Events has one of every kind.
func Events() []Event { return []Event{Joined{}, Left{}} }

// Joined: a process of the runner may take work.
type Joined struct {
	Process string
	Key     signing.PublicKey // of the process
	Pin     signing.PublicKey // admitted by first use of the id; zero if none was
	Kinds   []domain.Name
	Slots   uint32
	Marks   []Mark // one for each queue that the process may take from
}

// Mark is the lowest place that an open grant of a queue has. A process
// refuses what stands below: it was finished before the process came.
type Mark struct {
	Queue job.Queue
	Seq   uint64
}

// Left: a process took leave. It takes no more work and runs none.
type Left struct {
	Process string
	Pin     signing.PublicKey
}

func (Joined) runnerEvent() {}
func (Left) runnerEvent()   {}

// EventName returns the wire name.
func (Joined) EventName() string { return "runner.joined" }

// EventName returns the wire name.
func (Left) EventName() string { return "runner.left" }

// AppendData appends {"process":…,"pin":…,"key":…,"kinds":[…],"slots":…,"marks":[…]}.
func (e Joined) AppendData(dst []byte) []byte {
	dst = appendMember(dst, e.Process, e.Pin)
	dst = append(append(dst, `,"key":"`...), e.Key.String()...)
	dst = append(dst, `","kinds":[`...)
	for i, kind := range e.Kinds {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(dst, string(kind))
	}
	dst = fixedjson.AppendUint(append(dst, `],"slots":`...), uint64(e.Slots))
	dst = append(dst, `,"marks":[`...)
	for i, mark := range e.Marks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, `{"queue":"`...), mark.Queue.String()...)
		dst = append(fixedjson.AppendUint(append(dst, `","seq":`...), mark.Seq), '}')
	}
	return append(dst, `]}`...)
}

// AppendData appends {"process":…,"pin":…}.
func (e Left) AppendData(dst []byte) []byte {
	return append(appendMember(dst, e.Process, e.Pin), '}')
}

func appendMember(dst []byte, process string, pin signing.PublicKey) []byte {
	dst = fixedjson.AppendString(append(dst, `{"process":`...), process)
	if !pin.IsZero() {
		dst = append(append(append(dst, `,"pin":"`...), pin.String()...), '"')
	}
	return dst
}

// DecodeEvent reads the data of the event with that wire name.
func DecodeEvent(name string, data []byte) (Event, error) {
	r := fixedjson.NewReader(data)
	r.Literal(`{"process":`)
	process := fixedjson.Parsed(r, parseProcess)
	var pin signing.PublicKey
	if r.Optional(`,"pin":`) {
		pin = fixedjson.Parsed(r, signing.ParsePublicKey)
	}
	var e Event
	switch name {
	case "runner.joined":
		e = readJoined(r, process, pin)
	case "runner.left":
		e = Left{process, pin}
	default:
		return nil, domain.Errorf(domain.Invalid, "type", "no runner event has that name")
	}
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return e, nil
}

func readJoined(r *fixedjson.Reader, process string, pin signing.PublicKey) Joined {
	e := Joined{Process: process, Pin: pin}
	r.Literal(`,"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParsePublicKey)
	r.Literal(`,"kinds":`)
	e.Kinds = readNames(r)
	e.Slots = readSlots(r)
	r.Literal(`,"marks":[`)
	for range 1 + maxKinds {
		var m Mark
		r.Literal(`{"queue":`)
		m.Queue = fixedjson.Parsed(r, job.ParseQueue)
		r.Literal(`,"seq":`)
		m.Seq = r.Uint()
		r.Literal(`}`)
		e.Marks = append(e.Marks, m)
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]`)
	return e
}
