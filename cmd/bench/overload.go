package bench

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/herocode/horus/domain/job"
)

const (
	overloadTimes   = 10 // as much is asked for as can be done
	overloadTime    = time.Second
	overloadCallers = 256 // that find out what can be done
)

func measureOverload(ctx context.Context, b *bench) ([]Row, error) {
	b.step("starting")
	s, err := startSystem(ctx, b.redis, options{})
	if err != nil {
		return nil, err
	}
	var rounds []figures
	for round := range b.cfg.Rounds {
		b.step("round %d of %d", round+1, b.cfg.Rounds)
		f, err := s.overload(ctx, b.cfg.Jobs)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		rounds = append(rounds, f)
	}
	return []Row{{Name: "ten times the peak", Figures: spreads(rounds)}}, s.close()
}

// overload finds out what can be done, asks for much more, and measures what is
// done then.
func (s *system) overload(ctx context.Context, jobs int) (figures, error) {
	m, err := s.messages(load{jobs: jobs, signed: byEach})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.submitAll(ctx, m, overloadCallers, s.inProcess, job.Done); err != nil {
		return nil, err
	}
	peak := float64(jobs) / time.Since(began).Seconds()
	rate := peak * overloadTimes
	if m, err = s.messages(load{jobs: int(rate * overloadTime.Seconds()), signed: byEach}); err != nil {
		return nil, err
	}
	before, err := s.count(ctx, job.Done)
	if err != nil {
		return nil, err
	}
	began = time.Now()
	seen := s.flood(ctx, m, rate)
	offered := float64(m.jobs) / seen.took.Seconds()
	if seen.err != nil {
		return nil, seen.err
	}
	if err := s.await(ctx, job.Done, before+seen.taken); err != nil {
		return nil, err
	}
	f := figures{
		"goodput_share": float64(seen.taken) / time.Since(began).Seconds() / peak,
		"jobs_per_s":    float64(seen.taken) / time.Since(began).Seconds(), "offered_times": offered / peak,
	}
	if len(seen.refusals) > 0 {
		f["refused_p50_ms"] = percentile(seen.refusals, 50)
	}
	return f, nil
}

// crowd is what became of too many callers.
type crowd struct {
	mu sync.Mutex

	taken    int64
	refusals []time.Duration // how long those took
	err      error           // of the first that was neither
	took     time.Duration   // until all had come
}

// flood has callers come at a rate, whether or not those before them were
// answered, and returns when all were.
func (s *system) flood(ctx context.Context, m mail, rate float64) *crowd {
	c := &crowd{}
	var callers sync.WaitGroup
	began := time.Now()
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for sent := 0; sent < len(m.bodies); <-pace.C {
		due := min(int(rate*time.Since(began).Seconds()), len(m.bodies))
		for ; sent < due; sent++ {
			body := m.bodies[sent]
			callers.Go(func() {
				asked := time.Now()
				answer, err := s.inProcess(ctx, body)
				c.note(answer, err, time.Since(asked))
			})
		}
	}
	c.took = time.Since(began)
	callers.Wait()
	return c
}

func (c *crowd) note(answer []byte, err error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		err = good(answer)
	}
	switch {
	case err == nil:
		c.taken++
	case bytes.Contains(answer, []byte(`"code":-32010`)): // too much is asked for
		c.refusals = append(c.refusals, took)
	case c.err == nil:
		c.err = err
	}
}
