package node

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// candid reads jobs, and does not say that there is no such job when the history
// halted before the views had all of it.
type candid struct {
	rpcapi.Jobs
	views views.Reader
	desk  *desk
}

// Get implements [rpcapi.Jobs].
func (c *candid) Get(ctx context.Context, id job.ID) (wire.Job, error) {
	view, err := c.Jobs.Get(ctx, id)
	return view, c.unknown(ctx, err)
}

// History implements [rpcapi.Jobs].
func (c *candid) History(ctx context.Context, id job.ID) ([]wire.Event, error) {
	events, err := c.Jobs.History(ctx, id)
	return events, c.unknown(ctx, err)
}

// Lines implements [rpcapi.Jobs].
func (c *candid) Lines(ctx context.Context, id job.ID, after uint64, limit int) ([]wire.Line, error) {
	lines, err := c.Jobs.Lines(ctx, id, after, limit)
	return lines, c.unknown(ctx, err)
}

// unknown returns why a job cannot be known, where that is so.
func (c *candid) unknown(ctx context.Context, err error) error {
	why := c.desk.halted()
	if why == nil || domain.CodeOf(err) != domain.NotFound {
		return err
	}
	look, failed := c.views.Look(ctx, views.Query{End: true})
	if failed != nil || look.Position.Seq < look.End {
		return why
	}
	return err
}
