package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// BenchmarkExecute submits unsigned jobs from so many callers at once over a
// store in memory, which takes no time: it shows what deciding, encoding and
// sealing cost, and how well commits fill.
func BenchmarkExecute(b *testing.B) {
	for _, callers := range []int{1, 50, 200} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			h := open(b)
			jobs := make([]*job.Opened, b.N)
			for i := range jobs {
				jobs[i] = opened(fmt.Sprint("j", i), "echo hello")
			}
			h.index = finds(func(all []event.Aggregate) ([][]uint64, uint64, error) { // all ids are new
				return make([][]uint64, len(all)), math.MaxUint64, nil
			})
			h.indexed = func() uint64 { return math.MaxUint64 }
			h.succeed()
			var commits, events int
			h.observe = func(n int, _ time.Duration) { commits, events = commits+1, events+n }
			b.ReportAllocs()
			b.ResetTimer()
			h.must(h.do(func(ctx context.Context) error { return flood(ctx, h.Leader, jobs, callers) }))
			b.StopTimer()
			b.ReportMetric(float64(events)/float64(max(commits, 1)), "events/commit")
		})
	}
}

func flood(ctx context.Context, l *eventstore.Leader, jobs []*job.Opened, callers int) error {
	var next atomic.Int64
	var running sync.WaitGroup
	failed := make([]error, callers)
	for c := range callers {
		running.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(jobs) || failed[c] != nil {
					return
				}
				failed[c] = l.Execute(ctx, submission(jobs[i]))
			}
		})
	}
	running.Wait()
	return errors.Join(failed...)
}
