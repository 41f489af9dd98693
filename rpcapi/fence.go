package rpcapi

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// This file is what API keys may do that are bound to runners or kinds: touch
// the jobs of these queues, and nothing else. Of other jobs they are told what
// they are told of jobs that there are not.

// queuesOf returns the queues that an API key is bound to; none: it is not bound.
func queuesOf(k *access.APIKey) []job.Queue {
	var queues []job.Queue
	for _, id := range k.Runners {
		queues = append(queues, job.RunnerQueue(id))
	}
	for _, kind := range k.Kinds {
		queues = append(queues, job.ExecutorQueue(kind))
	}
	return queues
}

// bound reports whether the caller may touch the jobs of some queues alone.
func (c *caller) bound() bool { return len(c.queues) > 0 }

// reaches reports whether the caller may touch the jobs of a queue.
func (c *caller) reaches(q job.Queue) bool { return !c.bound() || slices.Contains(c.queues, q) }

// mayTouch returns an error unless the caller may change a job, or there is none
// and whatever asks for it says so itself.
func mayTouch(ctx context.Context, tx *eventstore.Tx, id job.ID) error {
	if c := callerFrom(ctx); !c.reaches(tx.Job(id).Queue) {
		return noJob()
	}
	return nil
}

// maySubmit returns an error unless the caller may submit jobs to a queue.
func maySubmit(ctx context.Context, q job.Queue) error {
	if c := callerFrom(ctx); !c.reaches(q) {
		return domain.Errorf(domain.Forbidden, "bound", "this API key may submit to no other queues than %v", c.queues)
	}
	return nil
}

// noJob is the answer for a job that there is not.
func noJob() error { return domain.Errorf(domain.NotFound, "job", "no such job") }

// fence reads jobs for callers who may be bound.
type fence struct{ Jobs }

// Get implements [Jobs].
func (f fence) Get(ctx context.Context, id job.ID) (wire.Job, error) {
	view, err := f.Jobs.Get(ctx, id)
	c := callerFrom(ctx)
	switch {
	case !c.bound():
		return view, err
	case domain.CodeOf(err) == domain.NotFound: // whose a deleted one was is not known any more
		return wire.Job{}, noJob()
	case err != nil:
		return wire.Job{}, err
	}
	if q, err := job.ParseQueue(view.Queue); err != nil || !c.reaches(q) {
		return wire.Job{}, noJob()
	}
	return view, nil
}

// History implements [Jobs].
func (f fence) History(ctx context.Context, id job.ID) ([]wire.Event, error) {
	if err := f.passes(ctx, id); err != nil {
		return nil, err
	}
	return f.Jobs.History(ctx, id)
}

// Lines implements [Jobs].
func (f fence) Lines(ctx context.Context, id job.ID, after uint64, limit int) ([]wire.Line, error) {
	if err := f.passes(ctx, id); err != nil {
		return nil, err
	}
	return f.Jobs.Lines(ctx, id, after, limit)
}

// passes asks for the job itself where the caller is bound.
func (f fence) passes(ctx context.Context, id job.ID) error {
	c := callerFrom(ctx)
	if !c.bound() {
		return nil
	}
	_, err := f.Get(ctx, id)
	return err
}

// List implements [Jobs]. Where the caller is bound it is of those queues alone.
func (f fence) List(ctx context.Context, q wire.JobQuery, _ ...job.Queue) (wire.JobPage, error) {
	return f.Jobs.List(ctx, q, callerFrom(ctx).queues...)
}
