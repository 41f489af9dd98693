package bench

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// trial is one way to do something, which takes turns with others.
type trial struct {
	name    string
	jobs    int
	against shape // of its yardstick
	// ready makes what clients would have made of n jobs, and returns what is
	// measured.
	ready func(ctx context.Context, n int) (func() error, error)
	// meter returns what grows with every job besides what is always measured;
	// nil for nothing.
	meter func(ctx context.Context) (figures, error)
}

// warmShare is the part of its jobs that every trial runs before the first
// round: connections, caches and the heap are as in a system that runs.
const warmShare = 10

// contest runs trials and their yardsticks in turns, so that whatever else the
// machine does meets all of them, and returns a row for each. A ratio compares
// what was measured in the same round.
func (b *bench) contest(ctx context.Context, s *system, trials []trial) ([]Row, error) {
	bare, err := newYardstick(b.redis, string(s.ns))
	if err != nil {
		return nil, err
	}
	for _, t := range trials {
		b.step("warming up %s", t.name)
		run, err := t.ready(ctx, warm(t))
		if err == nil {
			err = run()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	bars := bars(trials)
	found := make([][]figures, len(bars)+len(trials))
	for round := range b.cfg.Rounds {
		theirs := map[shape]figures{}
		for i, bar := range bars {
			b.step("round %d of %d: %s", round+1, b.cfg.Rounds, bar.shape)
			f, err := b.bare(ctx, bare, bar)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", bar.shape, err)
			}
			theirs[bar.shape] = f
			found[i] = append(found[i], f)
		}
		for i, t := range trials {
			b.step("round %d of %d: %s", round+1, b.cfg.Rounds, t.name)
			f, err := b.attempt(ctx, t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			bare := theirs[t.against]
			f["ratio"] = f["jobs_per_s"] / bare["jobs_per_s"]
			f["cpu_ratio"] = cpu(f) / cpu(bare)
			found[len(bars)+i] = append(found[len(bars)+i], f)
		}
	}
	return rowsOf(bars, trials, found), nil
}

// cpu is what a job takes of all processors, which other programs disturb less
// than the time it takes.
func cpu(f figures) float64 { return f["horus_us"] + f["redis_us"] }

func warm(t trial) int {
	together := max(t.against.together, 1)
	return max(t.jobs/warmShare/together, 1) * together
}

// bar is a yardstick of a contest.
type bar struct {
	shape shape
	jobs  int
}

// bars are the yardsticks that trials need, each with as many jobs as the
// largest of its trials.
func bars(trials []trial) (all []bar) {
next:
	for _, t := range trials {
		for i := range all {
			if all[i].shape == t.against {
				all[i].jobs = max(all[i].jobs, t.jobs)
				continue next
			}
		}
		all = append(all, bar{t.against, t.jobs})
	}
	return all
}

func rowsOf(bars []bar, trials []trial, found [][]figures) []Row {
	rows := make([]Row, len(found))
	for i := range rows {
		rows[i].Figures = spreads(found[i])
		if i < len(bars) {
			rows[i].Name, rows[i].Yardstick = bars[i].shape.String(), true
		} else {
			rows[i].Name = trials[i-len(bars)].name
		}
	}
	return rows
}

func (b *bench) bare(ctx context.Context, y *yardstick, of bar) (figures, error) {
	if err := y.begin(ctx); err != nil {
		return nil, err
	}
	return b.redis.measure(ctx, of.jobs, func() error { return y.run(ctx, of.jobs, of.shape) })
}

func (b *bench) attempt(ctx context.Context, t trial) (figures, error) {
	run, err := t.ready(ctx, t.jobs)
	if err != nil {
		return nil, err
	}
	if t.meter == nil {
		return b.redis.measure(ctx, t.jobs, run)
	}
	before, err := t.meter(ctx)
	if err != nil {
		return nil, err
	}
	f, err := b.redis.measure(ctx, t.jobs, run)
	if err != nil {
		return nil, err
	}
	after, err := t.meter(ctx)
	for key := range after {
		f[key] = (after[key] - before[key]) / float64(t.jobs)
	}
	return f, err
}

// way is how callers submit.
type way struct {
	load

	name    string // said of it; what the yardstick says if empty
	callers int
	post    post
	until   job.Status
}

// trial makes a trial of a way.
func (s *system) trial(w way) trial {
	t := trial{name: w.name, jobs: w.jobs, against: shape{
		callers: w.callers, together: w.together, payload: w.payload, submitted: w.until == job.Waiting,
	}}
	if t.name == "" {
		t.name = callersOf(w.callers)
	}
	t.ready = func(ctx context.Context, n int) (func() error, error) {
		l := w.load
		l.jobs = n
		m, err := s.messages(l)
		return func() error { return s.submitAll(ctx, m, w.callers, w.post, w.until) }, err
	}
	return t
}

// gathering makes a trial of the client library, which signs with one key.
func (s *system) gathering(l load, callers int, key signing.PrivateKey) trial {
	return trial{
		name: "client library", jobs: l.jobs, against: shape{callers: callers},
		ready: func(ctx context.Context, n int) (func() error, error) {
			l := l
			l.jobs = n
			return func() error { return s.gather(ctx, key, l, callers) }, nil
		},
	}
}

func callersOf(n int) string {
	if n == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", n)
}

// sizeOf writes bytes as people say them.
func sizeOf(bytes int) string {
	const kilo = 1000
	if bytes >= kilo {
		return fmt.Sprintf("%d kB", bytes/kilo)
	}
	return fmt.Sprintf("%d B", bytes)
}
