package integration

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/runnersdk"
)

const (
	overloadJobs  = 5000 // of the round that finds out what can be done
	overloadTimes = 10   // as much is asked for after it
	overloadTime  = 2 * time.Second
)

// BenchmarkOverload asks for ten times what the system can do, jobs a second that
// were completed, and measures what it completes then: callers come whether or
// not those before them were answered, and who is sent away does not come again.
// The share of the peak is what overload leaves; refused is how long a refusal
// took, in the middle.
func BenchmarkOverload(b *testing.B) {
	s := startSystem(b, benchRedis(b), func(context.Context, *runnersdk.Job) (string, error) { return "", nil })
	for b.Loop() {
		began := time.Now()
		s.run(s.texts(overloadJobs, true), 256, s.inProcess)
		peak := overloadJobs / time.Since(began).Seconds()

		o := s.overload(peak * overloadTimes)
		b.ReportMetric(peak, "peak-jobs/s")
		b.ReportMetric(o.goodput/peak, "goodput-share")
		b.ReportMetric(o.offered/peak, "offered-times")
		b.ReportMetric(o.refusedMS, "refused-p50-ms")
		b.ReportMetric(float64(o.refused), "refused")
	}
	b.ReportMetric(0, "ns/op")
}

// overloaded is what became of too many callers.
type overloaded struct {
	goodput, offered float64 // a second
	refused          int
	refusedMS        float64
}

// overload submits jobs at a rate for some time and returns when all that were
// taken are completed.
func (s *system) overload(rate float64) (o overloaded) {
	s.b.Helper()
	ctx, cancel := context.WithTimeout(s.b.Context(), time.Minute)
	defer cancel()
	texts := s.texts(int(rate*overloadTime.Seconds()), true)
	before := s.completed(ctx)
	var callers sync.WaitGroup
	var taken atomic.Int64
	var mu sync.Mutex
	var refusals []time.Duration
	began := time.Now()
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for sent := 0; sent < len(texts); <-pace.C {
		due := min(int(rate*time.Since(began).Seconds()), len(texts))
		for ; sent < due; sent++ {
			text := texts[sent]
			callers.Go(func() {
				asked := time.Now()
				switch _, err := s.api.Submit(ctx, "bench", text); {
				case err == nil:
					taken.Add(1)
				case domain.CodeOf(err) == domain.Overloaded:
					mu.Lock()
					defer mu.Unlock()
					refusals = append(refusals, time.Since(asked))
				default:
					s.b.Errorf("submit: %v", err)
				}
			})
		}
	}
	o.offered = float64(len(texts)) / time.Since(began).Seconds()
	callers.Wait()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for s.completed(ctx) < before+taken.Load() {
		<-look.C
	}
	o.goodput = float64(taken.Load()) / time.Since(began).Seconds()
	if o.refused = len(refusals); o.refused > 0 {
		o.refusedMS = percentile(refusals, 50)
	}
	return o
}
