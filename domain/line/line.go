// Package line is the aggregate of a work queue: whether jobs are taken into it,
// and from it. A queue of which nothing was ever said is open.
//
// Paused, runners take nothing from it, and jobs go on coming in. Drained, no
// new job is taken in, and those that are there are worked off. What runs
// already is not touched by either.
package line

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// State is a queue as its last event left it; every event carries all of it.
type State struct {
	Version uint64
	Mode    domain.Mode
}

// Command is something that is asked of a queue.
//
//sumtype:decl
type Command interface{ lineCommand() }

// Pause asks for nothing to be taken from the queue.
type Pause struct{}

// Drain asks for no new job to be taken into the queue.
type Drain struct{}

// Resume ends both.
type Resume struct{}

func (Pause) lineCommand()  {}
func (Drain) lineCommand()  {}
func (Resume) lineCommand() {}

// Decide returns what happens when c is asked of a queue: nothing when it is so
// already.
func Decide(s State, c Command) []Event {
	e := asked(c)
	if e.mode() == s.Mode {
		return nil
	}
	return []Event{e}
}

func asked(c Command) Event {
	switch c.(type) {
	case Pause:
		return Paused{}
	case Drain:
		return Drained{}
	case Resume:
		return Resumed{}
	}
	panic("line: unknown command")
}

// Evolve returns the state after a fact.
func Evolve(_ State, f event.Fact[Event]) State { return State{f.Version, f.Data.mode()} }

// Legal reports why a fact could not have followed a state, or nil. Whoever
// holds an API key asks, or the system does.
func Legal(s State, f event.Fact[Event]) error {
	switch {
	case f.Version != s.Version+1:
		return illegal("version %d follows version %d", f.Version, s.Version)
	case f.Data.mode() == s.Mode:
		return illegal("%s changes nothing", f.Data.EventName())
	case !f.Actor.Administers():
		return illegal("%s by %s", f.Data.EventName(), f.Actor)
	}
	return nil
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}

// Refuses returns why a job cannot be taken into the queue now, or nil. The
// error has [domain.Overloaded] and the reason queue_drained.
func (s State) Refuses(q job.Queue) error {
	if s.Mode != domain.Drained {
		return nil
	}
	return domain.Errorf(domain.Overloaded, "queue_drained",
		"the queue %s is drained and takes no new jobs: submit to another one, or ask an administrator to run horus queues resume %s", q, q)
}
