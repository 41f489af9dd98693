package views

import (
	"context"
	"time"

	"github.com/herocode/horus/domain"
)

// How a reader waits for views that lag.
const (
	MaxLag   = 2 * time.Second
	minPause = 500 * time.Microsecond
	maxPause = 20 * time.Millisecond
)

// Awaiter is a [Reader] that can tell when the views move on. Without it whoever
// wants to see what was just written looks again and again, in pauses that are
// longer than most lags.
type Awaiter interface {
	// Await returns true when the position has reached a place or ctx has
	// ended, and false at once where nobody can tell.
	Await(ctx context.Context, seq uint64) bool
}

// Current looks until the views have reached the end that the log had at the
// first look, so that the caller sees everything that was written before it
// asked. After [MaxLag] it is [domain.TryAgain] with the reason "lagging".
func Current(ctx context.Context, r Reader, q Query) (*Look, error) {
	q.End = true
	look, err := r.Look(ctx, q)
	if err != nil || look.Position.Seq >= look.End {
		return look, err
	}
	end, pause := look.End, minPause
	q.End = false
	for deadline := time.Now().Add(MaxLag); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return nil, domain.Errorf(domain.TryAgain, "lagging", "the views are %d events behind: ask again", end-look.Position.Seq)
		}
		if err := await(ctx, r, end, min(pause, left)); err != nil {
			return nil, err
		}
		if look, err = r.Look(ctx, q); err != nil {
			return nil, err
		}
		if look.Position.Seq >= end {
			look.End = end
			return look, nil
		}
		pause = min(2*pause, maxPause)
	}
}

// await waits until the views are told to have reached a place, but not for
// long: whoever tells may have been replaced. Where nobody tells it waits for
// the pause.
func await(ctx context.Context, r Reader, seq uint64, pause time.Duration) error {
	if a, ok := r.(Awaiter); ok {
		most, cancel := context.WithTimeout(ctx, maxPause)
		told := a.Await(most, seq)
		cancel()
		if told {
			return ctx.Err()
		}
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
