package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// figures are what one measurement found, by the keys of [columns].
type figures map[string]float64

// reading is what the machine has used so far.
type reading struct {
	at       time.Time
	horus    time.Duration // CPU of this process: supervisor, runner and callers
	redis    time.Duration // CPU of Redis
	commands float64       // of all clients, those that scripts call too
	bytes    float64       // that Redis holds
	mallocs  float64       // of this process
}

func (s *server) read(ctx context.Context) (reading, error) {
	info, err := s.info(ctx, "cpu", "memory", "commandstats")
	if err != nil {
		return reading{}, err
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return reading{}, fmt.Errorf("ask what this process uses: %w", err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r := reading{
		at: time.Now(), horus: time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		mallocs: float64(memory.Mallocs), bytes: number(info["used_memory"]),
		redis: time.Duration((number(info["used_cpu_sys"]) + number(info["used_cpu_user"])) * float64(time.Second)),
	}
	for name, value := range info {
		if strings.HasPrefix(name, "cmdstat_") && name != "cmdstat_info" {
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			r.commands += number(calls)
		}
	}
	return r, nil
}

// number reads what INFO says; 0 where it says nothing.
func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// measure runs jobs and returns what one of them cost.
func (s *server) measure(ctx context.Context, jobs int, run func() error) (figures, error) {
	runtime.GC()
	before, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := run(); err != nil {
		return nil, err
	}
	after, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	n, micro := float64(jobs), 1e6
	return figures{
		"jobs_per_s":  n / after.at.Sub(before.at).Seconds(),
		"horus_us":    (after.horus - before.horus).Seconds() * micro / n,
		"redis_us":    (after.redis - before.redis).Seconds() * micro / n,
		"commands":    (after.commands - before.commands) / n,
		"redis_bytes": (after.bytes - before.bytes) / n,
		"allocs":      (after.mallocs - before.mallocs) / n,
	}, nil
}

// Spread is what several rounds found.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf returns the spread of at least one value.
func spreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// spreads returns the spread of each figure of some rounds, of those that have
// it.
func spreads(rounds []figures) map[string]Spread {
	values := map[string][]float64{}
	for _, r := range rounds {
		for name, value := range r {
			values[name] = append(values[name], value)
		}
	}
	found := map[string]Spread{}
	for name, all := range values {
		found[name] = spreadOf(all)
	}
	return found
}

// percentile returns the p-th percentile (nearest rank) in milliseconds.
func percentile(times []time.Duration, p float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	const exact = 1e-9 // 99.9 % of 1,000 is a little more than 999 in floating point
	at := int(math.Ceil(p*float64(len(sorted))/100-exact)) - 1
	return sorted[max(at, 0)].Seconds() * 1e3
}
