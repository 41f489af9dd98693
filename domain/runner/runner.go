// Package runner is what Horus means by a runner: an id with a key, the
// processes that join under it, and the signed bundles in which they report.
package runner

import (
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// State is a runner id as its last event left it; every event carries all of
// it. The zero State is an id that no process ever joined.
type State struct {
	Version uint64
	Pin     signing.PublicKey // the key that the id was first used with, if that admitted it
	Mode    domain.Mode       // paused, its processes take nothing; drained, they end besides
	Removed bool              // out of the lists, until something happens to it
	Awaited bool              // somebody registered it, and no process ever joined
}

// Joined reports whether a process ever joined under the id.
func (s State) Joined() bool { return s.Version > 0 && !s.Awaited }

// Command is something that is asked of a runner id.
//
//sumtype:decl
type Command interface{ runnerCommand() }

// JoinAs asks for a process to join. The caller has checked the signature of
// the bundle that said so.
type JoinAs struct {
	Join     Join
	Process  string
	Admitted []domain.Name // kinds whose queues the key was admitted for
	Known    bool          // the key was admitted for this id by a statement
	FirstUse bool          // the first key that an unknown id shows is admitted
	Marks    []Mark        // one for each of [Queues]
}

// Go says that a process left.
type Go struct{ Process string }

func (JoinAs) runnerCommand() {}
func (Go) runnerCommand()     {}

// Decide returns what happens when c is asked of a runner in state s: nothing
// when it is so already, and nothing to processes that did not join or have left.
// Its errors have [domain.Forbidden] or [domain.Internal] for [JoinAs]; of
// commands that somebody gives, [domain.NotFound] for an id that no process
// joined; and for [Remove] also [domain.TryAgain] and [domain.Conflict].
func Decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case JoinAs:
		return decideJoin(s, c)
	case Go:
		if !s.Joined() {
			return nil, nil
		}
		return []Event{Left{c.Process, s.Pin, s.Mode}}, nil
	case Register:
		return []Event{Registered{Label: c.Label, Pin: s.Pin, Mode: s.Mode, Awaited: !s.Joined()}}, nil
	case Pause:
		return decideMode(s, Paused{s.Pin})
	case Drain:
		return decideMode(s, Drained{s.Pin})
	case Resume:
		return decideMode(s, Resumed{s.Pin})
	case Miss:
		return decidePresence(s, c.Reports, Silent{c.Process, s.Pin, s.Mode}), nil
	case Hear:
		return decidePresence(s, c.Reports, Alive{c.Process, s.Pin, s.Mode}), nil
	case GiveUp:
		return decidePresence(s, c.Reports, Gone{c.Process, s.Pin, s.Mode}), nil
	case Remove:
		return decideRemove(s, c)
	}
	panic("runner: unknown command")
}

func decideJoin(s State, c JoinAs) ([]Event, error) {
	pin := s.Pin
	if !c.Known && pin != c.Join.Key {
		if s.Joined() || !c.FirstUse {
			return nil, domain.Errorf(domain.Forbidden, "runner_key",
				"the key is not admitted for this runner: with its state directory, an administrator runs horus keys add --class runner --name ID")
		}
		pin = c.Join.Key
	}
	for _, kind := range c.Join.Kinds {
		if !c.Known || !slices.Contains(c.Admitted, kind) { // a first use admits the id alone
			return nil, domain.Errorf(domain.Forbidden, "runner_kind",
				"the key is not admitted for jobs of kind %s: with this runner's state directory, an administrator runs horus keys add --class runner --name ID --kind %s", kind, kind)
		}
	}
	if len(c.Marks) != len(c.Join.Kinds)+1 {
		return nil, domain.Errorf(domain.Internal, "marks", "%d marks for %d queues", len(c.Marks), len(c.Join.Kinds)+1)
	}
	return []Event{Joined{c.Process, c.Join.Key, pin, s.Mode, c.Join.Kinds, c.Join.Slots, c.Marks}}, nil
}

// Evolve returns the state after a fact.
func Evolve(_ State, f event.Fact[Event]) State {
	s := f.Data.left()
	s.Version = f.Version
	return s
}

// Legal reports why a fact could not have followed a state, or nil. known says
// whether a statement before it admits a key for the id and these kinds. That
// the processes which events are about are there is for the history to say.
func Legal(s State, f event.Fact[Event], known func(signing.KeyID, []domain.Name) bool) error {
	if f.Version != s.Version+1 {
		return illegal("version %d follows version %d", f.Version, s.Version)
	}
	pin, mode, awaited := s.Pin, s.Mode, !s.Joined() // that it must carry
	switch e := f.Data.(type) {
	case Joined:
		if awaited && !e.Pin.IsZero() {
			pin = e.Key
		}
		awaited = false
		pinned := e.Key == pin && len(e.Kinds) == 0
		if !pinned && !known(e.Key.ID(), e.Kinds) {
			return illegal("a process joined with a key that was not admitted")
		}
	case Left:
		if awaited {
			return illegal("a process left an id that none joined")
		}
	case Silent, Alive, Gone:
		if awaited || !f.Actor.IsSystem() {
			return illegal("%s of an id that no process joined, or by %s", e.EventName(), f.Actor)
		}
	case Paused, Drained, Resumed:
		if mode = e.left().Mode; awaited || mode == s.Mode || !f.Actor.Administers() {
			return illegal("%s of an id that is %q in version %d, by %s", e.EventName(), s.Mode, s.Version, f.Actor)
		}
	case Registered:
		if !f.Actor.Administers() {
			return illegal("an id was registered by %s", f.Actor)
		}
	case Removed:
		if s.Version == 0 || s.Removed || !f.Actor.Administers() {
			return illegal("an id was removed that nobody knew, or twice, or by %s", f.Actor)
		}
	}
	if after := f.Data.left(); after.Pin != pin || after.Mode != mode || after.Awaited != awaited {
		return illegal("a runner's pinned key, its mode or whether it is awaited changed by itself")
	}
	return nil
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}

// Queues returns the queues that a process may take from.
func Queues(id domain.Name, kinds []domain.Name) []job.Queue {
	queues := []job.Queue{job.RunnerQueue(id)}
	for _, kind := range kinds {
		queues = append(queues, job.ExecutorQueue(kind))
	}
	return queues
}
