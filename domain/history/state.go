package history

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/term"
)

// State is every aggregate of a partition. Aggregates that nothing happened to
// are not in the maps.
type State struct {
	Access    access.State
	Term      term.State
	Loss      loss.State
	Jobs      map[job.ID]job.State
	Runners   map[domain.Name]runner.State
	Processes map[string]runner.Process // by runner.AggregateID
	Queues    map[job.Queue]line.State
	Nonces    map[string]event.Time // by job.Opened.Nonces: until when they are spent; perhaps some that were

	forgot bool // jobs that had ended
	room   int  // of Nonces, until those that are good again are dropped
}

// NewState returns the state before the first event.
func NewState() *State {
	return &State{
		Jobs:      map[job.ID]job.State{},
		Runners:   map[domain.Name]runner.State{},
		Processes: map[string]runner.Process{},
		Queues:    map[job.Queue]line.State{},
		Nonces:    map[string]event.Time{},
	}
}

// Apply folds one entry in.
func (s *State) Apply(e *Entry) {
	switch data := e.Data.(type) {
	case job.Event:
		id, _ := job.ParseID(e.Aggregate.ID) // a bad id is no job's: legalJob refuses it
		state, known := s.Jobs[id]
		if !known && s.forgot && e.Follows() {
			return // of a job that was forgotten
		}
		state.ID = id // a job that the server named is not named in its document
		s.Jobs[id] = job.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case runner.Reported:
		id := e.Aggregate.ID
		s.Processes[id] = runner.EvolveProcess(s.Processes[id], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case runner.Event:
		id := domain.Name(e.Aggregate.ID)
		s.Runners[id] = runner.Evolve(s.Runners[id], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case line.Event:
		q := queueOf(e)
		s.Queues[q] = line.Evolve(s.Queues[q], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case access.Event:
		s.Access = access.Evolve(s.Access, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case term.Began:
		s.Term = term.Evolve(s.Term, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case loss.Lost:
		s.Loss = loss.Evolve(s.Loss, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	}
}

// legal reports why an entry could not have happened in this state, or nil.
func (s *State) legal(e *Entry, c *context) error {
	if !c.excerpt && !s.began(e, c) {
		return illegal("%s in term %d before it began", e.Type, c.seal.Term)
	}
	switch data := e.Data.(type) {
	case job.Event:
		return s.legalJob(e, data, c)
	case runner.Reported:
		return s.legalReport(e, data, c)
	case runner.Event:
		return s.legalRunner(e, data, c)
	case line.Event:
		return s.legalQueue(e, data)
	case access.Event:
		return access.Legal(s.Access, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	case term.Began:
		return term.Legal(s.Term, event.FactOf(e.Recorded, data, e.Seq, e.Hash), c.seal)
	case loss.Lost:
		return loss.Legal(s.Loss, event.FactOf(e.Recorded, data, e.Seq, e.Hash), loss.Place{
			Partition: c.seal.Partition, Term: c.seal.Term, Keys: s.Access, From: c.ends.behind(data.Seal.Term),
		})
	}
	return domain.Errorf(domain.Halted, "illegal", "an event of an unknown aggregate")
}

// began reports whether an entry stands behind the beginning of its term. Only
// what the founding needs comes before the first one, and before a later one
// only the admission of the very key that seals it.
func (s *State) began(e *Entry, c *context) bool {
	switch data := e.Data.(type) {
	case term.Began:
		return true
	case access.Admitted:
		own := e.Seq == c.seal.First && data.Key.Alone() && data.Key.Public.ID() == c.seal.Key
		return s.Term.Term == c.seal.Term || c.seal.First == 1 || own
	case access.Event:
		return s.Term.Term == c.seal.Term || c.seal.First == 1
	}
	return s.Term.Term == c.seal.Term
}
