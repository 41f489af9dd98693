package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/herocode/horus/runnersdk"
)

// Of a comparison: its rounds, and the jobs of each.
const (
	benchRounds = 3
	benchJobs   = 10_000
	aloneJobs   = 2_000 // of a single caller
)

// BenchmarkJobs runs jobs from submission to an outcome that is projected, with
// a handler that does nothing, and compares that with a bare loop on the same
// Redis (see yardstick). Rounds of both take turns, so that whatever else the
// machine does meets both; the figures are medians.
//
// The jobs are signed before the clock starts: signing is the clients' work.
func BenchmarkJobs(b *testing.B) {
	for _, way := range []struct {
		name    string
		callers int
		signed  bool
		submit  func(*system) submit
	}{
		{name: "unsigned/callers=1", callers: 1, submit: inProcess},
		{name: "unsigned/callers=50", callers: 50, submit: inProcess},
		{name: "unsigned/callers=200", callers: 200, submit: inProcess},
		{name: "signed/callers=1", callers: 1, signed: true, submit: inProcess},
		{name: "signed/callers=50", callers: 50, signed: true, submit: inProcess},
		{name: "signed/callers=200", callers: 200, signed: true, submit: inProcess},
		{name: "http/unsigned/callers=50", callers: 50, submit: overHTTP},
		{name: "http/signed/callers=50", callers: 50, signed: true, submit: overHTTP},
	} {
		b.Run(way.name, func(b *testing.B) {
			server := benchRedis(b)
			s, bare := startSystem(b, server, nothing), newYardstick(b, server)
			jobs := benchJobs
			if way.callers == 1 {
				jobs = aloneJobs
			}
			var ours, theirs []figures
			for range benchRounds {
				texts := s.texts(jobs, way.signed)
				ours = append(ours, measure(b, s.redis, jobs, func() { s.run(texts, way.callers, way.submit(s)) }))
				theirs = append(theirs, measure(b, s.redis, jobs, func() { s.must(bare.run(b.Context(), jobs, 50)) }))
			}
			report(b, median(ours), median(theirs))
		})
	}
}

func inProcess(s *system) submit { return s.inProcess }
func overHTTP(s *system) submit  { return s.overHTTP }

func nothing(context.Context, *runnersdk.Job) (string, error) { return "", nil }

func report(b *testing.B, ours, bare figures) {
	b.Helper()
	for name, value := range ours {
		b.ReportMetric(value, name)
	}
	b.ReportMetric(bare["jobs/s"], "yardstick-jobs/s")
	b.ReportMetric(ours["jobs/s"]/bare["jobs/s"], "x-yardstick")
	cpu := func(f figures) float64 { return f["µs-horus/job"] + f["µs-redis/job"] }
	b.ReportMetric(cpu(ours)/cpu(bare), "x-yardstick-cpu") // says the same of a machine that does other things, too
	b.ReportMetric(0, "ns/op")                             // a round of many jobs is no operation
}

// Of a measurement of latency.
const (
	latencyJobs = 1_000
	latencyRate = 200 // jobs a second
)

// BenchmarkLatency submits jobs at a steady rate that leaves the machine mostly
// idle, and says how long after the call a submit is answered, its handler
// starts and its outcome can be read; and how long a PING takes, which is the
// yardstick: a submit of an unknown id is two round trips.
func BenchmarkLatency(b *testing.B) {
	began := make(chan time.Time, 1)
	s := startSystem(b, benchRedis(b), func(context.Context, *runnersdk.Job) (string, error) {
		began <- time.Now()
		return "", nil
	})
	<-began // of the job that startSystem runs
	var pings, submits, starts, outcomes []time.Duration
	tick := time.NewTicker(time.Second / latencyRate)
	defer tick.Stop()
	for _, text := range s.texts(latencyJobs, false) {
		<-tick.C
		start := time.Now()
		s.must(s.redis.Ping(b.Context()).Err())
		pings = append(pings, time.Since(start))
		start = time.Now()
		receipt, err := s.api.Submit(b.Context(), "bench", text)
		s.must(err)
		submits = append(submits, time.Since(start))
		s.wait(receipt.ID)
		outcomes = append(outcomes, time.Since(start))
		starts = append(starts, (<-began).Sub(start))
	}
	for name, times := range map[string][]time.Duration{
		"ping": pings, "submit": submits, "start": starts, "outcome": outcomes,
	} {
		for _, p := range []float64{50, 99} {
			b.ReportMetric(percentile(times, p), fmt.Sprintf("ms-%s-p%.0f", name, p))
		}
	}
	b.ReportMetric(0, "ns/op")
}
