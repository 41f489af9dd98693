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
	// state. That of a nonce is the submission of the job that spent it last,
	// unless it is good again. Nothing at through or before it is missing. An index that is
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
	state   *history.State             // of all but jobs
	jobs    map[string]*hotJob         // by their ids
	touched map[event.Aggregate]uint64 // of all but jobs: place of the last event; 0 for "never was"
	order   []touch                    // oldest first
	limit   int                        // of order
	met     acquaintances
	// No event of an aggregate that is neither in jobs nor in touched is behind
	// it: an index that has passed it knows all of them.
	forgot uint64
}

// hotJob is a job in memory. There are many, and a decision finds one once: a
// map of states, which are large, was looked up and written ten times a job.
type hotJob struct {
	id      string
	state   *job.State // never changed, but replaced; nil for "never was"
	seq     uint64     // place of the last event; 0 for "never was"
	changed int        // its place, from 1 on, among those that the last transaction changed which did
}

// touch is that an event was kept.
type touch struct {
	job       *hotJob // nil for one of another aggregate
	aggregate event.Aggregate
	seq       uint64
}

// newMemory remembers the statements and the term of a history that was
// followed up to head, and nothing else of it.
func newMemory(followed *history.State, head history.Head) *memory {
	state := history.NewState()
	state.Access, state.Term = followed.Access, followed.Term
	return &memory{
		state: state, jobs: map[string]*hotJob{}, touched: map[event.Aggregate]uint64{}, limit: maxHot, forgot: head.Seq,
	}
}

// has reports whether the aggregate's state is known.
func (m *memory) has(a event.Aggregate) bool {
	switch a.Kind {
	case event.Access, event.Leader:
		return true
	case event.Job:
		return m.jobs[a.ID] != nil
	default:
		_, ok := m.touched[a]
		return ok
	}
}

// last returns the place of the last event of an aggregate that is in memory.
func (m *memory) last(a event.Aggregate) uint64 {
	if h := m.jobs[a.ID]; a.Kind == event.Job && h != nil {
		return h.seq
	}
	return m.touched[a]
}

// meet remembers a job that never was, and reports whether it is one for
// certain.
func (m *memory) meet(a event.Aggregate) bool {
	if a.Kind != event.Job || !m.met.stranger(a.ID) {
		return false
	}
	m.keepJob(&hotJob{id: a.ID}, 0)
	return true
}

// keep remembers that the last event of an aggregate, which is no job, is at seq.
func (m *memory) keep(a event.Aggregate, seq uint64) {
	m.touched[a] = seq
	m.order = append(m.order, touch{aggregate: a, seq: seq})
}

// keepJob is keep for a job.
func (m *memory) keepJob(h *hotJob, seq uint64) {
	m.jobs[h.id] = h
	m.kept(h, seq)
}

// kept is keepJob for one that is in memory.
func (m *memory) kept(h *hotJob, seq uint64) {
	h.seq = seq
	m.order = append(m.order, touch{job: h, seq: seq})
}

// forget drops what was touched longest ago. What the index has not passed
// stays, or a later look would miss it.
func (m *memory) forget(indexed uint64) {
	for len(m.order) > m.limit && m.order[0].seq <= indexed {
		t := m.order[0]
		m.order[0], m.order = touch{}, m.order[1:]
		switch {
		case t.job != nil:
			if t.job.seq != t.seq {
				continue // touched again since
			}
			delete(m.jobs, t.job.id)
		case m.touched[t.aggregate] != t.seq:
			continue
		default:
			m.drop(t.aggregate)
		}
		m.forgot = max(m.forgot, t.seq)
	}
}

// drop forgets an aggregate that is no job.
func (m *memory) drop(a event.Aggregate) {
	delete(m.touched, a)
	switch a.Kind {
	case event.Runner:
		delete(m.state.Runners, domain.Name(a.ID))
	case event.Report:
		delete(m.state.Processes, a.ID)
	case event.Queue:
		q, _ := job.ParseQueue(a.ID) // was one when it was kept
		delete(m.state.Queues, q)
	case event.Nonce:
		delete(m.state.Nonces, a.ID)
	case event.Log:
		m.state.Loss = loss.State{}
	case event.Job, event.Access, event.Leader:
	}
}

// recall folds the events of a cold aggregate, or none of them.
func (m *memory) recall(a event.Aggregate, entries []history.Entry) error {
	if m.has(a) {
		return nil // somebody else was faster
	}
	if a.Kind == event.Nonce {
		return m.recallNonce(a, entries)
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
	if a.Kind == event.Job {
		m.take(a.ID, last)
	} else {
		m.keep(a, last)
	}
	return nil
}

// take moves a job that was folded, if it has events, to the others.
func (m *memory) take(text string, last uint64) {
	id, _ := job.ParseID(text) // was one when it was folded
	h := &hotJob{id: text}
	if state, is := m.state.Jobs[id]; is {
		h.state = &state
		delete(m.state.Jobs, id)
	}
	m.keepJob(h, last)
}

// gapAggregate names the aggregate of what the log has lost.
func gapAggregate() event.Aggregate { return event.Aggregate{Kind: event.Log} }

// JobAggregate names a job's aggregate.
func JobAggregate(id job.ID) event.Aggregate {
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
