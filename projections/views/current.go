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
	deadline := time.NewTimer(MaxLag)
	defer deadline.Stop()
	for {
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-deadline.C:
			again.Stop()
			return nil, domain.Errorf(domain.TryAgain, "lagging", "the views are %d events behind: ask again", end-look.Position.Seq)
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
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
