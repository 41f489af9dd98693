package node

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A job that comes alone gives the read models two things to do, less than a
// millisecond apart. The second had to wait until a millisecond after the first,
// so that more could join it, and nothing did: outcomes could be read after 2.3 ms
// instead of 1.1. Where there is always something to do batches form as before.
func TestALoneJobWaitsForNoCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		wake := make(chan struct{}, 1)
		var waits atomic.Int32
		type found struct {
			At   time.Duration
			Much int32
		}
		var turns []found
		start := time.Now()
		l := &loop{
			name: "project", wake: wake, every: time.Hour, log: slog.New(slog.DiscardHandler), scene: goroutines{},
			turn: func(context.Context) (bool, error) {
				much := waits.Swap(0)
				if much > 0 {
					turns = append(turns, found{time.Since(start), much})
				}
				return much > 0, nil
			},
		}
		done := make(chan error)
		go func() { done <- l.run(ctx) }()
		const us = time.Microsecond
		for _, pause := range []time.Duration{10 * us, 600 * us, 100 * us, 100 * us, 500 * us} {
			time.Sleep(pause)
			synctest.Wait()
			waits.Add(1)
			select {
			case wake <- struct{}{}:
			default:
			}
		}
		time.Sleep(10 * time.Millisecond)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []found{{10 * us, 1}, {610 * us, 1}, {1010 * us, 2}, {2010 * us, 1}}
		if diff := cmp.Diff(want, turns); diff != "" {
			t.Errorf("turns (-want +got):\n%s", diff)
		}
	})
}
