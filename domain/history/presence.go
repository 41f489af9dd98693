package history

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// legalRunner checks what happened to a runner id: that a process said so when
// it joined or left, and that one is there of which the leader says how it is.
func (s *State) legalRunner(e *Entry, data runner.Event, c *context) error {
	id := domain.Name(e.Aggregate.ID)
	switch data := data.(type) {
	case runner.Joined, runner.Left:
		if err := c.reported(e); err != nil {
			return err
		}
	case runner.Silent, runner.Alive, runner.Gone:
		process, _ := runner.Seen(data)
		if !s.Processes[runner.AggregateID(id, process)].There() {
			return illegal("%s of a process that did not join, or has left", e.Type)
		}
	case runner.Paused, runner.Drained, runner.Resumed, runner.Removed, runner.Registered:
	}
	known := func(key signing.KeyID, kinds []domain.Name) bool {
		return s.Access.MayServe(id, key, kinds, c.latest)
	}
	return runner.Legal(s.Runners[id], event.FactOf(e.Recorded, data, e.Seq, e.Hash), known)
}

// queueOf returns the queue that an entry is about. A bad one is no queue's:
// legalQueue refuses it.
func queueOf(e *Entry) job.Queue {
	q, _ := job.ParseQueue(e.Aggregate.ID)
	return q
}

func (s *State) legalQueue(e *Entry, data line.Event) error {
	q, err := job.ParseQueue(e.Aggregate.ID)
	if err != nil {
		return err
	}
	return line.Legal(s.Queues[q], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
}
