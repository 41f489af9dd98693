package client

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/rpcapi/client/wire"
)

// Fifty goroutines that submit one job after the other shared half of their
// messages with nobody: whoever came back first left at once, alone. They travel
// together as long as there are many, and a lone one never waits.
func TestACrowdStaysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const trip = 10 * time.Millisecond
		var mu sync.Mutex
		var sizes []int
		gate := newSubmitGate(func(_ context.Context, jobs []wire.JobText) ([]Verdict, error) {
			mu.Lock()
			sizes = append(sizes, len(jobs))
			mu.Unlock()
			time.Sleep(trip)
			return make([]Verdict, len(jobs)), nil
		})
		crowd := func(callers, each int) (took time.Duration) {
			start := time.Now()
			var running sync.WaitGroup
			for i := range callers {
				running.Go(func() {
					for range each {
						time.Sleep(time.Duration(i) * time.Microsecond) // nobody comes back at the very same time
						if _, err := gate.submit(t.Context(), wire.JobText(fmt.Sprint(i))); err != nil {
							t.Error(err)
						}
					}
				})
			}
			running.Wait()
			return time.Since(start)
		}
		crowd(50, 3)
		if took := crowd(1, 2); took > 2*trip+gatherTime {
			t.Errorf("somebody who was left alone took %s", took)
		}
		if took := crowd(2, 1); took > trip+time.Microsecond {
			t.Errorf("two took %s: one waited for the other", took)
		}
		crowd(300, 1)
		if diff := cmp.Diff([]int{1, 1, 50, 50, 48, 1, 1, 1, 1, 1, 1, 256, 42}, sizes); diff != "" {
			t.Errorf("submits in a message (-want +got):\n%s", diff)
		}
	})
}
