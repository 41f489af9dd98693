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

// load brings everything that the steps touch into the batch: from memory, and
// what is not there from the views, in one round trip.
func (b *batch) load(ctx context.Context, steps []step) error {
	var coldJobs []*workJob
	var coldRunners []*workRunner
	wantJob := func(id job.ID) {
		if j, cold := b.meetJob(id); cold {
			coldJobs = append(coldJobs, j)
		}
	}
	wantRunner := func(id domain.Name) {
		if r, cold := b.meetRunner(id); cold {
			coldRunners = append(coldRunners, r)
		}
	}
	for i := range steps {
		for j := range steps[i].commit.Entries {
			if err := b.want(&steps[i].commit.Entries[j], wantJob, wantRunner); err != nil {
				return err
			}
		}
	}
	return b.read(ctx, coldJobs, coldRunners)
}

// want names everything that folding an event looks at.
func (b *batch) want(e *history.Entry, wantJob func(job.ID), wantRunner func(domain.Name)) error {
	switch data := e.Data.(type) {
	case job.Submitted:
		id, err := job.ParseID(e.Aggregate.ID)
		if err != nil {
			return &history.Fault{Seq: e.Seq, Why: err}
		}
		b.newJob(id)
	case job.Event:
		id, err := job.ParseID(e.Aggregate.ID)
		if err != nil {
			return &history.Fault{Seq: e.Seq, Why: err}
		}
		wantJob(id)
	case runner.Reported:
		bundle, err := data.Bundle()
		if err != nil {
			return &history.Fault{Seq: e.Seq, Why: err}
		}
		wantRunner(bundle.Runner)
		for _, r := range bundle.Reports {
			if piece, ok := r.(runner.Log); ok {
				wantJob(piece.Job)
			}
		}
	case runner.Event:
		wantRunner(domain.Name(e.Aggregate.ID))
	}
	return nil
}

// newJob takes a job into the batch that nothing happened to before.
func (b *batch) newJob(id job.ID) {
	if b.jobs[id] == nil {
		j := &workJob{id: id}
		b.jobs[id] = j
		b.jobOrder = append(b.jobOrder, j)
	}
}

// meetJob takes a job into the batch, and reports whether it must be read.
func (b *batch) meetJob(id job.ID) (j *workJob, cold bool) {
	if j = b.jobs[id]; j != nil {
		return j, false
	}
	j = &workJob{id: id}
	b.jobs[id] = j
	b.jobOrder = append(b.jobOrder, j)
	known, ok := b.e.jobs.get(id)
	if ok {
		known.record.Events = slices.Clip(known.record.Events)
		j.take(known)
	}
	return j, !ok
}

func (j *workJob) take(known cachedJob) {
	j.cachedJob, j.exists = known, true
	j.before, j.beforeOpen = known.record.Status, known.open
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
func (b *batch) read(ctx context.Context, coldJobs []*workJob, coldRunners []*workRunner) error {
	fields := make([]views.Field, 0, 2*len(coldJobs)+len(coldRunners))
	for _, j := range coldJobs {
		name := j.id.String()
		fields = append(fields, views.Field{Table: views.Jobs, Name: name}, views.Field{Table: views.Open, Name: name})
	}
	for _, r := range coldRunners {
		fields = append(fields, views.Field{Table: views.Runners, Name: string(r.id)})
	}
	if len(fields) == 0 {
		return nil
	}
	values, err := b.e.writer.Read(ctx, b.e.pos.Live, fields)
	if err != nil {
		b.e.seen = nil
		return fmt.Errorf("read views: %w", err)
	}
	for i, f := range fields {
		if values[i], err = f.Value(values[i]); err != nil {
			return err
		}
	}
	for i, j := range coldJobs {
		if err := j.parse(values[2*i], values[2*i+1]); err != nil {
			return unreadable(fields[2*i], err)
		}
	}
	values = values[2*len(coldJobs):]
	for i, r := range coldRunners {
		if values[i] == nil {
			continue
		}
		if r.record, err = runners.ParseRecord(values[i]); err != nil {
			return unreadable(fields[2*len(coldJobs)+i], err)
		}
		r.existed, r.exists = true, true
	}
	return nil
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
