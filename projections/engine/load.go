package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
)

// cold is what a batch touches and memory does not hold.
type cold struct {
	jobs      []*workJob
	runners   []*workRunner
	processes []*workProcess
	nonces    []string // that are spent
}

// load brings everything that the steps touch into the batch: from memory, and
// what is not there from the views, in one round trip.
func (b *batch) load(ctx context.Context, steps []step) error {
	var c cold
	for i := range steps {
		for j := range steps[i].commit.Entries {
			if err := b.want(&steps[i].commit.Entries[j], &c); err != nil {
				return err
			}
		}
	}
	if err := b.read(ctx, &c); err != nil || len(c.nonces) == 0 {
		return err
	}
	return b.readNonces(ctx, c.nonces)
}

func (c *cold) job(b *batch, id job.ID) {
	if j, cold := b.meetJob(id); cold {
		c.jobs = append(c.jobs, j)
	}
}

func (c *cold) process(b *batch, key string) {
	if p, cold := b.meetProcess(key); cold {
		c.processes = append(c.processes, p)
	}
}

// want names everything that folding an event looks at.
func (b *batch) want(e *history.Entry, c *cold) error {
	switch data := e.Data.(type) {
	case job.Submitted:
		id, err := job.ParseID(e.Aggregate.ID)
		if err != nil {
			return &history.Fault{Seq: e.Seq, Why: err}
		}
		b.newJob(id)
		spent, _ := data.Spends()
		c.nonces = append(c.nonces, spent...)
	case job.Event:
		id, err := job.ParseID(e.Aggregate.ID)
		if err != nil {
			return &history.Fault{Seq: e.Seq, Why: err}
		}
		c.job(b, id)
	case runner.Reported:
		bundle, err := data.Bundle()
		if err != nil {
			return &history.Fault{Seq: e.Seq, Why: err}
		}
		if e.Begins() {
			b.newProcess(e.Aggregate.ID)
		} else {
			c.process(b, e.Aggregate.ID)
		}
		for _, r := range bundle.Reports {
			if about, ok := aside(r); ok {
				c.job(b, about.Job)
			}
		}
	case runner.Event:
		if r, cold := b.meetRunner(domain.Name(e.Aggregate.ID)); cold {
			c.runners = append(c.runners, r)
		}
		if key, ok := aboutProcess(e, data); ok {
			c.process(b, key)
		}
	}
	return nil
}

// newJob takes a job into the batch that nothing happened to before.
func (b *batch) newJob(id job.ID) {
	if b.jobs[id] == nil {
		b.addJob(id)
	}
}

// addJob takes a job into the batch. Rooms are made for some jobs at a time.
func (b *batch) addJob(id job.ID) *workJob {
	if len(b.jobRoom) == 0 {
		b.jobRoom = make([]workJob, 16)
	}
	j := &b.jobRoom[0]
	b.jobRoom = b.jobRoom[1:]
	j.id = id
	b.jobs[id] = j
	b.jobOrder = append(b.jobOrder, j)
	return j
}

// meetJob takes a job into the batch, and reports whether it must be read.
func (b *batch) meetJob(id job.ID) (j *workJob, cold bool) {
	if j = b.jobs[id]; j != nil {
		return j, false
	}
	j = b.addJob(id)
	known, ok := b.e.jobs.get(id)
	if ok {
		known.record.Events = slices.Clip(known.record.Events)
		j.take(known)
	}
	return j, !ok
}

func (j *workJob) take(known cachedJob) {
	j.cachedJob, j.exists = known, true
	j.before, j.beforeOpen, j.beforeDue = known.record.Status, known.open, known.record.NextDue()
}

// meetRunner takes a runner id into the batch, and reports whether it must be
// read.
func (b *batch) meetRunner(id domain.Name) (r *workRunner, cold bool) {
	if r = b.runners[id]; r != nil {
		return r, false
	}
	r = &workRunner{id: id}
	b.runners[id] = r
	b.runnerOrder = append(b.runnerOrder, r)
	known, ok := b.e.runners.get(id)
	if ok {
		r.record, r.existed, r.exists = known.Clone(), true, true
	}
	return r, !ok
}

// read reads what memory does not hold.
func (b *batch) read(ctx context.Context, c *cold) error {
	fields := make([]views.Field, 0, 2*len(c.jobs)+len(c.runners)+len(c.processes))
	for _, j := range c.jobs {
		name := j.id.String()
		fields = append(fields, views.Field{Table: views.Jobs, Name: name}, views.Field{Table: views.Open, Name: name})
	}
	for _, r := range c.runners {
		fields = append(fields, views.Field{Table: views.Runners, Name: string(r.id)})
	}
	for _, p := range c.processes {
		fields = append(fields, views.Field{Table: views.Processes, Name: p.key})
	}
	if len(fields) == 0 {
		return nil
	}
	values, err := b.readFields(ctx, fields)
	if err != nil {
		return err
	}
	for i, j := range c.jobs {
		if err := j.parse(values[2*i], values[2*i+1]); err != nil {
			return unreadable(fields[2*i], err)
		}
	}
	fields, values = fields[2*len(c.jobs):], values[2*len(c.jobs):]
	for i, r := range c.runners {
		if err := r.parse(values[i]); err != nil {
			return unreadable(fields[i], err)
		}
	}
	fields, values = fields[len(c.runners):], values[len(c.runners):]
	for i, p := range c.processes {
		if err := p.parse(values[i]); err != nil {
			return unreadable(fields[i], err)
		}
	}
	return nil
}

// readFields reads fields of the views, without their sums.
func (b *batch) readFields(ctx context.Context, fields []views.Field) ([][]byte, error) {
	values, err := b.e.writer.Read(ctx, b.e.pos.Live, fields)
	if err != nil {
		b.e.seen = nil
		return nil, fmt.Errorf("read views: %w", err)
	}
	for i, f := range fields {
		if values[i], err = f.Value(values[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (r *workRunner) parse(record []byte) (err error) {
	if record == nil {
		return nil
	}
	r.record, err = runners.ParseRecord(record)
	r.existed, r.exists = true, true
	return err
}

func (j *workJob) parse(record, open []byte) error {
	if record == nil {
		return nil
	}
	var known cachedJob
	var err error
	if known.record, err = jobs.ParseRecord(record); err != nil {
		return err
	}
	if open != nil {
		a, err := jobs.ParseAttempt(open)
		if err != nil {
			return err
		}
		known.open = &a
	}
	j.take(known)
	return nil
}

func unreadable(f views.Field, err error) error {
	return fmt.Errorf("%w: %s of %s: %w", views.ErrDamaged, f.Name, f.Table, err)
}
