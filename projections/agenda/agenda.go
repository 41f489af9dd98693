// Package agenda is the read model of what is due in jobs without anybody
// asking: when one that is scheduled is queued, one that failed is tried again,
// one that nobody began expires, and one that runs or stops for too long is
// given up.
//
//	jobs, next, err := reader.Due(ctx, now, 100)
//
// It says when to look and not what to do: whoever decides knows the job.
package agenda

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
)

// Reader reads one partition's agenda. It is safe for concurrent use.
type Reader struct {
	Views views.Reader
}

// Due returns at most limit jobs in which something is due up to a time, the
// most urgent ones first, and when something is due in the first that it did
// not return; zero for never. It takes one round trip, however many jobs wait,
// and may lag behind the log by as much as the views do.
//
// What somebody edited is an [*views.Edited].
func (r *Reader) Due(ctx context.Context, until event.Time, limit int) (jobs []job.ID, next event.Time, err error) {
	look, err := r.Views.Look(ctx, views.Query{Due: &views.DueQuery{Until: until, Limit: limit}})
	if err != nil {
		return nil, 0, fmt.Errorf("look what is due: %w", err)
	}
	jobs = make([]job.ID, len(look.Due))
	for i, d := range look.Due {
		jobs[i] = d.Job
	}
	return jobs, look.NextDue, nil
}
