package runners

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// State is how the leader heard a process last.
type State string

// The states. Their words never change.
const (
	Alive  State = "alive"
	Silent State = "silent" // not heard for a while
	Gone   State = "gone"   // not heard for so long that nobody waits for it
)

func parseState(s string) (State, error) {
	switch state := State(s); state {
	case Alive, Silent, Gone:
		return state, nil
	}
	return "", domain.Errorf(domain.Invalid, "state", "no such state of a process")
}

// Process is one process of a runner that joined and did not leave.
type Process struct {
	Name   string // its own; not in what is stored
	Joined event.Time
	Seen   event.Time // when its last bundle was recorded
	Slots  uint32
	Kinds  []domain.Name
	Key    signing.KeyID
	State  State
	Since  event.Time // when the history says that State began
}

// Join returns a process as it joined.
func Join(e runner.Joined, at event.Time) Process {
	return Process{e.Process, at, at, e.Slots, e.Kinds, e.Key.ID(), Alive, at}
}

// Apply folds in how the leader heard the process; it reports false for what
// says nothing about that.
func (p *Process) Apply(at event.Time, e runner.Event) bool {
	switch e.(type) {
	case runner.Silent:
		p.State = Silent
	case runner.Alive:
		p.State = Alive
	case runner.Gone:
		p.State = Gone
	case runner.Joined, runner.Left, runner.Paused, runner.Drained, runner.Resumed, runner.Removed, runner.Registered:
		return false
	}
	p.Since = at
	return true
}

// Append appends what is stored of the process in its one spelling,
// {"joined":…,"seen":…,"slots":4,"kinds":["sh"],"key":"…","state":"alive","since":…}
// with times in microseconds since 1970.
func (p *Process) Append(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(dst, `{"joined":`...), uint64(max(p.Joined, 0))) //nolint:gosec // not negative
	dst = fixedjson.AppendUint(append(dst, `,"seen":`...), uint64(max(p.Seen, 0)))     //nolint:gosec // not negative
	dst = fixedjson.AppendUint(append(dst, `,"slots":`...), uint64(p.Slots))
	dst = append(dst, `,"kinds":[`...)
	for i, kind := range p.Kinds {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(dst, string(kind))
	}
	dst = append(append(append(dst, `],"key":"`...), p.Key...), `","state":"`...)
	dst = append(append(dst, p.State...), `","since":`...)
	return append(fixedjson.AppendUint(dst, uint64(max(p.Since, 0))), '}') //nolint:gosec // not negative
}

// ParseProcess reads what Append wrote of a process of that name.
func ParseProcess(name string, data []byte) (Process, error) {
	p := Process{Name: name}
	r := fixedjson.NewReader(data)
	r.Literal(`{"joined":`)
	p.Joined = event.Time(r.Uint()) //nolint:gosec // a Reader's numbers are below 2^53
	r.Literal(`,"seen":`)
	p.Seen = event.Time(r.Uint()) //nolint:gosec // as above
	r.Literal(`,"slots":`)
	slots := r.Uint()
	p.Slots = uint32(min(slots, runner.MaxSlots)) //nolint:gosec // bounded
	if slots > runner.MaxSlots {
		r.Fail(domain.Errorf(domain.Invalid, "format", "a process has at most %d slots", runner.MaxSlots))
	}
	r.Literal(`,"kinds":[`)
	for !r.Optional(`]`) && r.Err() == nil {
		if len(p.Kinds) > 0 {
			r.Literal(`,`)
		}
		p.Kinds = append(p.Kinds, fixedjson.Parsed(r, domain.ParseName))
	}
	r.Literal(`,"key":`)
	p.Key = fixedjson.Parsed(r, signing.ParseKeyID)
	r.Literal(`,"state":`)
	p.State = fixedjson.Parsed(r, parseState)
	r.Literal(`,"since":`)
	p.Since = event.Time(r.Uint()) //nolint:gosec // as above
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return Process{}, fmt.Errorf("parse runner process: %w", err)
	}
	return p, nil
}
