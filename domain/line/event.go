package line

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// Event is something that happened to a queue. Who asked for it is its actor.
//
//sumtype:decl
type Event interface {
	event.Data
	mode() domain.Mode // that it left the queue in
}

// Events has one of every kind.
func Events() []Event { return []Event{Paused{}, Drained{}, Resumed{}} }

// Paused: runners take nothing from the queue.
type Paused struct{}

// Drained: no new job is taken into the queue.
type Drained struct{}

// Resumed: the queue is open again.
type Resumed struct{}

func (Paused) mode() domain.Mode  { return domain.Paused }
func (Drained) mode() domain.Mode { return domain.Drained }
func (Resumed) mode() domain.Mode { return domain.Open }

// EventName returns the wire name.
func (Paused) EventName() string { return "queue.paused" }

// EventName returns the wire name.
func (Drained) EventName() string { return "queue.drained" }

// EventName returns the wire name.
func (Resumed) EventName() string { return "queue.resumed" }

// nothing is the data of events whose name says all.
const nothing = `{}`

// AppendData appends {}.
func (Paused) AppendData(dst []byte) []byte { return append(dst, nothing...) }

// AppendData appends {}.
func (Drained) AppendData(dst []byte) []byte { return append(dst, nothing...) }

// AppendData appends {}.
func (Resumed) AppendData(dst []byte) []byte { return append(dst, nothing...) }

// DecodeEvent reads the data of the event with that wire name.
func DecodeEvent(name string, data []byte) (Event, error) {
	for _, e := range Events() {
		if e.EventName() == name && string(data) == nothing {
			return e, nil
		}
	}
	return nil, domain.Errorf(domain.Invalid, "type", "no queue event has that name and data")
}
