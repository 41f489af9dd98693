package redisviews_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/projections/agenda"
	"github.com/herocode/horus/projections/viewtest"
)

// planned is a partition in which many jobs wait for their time, one a second
// from a day after the first was submitted.
type planned struct {
	*viewtest.Leader
	client *redis.Client
	agenda *agenda.Reader
	first  event.Time // that something is due
}

// plan submits n jobs that wait.
func plan(tb testing.TB, n int) *planned {
	tb.Helper()
	const bunch = 250 // of a commit
	client := redistest.Shared(tb).Client()
	f := fixture(tb, client, redistest.Namespace(tb))
	p := historytest.Found(f.Namespace)
	w := &planned{viewtest.NewLeader(tb.Context(), tb, f, p), client, &agenda.Reader{Views: f.Views}, 0}
	w.Begin()
	w.first = p.Now.Add(24 * time.Hour)
	for i := 0; i < n; {
		p.Commit(func(tx *historytest.Tx) {
			for ; i < n && tx.Len() < bunch; i++ {
				due := w.first.Add(time.Duration(i) * time.Second)
				tx.Submit(fmt.Sprintf("j%07d", i), historytest.Job{Form: job.FormUnsigned, More: fmt.Sprintf(`"run_at":%q`, due)})
			}
		})
		w.Feed()
		w.Forget()
	}
	return w
}

// takeOver lets another leader take over, and returns how long it took until it
// could have decided.
func (w *planned) takeOver(tb testing.TB) time.Duration {
	tb.Helper()
	w.Crash()
	start := time.Now()
	if lost := w.Begin(); len(lost) != 0 || w.Engine.Began() != "" {
		tb.Fatalf("lost %v; began anew: %q", lost, w.Engine.Began())
	}
	return time.Since(start)
}

// second does what a leader does in a second in which nothing happens.
func (w *planned) second(tb testing.TB) {
	tb.Helper()
	if _, err := w.Engine.Turn(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if err := w.Engine.Inspect(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for range 2 {
		w.due(tb, w.History.Now, 0)
	}
}

// due looks what is due, and wants so many jobs.
func (w *planned) due(tb testing.TB, until event.Time, want int) {
	tb.Helper()
	due, next, err := w.agenda.Due(tb.Context(), until, 100)
	if err != nil || len(due) != want || next != w.first.Add(time.Duration(want)*time.Second) {
		tb.Fatalf("%d jobs are due, then at %v, %v; want %d", len(due), next, err, want)
	}
}

// Whoever takes over does not read the jobs that wait for their time, and finds
// the next of them at once.
func TestManyTimersCostNothing(t *testing.T) {
	const n = 50_000
	w := plan(t, n)
	if took := w.takeOver(t); took > 3*time.Second {
		t.Errorf("taking over took %v", took)
	}
	w.due(t, w.first-1, 0)
	w.due(t, w.first.Add(6*time.Second), 7)
	w.due(t, w.first.Add(n*time.Second), 100)
	before := use(t, w.client)
	w.second(t)
	if n := use(t, w.client).commands - before.commands; n < 10 || n > 100 {
		t.Errorf("an idle second took %v commands", n)
	}
}

// BenchmarkTimers says how long it takes to take over a partition in which so
// many jobs wait for their time, and what a second in which none is due costs.
func BenchmarkTimers(b *testing.B) {
	for _, n := range []int{0, 50_000, 1_000_000} {
		b.Run(fmt.Sprintf("timers=%d", n), func(b *testing.B) {
			w := plan(b, max(n, 1))
			took := w.takeOver(b)
			before := use(b, w.client)
			for b.Loop() {
				w.second(b)
			}
			after := use(b, w.client)
			b.ReportMetric(float64(took.Milliseconds()), "ms-take-over")
			b.ReportMetric((after.commands-before.commands)/float64(b.N), "commands/s")
			b.ReportMetric((after.own-before.own)/float64(b.N)*1e6, "µs-horus/s")
			b.ReportMetric((after.redis-before.redis)/float64(b.N)*1e6, "µs-redis/s")
		})
	}
}
