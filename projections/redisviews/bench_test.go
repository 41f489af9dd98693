package redisviews_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/viewtest"
)

// work is a history of n jobs as a busy partition has it: commits of 60 jobs
// that are submitted, or of a bundle that ends 60, about 1,000 jobs on their
// way at a time.
func work(f *viewtest.Fixture, n int) *historytest.Partition {
	const bunch, under = 60, 16 // bundles' worth of jobs
	p := historytest.Found(f.Namespace)
	worker := p.NewProcess("r1")
	p.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })
	id := func(i int) string { return fmt.Sprintf("0197c5d8-5b5c-7cc0-b6a1-%012d", i) }
	submitted, ended := 0, 0
	for ended < n {
		if submitted < n && submitted < ended+bunch*under {
			p.Commit(func(tx *historytest.Tx) {
				for ; submitted < n && tx.Len() < bunch; submitted++ {
					tx.Submit(id(submitted), historytest.Job{Form: job.FormUnsigned, Payload: strings.Repeat("x", 200)})
				}
			})
			continue
		}
		p.Commit(func(tx *historytest.Tx) {
			var reports []runner.Report
			for ; ended < submitted && len(reports) < bunch; ended++ {
				reports = append(reports, runner.Completed{About: p.About(id(ended)), Result: "4"})
			}
			tx.Report(worker, reports...)
		})
	}
	return p
}

// used is what was used so far: commands of Redis, and seconds of a core by
// Redis and by this process.
type used struct{ commands, redis, own float64 }

func use(b testing.TB, client *redis.Client) used {
	b.Helper()
	info, err := client.Info(b.Context(), "stats", "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	number := func(name string) (n float64) {
		_, rest, _ := strings.Cut(info, name+":")
		if _, err := fmt.Sscan(rest, &n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	return used{
		number("total_commands_processed"), number("used_cpu_sys") + number("used_cpu_user"),
		time.Duration(own.Utime.Nano() + own.Stime.Nano()).Seconds(),
	}
}

// BenchmarkEngine measures how fast jobs are folded and committed on Redis:
// live, from memory in turns of a few commits, with their queue entries; and
// behind the end of the log, as a rebuild does.
func BenchmarkEngine(b *testing.B) {
	b.Run("live", func(b *testing.B) {
		measure(b, false, func(l *viewtest.Leader, fresh []*history.Commit) error {
			for len(fresh) > 0 {
				n := min(4, len(fresh))
				for _, c := range fresh[:n] {
					l.Engine.Offer(c)
				}
				fresh = fresh[n:]
				if _, err := l.Engine.Turn(b.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("log", func(b *testing.B) {
		measure(b, false, func(l *viewtest.Leader, _ []*history.Commit) error { return l.Engine.CatchUp(b.Context()) })
	})
	b.Run("rebuild", func(b *testing.B) {
		measure(b, true, func(l *viewtest.Leader, _ []*history.Commit) error {
			_, err := engine.Rebuild(b.Context(), l.Config(), nil)
			return err
		})
	})
}

func measure(b *testing.B, projected bool, run func(*viewtest.Leader, []*history.Commit) error) {
	b.Helper()
	client := redistest.Shared(b).Client()
	f := fixture(b, client, redistest.Namespace(b))
	all := work(f, b.N)
	commits := all.Commits
	all.Commits = commits[:2]
	l := viewtest.NewLeader(b.Context(), b, f, all)
	l.Begin()
	all.Commits = commits
	fresh := l.AppendNew()
	if projected {
		if err := l.Engine.CatchUp(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	before := use(b, client)
	b.ReportAllocs()
	b.ResetTimer()
	if err := run(l, fresh); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if got, want := l.Engine.Passed(), all.Seq(); got != want {
		b.Fatalf("folded up to %d of %d", got, want)
	}
	after := use(b, client)
	events := float64(all.Seq())
	b.ReportMetric((after.commands-before.commands)/float64(b.N), "commands/job")
	b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(events/(after.own-before.own+after.redis-before.redis), "events/core-s")
	b.ReportMetric((after.own-before.own)/events*1e6, "µs-horus/event")
	b.ReportMetric((after.redis-before.redis)/events*1e6, "µs-redis/event")
}
