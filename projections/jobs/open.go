package jobs

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
)

// Open is a job whose attempt waits or runs.
type Open struct {
	Job job.ID
	Attempt
}

// Opened returns the open attempts of at most limit jobs of a status that were
// submitted below a place, 0 for the end of the log, the last one first, and
// where to go on: 0 when there is no more.
func (r *Reader) Opened(ctx context.Context, s job.Status, below uint64, limit int) (found []Open, next uint64, err error) {
	look, err := r.Views.Look(ctx, views.Query{Lists: []views.Range{{Status: s, Below: below, Limit: limit}}})
	if err != nil {
		return nil, 0, fmt.Errorf("list open attempts: %w", err)
	}
	seqs := look.Lists[0]
	if len(seqs) == 0 {
		return nil, 0, nil
	}
	if len(seqs) == limit {
		next = seqs[len(seqs)-1]
	}
	raws, err := r.Log.Get(ctx, seqs)
	if err != nil {
		return nil, 0, fmt.Errorf("list open attempts: %w", err)
	}
	found = make([]Open, 0, len(raws))
	fields := make([]views.Field, len(raws))
	for i, raw := range raws {
		id, err := jobAt(raw)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, Open{Job: id})
		fields[i] = views.Field{Table: views.Open, Name: id.String()}
	}
	if look, err = r.Views.Look(ctx, views.Query{Fields: fields}); err != nil {
		return nil, 0, fmt.Errorf("list open attempts: %w", err)
	}
	open := found[:0]
	for i, data := range look.Values {
		if data == nil {
			continue // it ended meanwhile
		}
		o := found[i]
		if o.Attempt, err = ParseAttempt(data); err != nil {
			return nil, 0, fmt.Errorf("list open attempts: %w: %w", views.ErrDamaged, err)
		}
		open = append(open, o)
	}
	return open, next, nil
}

// jobAt returns the job that was submitted at a place.
func jobAt(raw history.Raw) (job.ID, error) {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil || e.Aggregate.Kind != event.Job {
		return job.ID{}, misplaced(raw.Seq, "a submission")
	}
	id, err := job.ParseID(e.Aggregate.ID)
	if err != nil {
		return id, domain.Errorf(domain.Halted, "views_damaged", "the log has a job without an id at %d", raw.Seq)
	}
	return id, nil
}
