package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/herocode/horus/domain/job"
)

// Middleware puts something around a handler: what is to be done for every job
// alike.
type Middleware func(Handler) Handler

// Chain returns a handler with middlewares around it, the first one outermost.
//
//	runnersdk.Chain(send, runnersdk.Logged(logger), runnersdk.Within(time.Minute))
//
// Panics need none: they fail the job, and the program's log has the stack.
func Chain(h Handler, around ...Middleware) Handler {
	for i := len(around) - 1; i >= 0; i-- {
		h = around[i](h)
	}
	return h
}

// Logged logs the end of every attempt: well at level info, badly at warn.
func Logged(logger *slog.Logger) Middleware {
	return func(h Handler) Handler {
		return func(ctx context.Context, j *Job) (string, error) {
			began := time.Now()
			result, err := h(ctx, j)
			about := []any{"job", j.ID, "attempt", j.Attempt, "took", time.Since(began).Round(time.Millisecond)}
			switch {
			case err == nil:
				logger.InfoContext(ctx, "the handler returned", about...)
			case ctx.Err() != nil:
				logger.WarnContext(ctx, "the handler stopped", append(about, "error", err, "cause", context.Cause(ctx))...)
			default:
				logger.WarnContext(ctx, "the handler failed", append(about, "error", err)...)
			}
			return result, err
		}
	}
}

// Within bounds the time of an attempt where jobs ask for more: after it the
// handler's context ends, and the job fails as after its own timeout.
func Within(most time.Duration) Middleware {
	return func(h Handler) Handler {
		return func(ctx context.Context, j *Job) (string, error) {
			own := fmt.Errorf("%w: no job runs longer than %s here", context.DeadlineExceeded, most)
			bounded, cancel := context.WithTimeoutCause(ctx, most, own)
			defer cancel()
			result, err := h(bounded, j)
			if ctx.Err() != nil || !errors.Is(context.Cause(bounded), own) {
				return result, err
			}
			failure := &Failure{Kind: job.FailedTimeout, Message: own.Error(), Result: resultOf(result, err)}
			if a, ok := errors.AsType[*advice](err); ok {
				return "", &advice{failure, a.again, a.after}
			}
			return "", failure
		}
	}
}

// AtMost lets a handler run for so many jobs at once, fewer than there are slots:
// one kind of work that is heavier than the others, say. A job that waits keeps
// its slot, and its time runs.
func AtMost(jobs int) Middleware {
	room := make(chan struct{}, max(jobs, 1))
	return func(h Handler) Handler {
		return func(ctx context.Context, j *Job) (string, error) {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
			defer func() { <-room }()
			return h(ctx, j)
		}
	}
}
