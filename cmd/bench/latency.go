package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/runnersdk"
)

// latencyRate is how many jobs a second come, which leaves the machine mostly
// idle.
const latencyRate = 200

// moments are when handlers started, by the ids of their jobs.
type moments struct{ at sync.Map }

func (m *moments) handle(_ context.Context, j *runnersdk.Job) (string, error) {
	m.at.Store(j.ID, time.Now())
	return "", nil
}

// times of one round, by what they are the times of.
type times struct {
	mu sync.Mutex

	ping, submit, start, outcome []time.Duration
}

func measureLatency(ctx context.Context, b *bench) ([]Row, error) {
	b.step("starting")
	started := &moments{}
	s, err := startSystem(ctx, b.redis, options{handler: started.handle})
	if err != nil {
		return nil, err
	}
	rounds := make([][]figures, 4)
	for round := range b.cfg.Rounds {
		b.step("round %d of %d", round+1, b.cfg.Rounds)
		t := &times{}
		if err := s.steady(ctx, b.jobsOf(1), started, t); err != nil {
			return nil, errors.Join(err, s.close())
		}
		ping := percentile(t.ping, 50)
		for i, all := range [][]time.Duration{t.ping, t.submit, t.start, t.outcome} {
			f := figures{"p50_ms": percentile(all, 50), "p99_ms": percentile(all, 99), "p999_ms": percentile(all, 99.9)}
			if i > 0 {
				f["ping_ratio"] = f["p50_ms"] / ping
			}
			rounds[i] = append(rounds[i], f)
		}
	}
	rows := make([]Row, len(rounds))
	for i, name := range []string{"PING", "submit is answered", "handler starts", "outcome can be read"} {
		rows[i] = Row{Name: name, Yardstick: i == 0, Figures: spreads(rounds[i])}
	}
	return rows, s.close()
}

// steady submits jobs at latencyRate, whether or not those before are done.
func (s *system) steady(ctx context.Context, jobs int, started *moments, t *times) error {
	pattern, err := s.texts(load{jobs: jobs})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	tick := time.NewTicker(time.Second / latencyRate)
	defer tick.Stop()
	for _, text := range pattern {
		<-tick.C
		group.Go(func() error { return s.follow(ctx, text, started, t) })
	}
	return group.Wait()
}

// follow submits a job and notes when something became of it, seen from the
// call.
func (s *system) follow(ctx context.Context, j named, started *moments, t *times) error {
	submit, err := call("jobs.submit", 1, wire.Submit{Job: j.text})
	if err != nil {
		return err
	}
	wait, err := call("job.wait", 2, wire.WaitFor{ID: j.id})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.redis.client.Ping(ctx).Err(); err != nil {
		return err
	}
	ping := time.Since(began)
	began = time.Now()
	answer, err := s.inProcess(ctx, submit)
	if err == nil {
		err = good(answer)
	}
	if err != nil {
		return err
	}
	submitted := time.Since(began)
	answer, err = s.inProcess(ctx, wait)
	outcome := time.Since(began)
	at, ran := started.at.LoadAndDelete(j.id)
	if err != nil || !ran || !bytes.Contains(answer, []byte(`"completed"`)) {
		return errors.Join(fmt.Errorf("wait for a job: %s", answer), err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ping, t.submit = append(t.ping, ping), append(t.submit, submitted)
	t.start, t.outcome = append(t.start, at.(time.Time).Sub(began)), append(t.outcome, outcome)
	return nil
}
