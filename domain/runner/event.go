package runner

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// Event is something that happened to a runner id. Each one carries the whole
// state that it left the id in: Pin and Mode, where its name does not say that.
//
//sumtype:decl
type Event interface {
	event.Data
	left() State // but for the version
}

// Events has one of every kind.
func Events() []Event {
	return []Event{Joined{}, Left{}, Paused{}, Drained{}, Resumed{}, Silent{}, Alive{}, Gone{}, Removed{}, Registered{}}
}

// Joined: a process of the runner may take work.
type Joined struct {
	Process string
	Key     signing.PublicKey // of the process
	Pin     signing.PublicKey // admitted by first use of the id; zero if none was
	Mode    domain.Mode       // of the id
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
	Mode    domain.Mode
}

// Paused: the processes of the id take nothing, from no queue.
type Paused struct{ Pin signing.PublicKey }

// Drained: the processes of the id take nothing, and each ends when it has
// finished what it holds.
type Drained struct{ Pin signing.PublicKey }

// Resumed: the id is open again.
type Resumed struct{ Pin signing.PublicKey }

// Silent: the leader has not heard a process for a while.
type Silent struct {
	Process string
	Pin     signing.PublicKey
	Mode    domain.Mode
}

// Alive: a process that was silent or gone was heard again.
type Alive struct {
	Process string
	Pin     signing.PublicKey
	Mode    domain.Mode
}

// Gone: a process was silent for so long that nobody waits for it. What it held
// is for its leases to say.
type Gone struct {
	Process string
	Pin     signing.PublicKey
	Mode    domain.Mode
}

// Removed: somebody took the id, of which no process is there, out of the lists.
// Whatever happens to it next puts it back.
type Removed struct {
	Pin     signing.PublicKey
	Mode    domain.Mode
	Awaited bool
}

// Registered: somebody said that a runner is to come under the id.
type Registered struct {
	Label   Label
	Pin     signing.PublicKey
	Mode    domain.Mode
	Awaited bool // no process ever joined under the id
}

func (e Joined) left() State  { return State{Pin: e.Pin, Mode: e.Mode} }
func (e Left) left() State    { return State{Pin: e.Pin, Mode: e.Mode} }
func (e Paused) left() State  { return State{Pin: e.Pin, Mode: domain.Paused} }
func (e Drained) left() State { return State{Pin: e.Pin, Mode: domain.Drained} }
func (e Resumed) left() State { return State{Pin: e.Pin, Mode: domain.Open} }
func (e Silent) left() State  { return State{Pin: e.Pin, Mode: e.Mode} }
func (e Alive) left() State   { return State{Pin: e.Pin, Mode: e.Mode} }
func (e Gone) left() State    { return State{Pin: e.Pin, Mode: e.Mode} }
func (e Removed) left() State {
	return State{Pin: e.Pin, Mode: e.Mode, Removed: true, Awaited: e.Awaited}
}
func (e Registered) left() State { return State{Pin: e.Pin, Mode: e.Mode, Awaited: e.Awaited} }

// EventName returns the wire name.
func (Joined) EventName() string { return "runner.joined" }

// EventName returns the wire name.
func (Left) EventName() string { return "runner.left" }

// EventName returns the wire name.
func (Paused) EventName() string { return "runner.paused" }

// EventName returns the wire name.
func (Drained) EventName() string { return "runner.drained" }

// EventName returns the wire name.
func (Resumed) EventName() string { return "runner.resumed" }

// EventName returns the wire name.
func (Silent) EventName() string { return "runner.silent" }

// EventName returns the wire name.
func (Alive) EventName() string { return "runner.alive" }

// EventName returns the wire name.
func (Gone) EventName() string { return "runner.gone" }

// EventName returns the wire name.
func (Removed) EventName() string { return "runner.removed" }

// EventName returns the wire name.
func (Registered) EventName() string { return "runner.registered" }

// AppendData appends
// {"process":…,"pin":…,"mode":…,"key":…,"kinds":[…],"slots":…,"marks":[…]}.
func (e Joined) AppendData(dst []byte) []byte {
	dst = carried{e.Process, e.Pin, e.Mode}.begin(dst)
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

// AppendData appends {"process":…,"pin":…,"mode":…}.
func (e Left) AppendData(dst []byte) []byte { return carried(e).whole(dst) }

// AppendData appends {"pin":…}.
func (e Paused) AppendData(dst []byte) []byte { return carried{Pin: e.Pin}.whole(dst) }

// AppendData appends {"pin":…}.
func (e Drained) AppendData(dst []byte) []byte { return carried{Pin: e.Pin}.whole(dst) }

// AppendData appends {"pin":…}.
func (e Resumed) AppendData(dst []byte) []byte { return carried{Pin: e.Pin}.whole(dst) }

// AppendData appends {"process":…,"pin":…,"mode":…}.
func (e Silent) AppendData(dst []byte) []byte { return carried(e).whole(dst) }

// AppendData appends {"process":…,"pin":…,"mode":…}.
func (e Alive) AppendData(dst []byte) []byte { return carried(e).whole(dst) }

// AppendData appends {"process":…,"pin":…,"mode":…}.
func (e Gone) AppendData(dst []byte) []byte { return carried(e).whole(dst) }

// AppendData appends {"pin":…,"mode":…}, or {"awaited":true}: an id that no
// process joined has neither.
func (e Removed) AppendData(dst []byte) []byte {
	if e.Awaited {
		return append(dst, `{"awaited":true}`...)
	}
	return carried{Pin: e.Pin, Mode: e.Mode}.whole(dst)
}

// AppendData appends {"label":…,"pin":…,"mode":…} or {"label":…,"awaited":true}.
func (e Registered) AppendData(dst []byte) []byte {
	dst = append(append(append(dst, `{"label":"`...), e.Label...), '"')
	if e.Awaited {
		return append(dst, `,"awaited":true}`...)
	}
	return append(carried{Pin: e.Pin, Mode: e.Mode}.rest(dst, ','), '}')
}

// carried is what events have in common: the process that they are about, if
// they are about one, and the id's state. What is empty is left out.
type carried struct {
	Process string
	Pin     signing.PublicKey
	Mode    domain.Mode
}

// whole appends the object.
func (c carried) whole(dst []byte) []byte { return append(c.begin(dst), '}') }

// begin appends the object without its end.
func (c carried) begin(dst []byte) []byte {
	if c.Process == "" {
		return c.rest(dst, '{')
	}
	return c.rest(append(append(append(dst, `{"process":"`...), c.Process...), '"'), ',')
}

// rest appends the id's state, behind what begins the object or goes on with it.
func (c carried) rest(dst []byte, comma byte) []byte {
	member := func(name, value string) {
		dst = append(append(append(dst, comma, '"'), name...), `":"`...)
		dst = append(append(dst, value...), '"')
		comma = ','
	}
	if !c.Pin.IsZero() {
		member("pin", c.Pin.String())
	}
	if c.Mode != domain.Open {
		member("mode", string(c.Mode))
	}
	if comma == '{' {
		dst = append(dst, comma)
	}
	return dst
}
