package runner

import (
	"github.com/herocode/horus/domain"
)

// Pause asks for the processes of the id to take nothing.
type Pause struct{}

// Drain asks for the processes of the id to finish what they hold, and to end.
type Drain struct{}

// Resume ends both.
type Resume struct{}

// Miss says that a process was not heard for a while.
//
// Of what the leader hears and does not hear nothing can be proved but that the
// process had joined and not left. How it was seen before is not in the state,
// which every event carries: a leader says nothing twice, and an auditor does
// not ask.
type Miss struct {
	Process string
	Reports Process // how far the process' reports were taken
}

// Hear says that a process was heard again, as [Miss] does.
type Hear struct {
	Process string
	Reports Process
}

// GiveUp says that nobody waits for a process any more, as [Miss] does.
type GiveUp struct {
	Process string
	Reports Process
}

// Remove asks for the id to be taken out of the lists. Whether a process of it
// is there, the state does not know either: it is asked for as of an event
// behind which nothing may have happened to the id.
type Remove struct {
	Version uint64 // of the id's last event when somebody looked
	There   int    // processes that were alive or silent then
}

// Register says that a runner is to come under the id, before any has: the lists
// have it from then on. It admits nobody, and who was not registered may join
// as well. One that has joined is registered too, and goes on.
type Register struct {
	Label Label
}

func (Register) runnerCommand() {}
func (Pause) runnerCommand()    {}
func (Drain) runnerCommand()    {}
func (Resume) runnerCommand()   {}
func (Miss) runnerCommand()     {}
func (Hear) runnerCommand()     {}
func (GiveUp) runnerCommand()   {}
func (Remove) runnerCommand()   {}

// decideMode lets an event happen that leaves the id in another mode.
func decideMode(s State, e Event) ([]Event, error) {
	if !s.Joined() {
		return nil, errUnknown()
	}
	if e.left().Mode == s.Mode {
		return nil, nil
	}
	return []Event{e}, nil
}

func errUnknown() error {
	return domain.Errorf(domain.NotFound, "runner", "no process ever joined under this runner id: look at horus runners list")
}

// decidePresence lets an event happen to a process that is there.
func decidePresence(s State, reports Process, e Event) []Event {
	if !s.Joined() || !reports.There() {
		return nil
	}
	return []Event{e}
}

func decideRemove(s State, c Remove) ([]Event, error) {
	switch {
	case s.Version == 0:
		return nil, errUnknown()
	case s.Removed:
		return nil, nil
	case s.Version != c.Version:
		return nil, domain.Errorf(domain.TryAgain, "runner_changed", "something happened to the runner meanwhile: look at it, and ask again")
	case c.There > 0:
		return nil, domain.Errorf(domain.Conflict, "runner_present",
			"%d processes of the runner are alive, or were heard a moment ago: drain it, and remove it when they have ended", c.There)
	}
	return []Event{Removed{Pin: s.Pin, Mode: s.Mode, Awaited: s.Awaited}}, nil
}

// There reports whether the process joined and did not leave.
func (p Process) There() bool { return p.Version > 0 && !p.Left }

// Seen returns the process that a leader's observation is about; ok is false
// for any other event.
func Seen(e Event) (process string, ok bool) {
	switch e := e.(type) {
	case Silent:
		return e.Process, true
	case Alive:
		return e.Process, true
	case Gone:
		return e.Process, true
	case Joined, Left, Paused, Drained, Resumed, Removed, Registered:
	}
	return "", false
}
