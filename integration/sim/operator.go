package sim

import (
	"context"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// operator is whoever pauses, drains and resumes queues and runners. In the end
// everything is resumed.
type operator struct {
	*process
	over bool
}

// obeyed is how long the operator looks, in calm weather, whether what is paused
// stays paused.
const obeyed = 8 * time.Second

// run changes how queues and runners work, until all is calm.
func (o *operator) run() {
	w := o.world
	defer func() { o.over = true }()
	for !w.calmed {
		o.sleep(w.between(200*time.Millisecond, 4*time.Second))
		if !w.calmed {
			o.change(w.random.IntN(3))
		}
	}
	if len(w.ledger.modes) == 0 {
		return
	}
	o.sleep(obeyed)
	for _, q := range queuesOf() {
		o.onQueue(q, line.Resume{})
	}
	for _, id := range runnersOf() {
		o.onRunner(id, runner.Resume{})
	}
}

// change changes something: 0 pauses, 1 drains, 2 resumes.
func (o *operator) change(verb int) {
	w := o.world
	if w.chance(500) {
		ids := runnersOf()
		o.onRunner(ids[w.random.IntN(len(ids))], []runner.Command{runner.Pause{}, runner.Drain{}, runner.Resume{}}[verb])
		return
	}
	names := queuesOf()
	o.onQueue(names[w.random.IntN(len(names))], []line.Command{line.Pause{}, line.Drain{}, line.Resume{}}[verb])
}

func (o *operator) onQueue(q job.Queue, c line.Command) {
	o.ask(q.String(), []event.Aggregate{eventstore.QueueAggregate(q)}, func(tx *eventstore.Tx, by eventstore.By) error {
		_, err := tx.DecideQueue(q, by, c)
		return err
	})
}

func (o *operator) onRunner(id domain.Name, c runner.Command) {
	o.ask(string(id), eventstore.Runner(id), func(tx *eventstore.Tx, by eventstore.By) error {
		return tx.DecideRunner(id, by, c)
	})
}

// ask asks until somebody answers.
func (o *operator) ask(what string, aggregates []event.Aggregate, decide func(*eventstore.Tx, eventstore.By) error) {
	w := o.world
	for {
		_, err := ask(o.process, "change "+what, "", func(s *supervisor) (none, error) {
			return done(s.member.Leader().Execute(context.Background(), eventstore.Work{
				Aggregates: aggregates,
				Decide:     func(tx *eventstore.Tx) error { return decide(tx, eventstore.By{Actor: event.ByAPIKey("operator")}) },
			}))
		})
		switch {
		case err == nil, domain.CodeOf(err) == domain.NotFound: // or nobody ever joined
			return
		case final(err):
			w.fail("", "a change of %s is refused: %v", what, err)
			return
		}
		o.sleep(w.between(50*time.Millisecond, time.Second))
	}
}

// mode is how a queue or a runner works.
type mode struct {
	is    domain.Mode
	seq   uint64        // of the event that says so
	known time.Duration // when the views had it; 0 before
}

// setMode takes note of a change.
func (l *ledger) setMode(e *history.Entry) {
	field, is := modeIn(e)
	if field == "" || l.modes[field].is == is {
		return
	}
	l.modes[field] = mode{is: is, seq: e.Seq}
	if is == domain.Open {
		delete(l.modes, field)
	}
	l.world.counts[map[domain.Mode]Fault{domain.Paused: PausedLine, domain.Drained: DrainedLine, domain.Open: ResumedLine}[is]]++
}

// modeIn returns the mode that an event set, and whose it is.
func modeIn(e *history.Entry) (field string, is domain.Mode) {
	switch data := e.Data.(type) {
	case line.Event:
		q, err := job.ParseQueue(e.Aggregate.ID)
		if err != nil {
			return "", is
		}
		return queue.ModeOf(q), line.Evolve(line.State{}, event.Fact[line.Event]{Data: data}).Mode
	case runner.Paused:
		is = domain.Paused
	case runner.Drained:
		is = domain.Drained
	case runner.Resumed:
		is = domain.Open
	default:
		return "", is
	}
	return queue.ModeOfRunner(domain.Name(e.Aggregate.ID)), is
}

// knows takes note of what the views know of modes.
func (l *ledger) knows(tx *views.Tx) {
	for field, m := range l.modes {
		if m.known == 0 && tx.Position.Seq >= m.seq {
			m.known = l.world.now
			l.modes[field] = m
		}
	}
}

const (
	// heard is how long a process may go on taking from what is paused.
	heard = 1500 * time.Millisecond
	// mends is how long it takes until keys that were deleted are there again.
	mends = 10 * time.Second
)

// wantOpen checks, in calm weather, that a process takes nothing from what was
// paused when it asked.
func (l *ledger) wantOpen(p *process, id domain.Name, q job.Queue, asked time.Duration) {
	w := l.world
	for _, field := range []string{queue.ModeOf(q), queue.ModeOfRunner(id)} {
		m, set := l.modes[field]
		if !set || m.known == 0 || m.is == domain.Drained && field == queue.ModeOf(q) {
			continue
		}
		since := max(m.known, p.paused, w.calmFrom(heard), l.lost+mends)
		if late := asked - since; late > heard {
			w.fail("", "%s takes jobs from %s although %s is %s, for %s", p.name, q, field, m.is, late)
		}
	}
}
