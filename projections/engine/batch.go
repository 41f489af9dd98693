package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/nonces"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
)

// batch is a stretch of history on its way into the views. It changes nothing
// of the engine until it is remembered, so it can be folded again.
type batch struct {
	e      *Engine
	tx     *views.Tx
	census views.Census
	folded Folded
	room   []byte // that values are written into

	jobs         map[job.ID]*workJob
	jobOrder     []*workJob // in the order in which the batch met them
	jobRoom      []workJob  // for those that it meets next
	runners      map[domain.Name]*workRunner
	runnerOrder  []*workRunner
	processes    map[string]*workProcess // by runner.AggregateID
	processOrder []*workProcess
	modes        map[string]modes.Record // that changed
	modeOrder    []string
	queues       map[job.Queue]queues.Count // that changed
	queueOrder   []job.Queue
	tips         map[event.Aggregate]uint64
	tipOrder     []event.Aggregate
	nonces       nonces.Book // those that are spent, and what goes with them
	groups       []job.Queue // that are made
	found        []job.ID    // missing attempts that ended
	done         map[job.Queue]int
	stops        []stopping // that the batch begins

	// Of the commit that is being folded.
	step    *step
	bundles map[report]reports
	paths   [][]signing.Hash
}

// workJob is a job that the batch touches.
type workJob struct {
	id      job.ID
	exists  bool
	changed bool
	cachedJob
	granted bool // the batch granted the open attempt
	grant   granting

	before     job.Status // None for a new one
	beforeOpen *jobs.Attempt
	beforeDue  event.Time
}

// granting is what a runner needs to know of a grant.
type granting struct {
	proof      signing.Proof
	submission *job.Submission // nil when the event holds it
	kept       signing.Hash    // checkpoint that the attempt begins with; zero for none
	keptAt     jobs.Place      // where that stands
	checkpoint []byte
}

// workRunner is a runner id that the batch touches.
type workRunner struct {
	id      domain.Name
	record  runners.Record
	existed bool
	exists  bool
	changed bool
}

// report names a bundle for those who look for what it caused.
type report struct {
	runner  domain.Name
	process string
	number  uint64
}

// reports is what a bundle says, and where it stands.
type reports struct {
	seq     uint64
	reports []runner.Report
}

// fold folds steps into a transaction.
func (e *Engine) fold(ctx context.Context, steps []step) (*batch, error) {
	last := steps[len(steps)-1]
	b := &batch{
		e: e, tx: &views.Tx{Generation: e.pos.Live}, census: e.pos.Census, room: e.room,
		jobs: map[job.ID]*workJob{}, runners: map[domain.Name]*workRunner{},
		processes: map[string]*workProcess{}, modes: map[string]modes.Record{},
		queues: map[job.Queue]queues.Count{}, tips: map[event.Aggregate]uint64{}, done: map[job.Queue]int{},
	}
	if err := b.load(ctx, steps); err != nil {
		return nil, err
	}
	for i := range steps {
		b.step, b.bundles, b.paths = &steps[i], map[report]reports{}, nil
		for j := range steps[i].commit.Entries {
			entry := &steps[i].commit.Entries[j]
			if err := b.apply(entry); errors.Is(err, views.ErrDamaged) {
				return nil, fmt.Errorf("%w: they do not know %s", err, entry)
			} else if err != nil {
				return nil, &history.Fault{Seq: entry.Seq, Why: err}
			}
			b.folded.Events++
		}
	}
	if err := b.emit(ctx); err != nil {
		return nil, err
	}
	b.tx.Position = views.Position{
		Term: e.term(), Seq: last.head.Seq, Seal: last.head.Seal, Latest: last.head.Latest,
		Live: e.pos.Live, Filling: e.pos.Filling, Statements: last.access.Statements, Census: b.census,
	}
	return b, nil
}

// term returns the term that the position bears from now on.
func (e *Engine) term() uint64 { return max(e.cfg.Term, e.pos.Term) }

// prove returns the proof of an entry of the commit that is being folded.
func (b *batch) prove(e *history.Entry) signing.Proof {
	c := b.step.commit
	if b.paths == nil {
		b.paths = signing.Paths(proofs.Leaves(c))
	}
	return signing.Proof{Event: e.Bytes, Seq: e.Seq, Path: b.paths[e.Seq-c.Seal.First], Seal: c.Seal}
}

// apply folds one event in.
func (b *batch) apply(e *history.Entry) error {
	switch data := e.Data.(type) {
	case job.Event:
		return b.applyJob(e, data)
	case runner.Reported:
		b.tip(e)
		return b.applyBundle(e, data)
	case runner.Event:
		b.tip(e)
		b.applyRunner(e, data)
	case line.Event:
		b.tip(e)
		return b.applyQueue(e, data)
	default:
		if e.Aggregate.Kind == event.Access {
			b.applyStatement(e)
			return nil
		}
		b.tip(e)
	}
	return nil
}

// value is what a view keeps of something.
type value interface{ Append(dst []byte) []byte }

// put adds a value. All values of a batch are written into one room, which the
// engine gets back when they are committed.
func (b *batch) put(t views.Table, name string, v value) {
	start, f := len(b.room), views.Field{Table: t, Name: name}
	b.room = views.AppendSum(v.Append(b.room), start, f)
	b.tx.Set = append(b.tx.Set, views.Value{Field: f, Data: b.room[start:len(b.room):len(b.room)]})
}

// unset removes a value. One that was put by the same batch goes too.
func (b *batch) unset(t views.Table, name string) {
	b.tx.Unset = append(b.tx.Unset, views.Field{Table: t, Name: name})
}

// place is the place of an aggregate's last event.
type place uint64

// Append appends the place in decimal.
func (p place) Append(dst []byte) []byte { return strconv.AppendUint(dst, uint64(p), 10) }

// tip notes an aggregate's last event. An aggregate is new with its version 1.
func (b *batch) tip(e *history.Entry) {
	if _, known := b.tips[e.Aggregate]; !known {
		b.tipOrder = append(b.tipOrder, e.Aggregate)
	}
	b.tips[e.Aggregate] = e.Seq
	if e.Version == 1 {
		b.census.Fields[views.Tips]++
	}
}

func (b *batch) applyStatement(e *history.Entry) {
	if b.e.fill != 0 {
		return // statements belong to no generation
	}
	b.tx.Statements = append(b.tx.Statements, statement(e.Version, b.prove(e)))
}

// remember makes what was committed the engine's memory.
func (b *batch) remember() {
	e := b.e
	e.room = b.room[:0]
	for _, j := range b.jobOrder {
		switch {
		case !j.changed:
		case j.record.Status.Terminal():
			e.jobs.remove(j.id)
		default:
			e.jobs.put(j.id, j.cachedJob)
		}
	}
	b.rememberPresence()
	for q, c := range b.queues {
		e.setQueue(q, c)
	}
	for _, q := range b.groups {
		e.groups[q] = true
	}
	for _, st := range b.tx.Statements {
		e.told = append(e.told, sumOf(st.Data))
	}
	for _, id := range b.found {
		delete(e.missing, id)
	}
}
