package crashpoint

import (
	"context"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
)

// wire is what a runner shares with its supervisor.
type wire struct {
	queue.Wire
	pass passing
}

// Take passes a point when something was delivered.
func (w *wire) Take(ctx context.Context, process string, queues []job.Queue, limit int, wait time.Duration) ([]queue.Entry, error) {
	entries, err := w.Wire.Take(ctx, process, queues, limit, wait)
	if len(entries) > 0 {
		w.pass(ClaimTaken)
	}
	return entries, err
}

// Send passes a point on each side. The first bundle asks to join.
func (w *wire) Send(ctx context.Context, s runner.Signed) error {
	w.pass(ReportSigned)
	err := w.Wire.Send(ctx, s)
	if err == nil {
		w.pass(ReportSent)
	}
	return err
}

// handler passes a point on each side of a handler.
func handler(h runnersdk.Handler, pass passing) runnersdk.Handler {
	return func(ctx context.Context, j *runnersdk.Job) (string, error) {
		pass(RunStarted)
		result, err := h(ctx, j)
		pass(RunEnded)
		return result, err
	}
}
