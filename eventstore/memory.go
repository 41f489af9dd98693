package eventstore

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
)

// Index finds the events of aggregates that are not in memory.
type Index interface {
	// Find returns, for each aggregate, the places of its events: all of a
	// job, the last one of any other kind, whose events carry all their
	// state. Nothing at through or before it is missing. An index that is
	// damaged answers an error, never too little.
	Find(ctx context.Context, aggregates []event.Aggregate) (found [][]uint64, through uint64, err error)
}

// maxHot is how many touches of aggregates are remembered before the oldest is
// forgotten: enough for every late report and repeated submit of some seconds
// under full load.
const maxHot = 100_000

// memory holds the aggregates that were decided about lately. Statements and
// the term are always in it. The leader's lock guards it.
type memory struct {
	state   *history.State
	touched map[event.Aggregate]uint64 // place of the last event; 0 for "never was"
	order   []touch                    // oldest first
	limit   int                        // of order
	// No event of an aggregate that is not in touched is behind it: an index
	// that has passed it knows all of them.
	forgot uint64
}

type touch struct {
	aggregate event.Aggregate
	seq       uint64
}

// newMemory remembers the statements and the term of a history that was
// followed up to head, and nothing else of it.
func newMemory(followed *history.State, head history.Head) *memory {
	state := history.NewState()
	state.Access, state.Term = followed.Access, followed.Term
	return &memory{
		state: state, touched: map[event.Aggregate]uint64{}, limit: maxHot, forgot: head.Seq,
	}
}

// has reports whether the aggregate's state is known.
func (m *memory) has(a event.Aggregate) bool {
	if a.Kind == event.Access || a.Kind == event.Leader {
		return true
	}
	_, ok := m.touched[a]
	return ok
}

// keep remembers that the aggregate's last event is at seq.
func (m *memory) keep(a event.Aggregate, seq uint64) {
	m.touched[a] = seq
	m.order = append(m.order, touch{a, seq})
}

// forget drops what was touched longest ago. What the index has not passed
// stays, or a later look would miss it.
func (m *memory) forget(indexed uint64) {
	for len(m.order) > m.limit && m.order[0].seq <= indexed {
		t := m.order[0]
		m.order = m.order[1:]
		if m.touched[t.aggregate] != t.seq {
			continue // touched again since
		}
		delete(m.touched, t.aggregate)
		m.forgot = max(m.forgot, t.seq)
		switch t.aggregate.Kind {
		case event.Job:
			id, _ := job.ParseID(t.aggregate.ID) // was one when it was kept
			delete(m.state.Jobs, id)
		case event.Runner:
			delete(m.state.Runners, domain.Name(t.aggregate.ID))
		case event.Report:
			delete(m.state.Processes, t.aggregate.ID)
		case event.Queue:
			q, _ := job.ParseQueue(t.aggregate.ID) // was one when it was kept
			delete(m.state.Queues, q)
		case event.Log:
			m.state.Loss = loss.State{}
		case event.Access, event.Leader:
		}
	}
}

// recall folds the events of a cold aggregate, or none of them.
func (m *memory) recall(a event.Aggregate, entries []history.Entry) error {
	if m.has(a) {
		return nil // somebody else was faster
	}
	for i := range entries {
		e := &entries[i]
		whole := a.Kind != event.Job || e.Version == uint64(i)+1
		if e.Aggregate != a || !whole {
			return domain.Errorf(domain.Halted, "views_damaged", "the index names %s as an event of %s", e, a)
		}
	}
	var last uint64
	for i := range entries {
		m.state.Apply(&entries[i])
		last = entries[i].Seq
	}
	m.keep(a, last)
	return nil
}

// gapAggregate names the aggregate of what the log has lost.
func gapAggregate() event.Aggregate { return event.Aggregate{Kind: event.Log} }

// jobAggregate names a job's aggregate.
func jobAggregate(id job.ID) event.Aggregate {
	return event.Aggregate{Kind: event.Job, ID: id.String()}
}

// runnerAggregate names a runner id's aggregate.
func runnerAggregate(id domain.Name) event.Aggregate {
	return event.Aggregate{Kind: event.Runner, ID: string(id)}
}

// processAggregate names the aggregate of what a process reported.
func processAggregate(id domain.Name, process string) event.Aggregate {
	return event.Aggregate{Kind: event.Report, ID: runner.AggregateID(id, process)}
}
