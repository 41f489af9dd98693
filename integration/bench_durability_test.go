package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/integration/redistest"
)

// BenchmarkDurability submits jobs to leaders that differ in what they wait for
// before they answer: nothing but Redis (everysec), its disk (fsync), or one
// replica. Rounds take turns, so that whatever else the machine does meets all;
// the figures are medians, and those of the safer levels shares of everysec's.
func BenchmarkDurability(b *testing.B) {
	for _, callers := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			replica, followed := redistest.Start(b, redistest.Options{AOF: redistest.EverySecond}), benchRedis(b)
			replica.Follow(followed)
			levels := []struct {
				name   string
				server *redistest.Server
				leader *eventstore.Leader
				runs   []figures
			}{
				{name: "everysec", server: benchRedis(b)},
				{name: "fsync", server: redistest.Start(b, redistest.Options{AOF: redistest.Always})},
				{name: "replicated:1", server: followed},
			}
			jobs := benchJobs
			if callers == 1 {
				jobs = aloneJobs / 2
			}
			for i := range levels {
				replicas := 0
				if levels[i].server == followed {
					replicas = 1
				}
				levels[i].leader = startLeader(b, levels[i].server, replicas)
			}
			for range benchRounds {
				for i := range levels {
					l := &levels[i]
					l.runs = append(l.runs, submitted(b, l.server, l.leader, jobs, callers))
				}
			}
			base := median(levels[0].runs)
			b.ReportMetric(base["jobs/s"], "everysec-jobs/s")
			b.ReportMetric(base["p50-ms"], "everysec-p50-ms")
			for _, l := range levels[1:] {
				b.ReportMetric(median(l.runs)["jobs/s"]/base["jobs/s"], l.name+"-throughput")
				b.ReportMetric(median(l.runs)["p50-ms"]/base["p50-ms"], l.name+"-p50")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// submitted is one round.
func submitted(b *testing.B, server *redistest.Server, leader *eventstore.Leader, jobs, callers int) figures {
	b.Helper()
	s := &system{b: b, redis: server.Client()}
	works, took := submits(s, jobs), make([]time.Duration, jobs)
	f := measure(b, s.redis, jobs, func() {
		s.must(eachOf(jobs, callers, func(i int) error {
			began := time.Now()
			works[i].Durable = true
			err := leader.Execute(b.Context(), works[i])
			took[i] = time.Since(began)
			return err
		}))
	})
	f["p50-ms"] = percentile(took, 50)
	return f
}
