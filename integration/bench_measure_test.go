package integration

import (
	"context"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// reading is what the machine has used so far.
type reading struct {
	at       time.Time
	own      time.Duration // CPU of this process: supervisor, runner and callers
	redis    time.Duration // CPU of Redis
	commands float64
	bytes    float64 // that Redis holds
	mallocs  float64 // of this process
}

func read(ctx context.Context, b *testing.B, client *redis.Client) reading {
	b.Helper()
	text, err := client.Info(ctx, "cpu", "memory", "commandstats").Result()
	if err != nil {
		b.Fatalf("read what Redis used: %v", err)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatalf("read what the process used: %v", err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r := reading{
		at: time.Now(), own: time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		mallocs: float64(memory.Mallocs),
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		number, _ := strconv.ParseFloat(value, 64)
		switch {
		case name == "used_cpu_sys" || name == "used_cpu_user":
			r.redis += time.Duration(number * float64(time.Second))
		case name == "used_memory":
			r.bytes = number
		case strings.HasPrefix(name, "cmdstat_") && name != "cmdstat_info":
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			number, _ = strconv.ParseFloat(calls, 64)
			r.commands += number // those that scripts call, too
		}
	}
	return r
}

// figures are what one run cost, for each job.
type figures map[string]float64

// measure runs jobs and returns what one of them cost.
func measure(b *testing.B, client *redis.Client, jobs int, run func()) figures {
	b.Helper()
	runtime.GC()
	before := read(b.Context(), b, client)
	run()
	after := read(b.Context(), b, client)
	n := float64(jobs)
	return figures{
		"jobs/s":       n / after.at.Sub(before.at).Seconds(),
		"µs-horus/job": (after.own - before.own).Seconds() * 1e6 / n,
		"µs-redis/job": (after.redis - before.redis).Seconds() * 1e6 / n,
		"commands/job": (after.commands - before.commands) / n,
		"bytes/job":    (after.bytes - before.bytes) / n,
		"allocs/job":   (after.mallocs - before.mallocs) / n,
	}
}

// median returns the median of each figure.
func median(runs []figures) figures {
	middle := figures{}
	for name := range maps.Keys(runs[0]) {
		values := make([]float64, len(runs))
		for i, r := range runs {
			values[i] = r[name]
		}
		slices.Sort(values)
		middle[name] = values[len(values)/2]
	}
	return middle
}

// percentile returns the p-th percentile in milliseconds.
func percentile(times []time.Duration, p float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	at := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[max(at, 0)].Seconds() * 1e3
}
