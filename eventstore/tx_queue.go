package eventstore

import (
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
)

// QueueAggregate names a queue's aggregate.
func QueueAggregate(q job.Queue) event.Aggregate {
	return event.Aggregate{Kind: event.Queue, ID: q.String()}
}

// Queue returns a queue's state.
func (tx *Tx) Queue(q job.Queue) line.State {
	return current(tx.queues, tx.leader.memory.state.Queues, q)
}

// DecideQueue asks a command of a queue and reports whether anything happened.
func (tx *Tx) DecideQueue(q job.Queue, by By, c line.Command) (happened bool, err error) {
	a := QueueAggregate(q)
	if err := tx.named(a); err != nil {
		return false, err
	}
	state := tx.Queue(q)
	events := line.Decide(state, c)
	for _, data := range events {
		e := tx.emit(a, state.Version+1, by, data)
		state = line.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	}
	if len(events) > 0 {
		set(&tx.queues, q, state)
	}
	return len(events) > 0, nil
}
