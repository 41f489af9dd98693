package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/memqueue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// service is a runner that serves in goroutines of its own.
type service struct {
	*turns
	stop func()
	done chan error
}

// serve starts a runner and answers its join.
func (w *world) serve(c Config, h Handler) *service {
	w.t.Helper()
	r, err := New(c, h)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &service{turns: &turns{world: w, Runner: r}, stop: stop, done: make(chan error, 1)}
	go func() { s.done <- r.Run(ctx) }()
	synctest.Wait()
	if got := story(w.reports()); len(got) != 1 || got[0] != "join" {
		w.t.Fatalf("to join it reported %v", got)
	}
	w.welcome()
	synctest.Wait()
	return s
}

// end stops a service that has nothing left to do.
func (s *service) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		s.t.Errorf("run: %v", err)
	}
}

// left waits for the end of a service that did not do everything.
func (s *service) left(want Unfinished) {
	s.t.Helper()
	err := <-s.done
	got, ok := errors.AsType[*Unfinished](err)
	if !ok {
		s.t.Fatalf("run: %v", err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		s.t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestServe(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), echo)
		w.submit("j1", "one")
		synctest.Wait()
		s.expect("j1 completed: one") // no time has passed
		w.submit("j2", "two")
		time.Sleep(10 * time.Millisecond)
		s.expect("j2 completed: two")
		s.stop()
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
		s.expect("leave")
	})
}

// A runner of jobs that take no time had more to say than eight bundles hold,
// took no more until that was said, and then slept on for up to 50 ms with
// nothing to do, because only the end of an attempt woke it; and between two
// bundles it waited for more, although the next one was full. That halved what
// such runners did.
func TestMuchToSayKeepsNobodyWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.slots = 256
		s := w.serve(w.config(&logs{}), echo)
		const jobs = 1200
		for i := range jobs {
			w.submit(fmt.Sprint("j", i), "p")
		}
		time.Sleep(tickTime / 2)
		if done := len(w.reports()); done != jobs {
			t.Errorf("%d jobs of %d were reported in time", done, jobs)
		}
		s.end()
	})
}

// A runner of one slot waited two milliseconds between any two claims, so that
// more would come together, and had no room for more: it did 500 jobs a second.
func TestFewSlotsWaitForNoCompany(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.slots = 1
		s := w.serve(w.config(&logs{}), echo)
		const jobs = 100
		for i := range jobs {
			w.submit(fmt.Sprint("j", i), "p")
		}
		time.Sleep(10 * paceTime)
		if done := len(w.reports()); done != jobs {
			t.Errorf("%d jobs of %d were reported in time", done, jobs)
		}
		s.end()
	})
}

// counted is a wire whose claims are counted.
type counted struct {
	queue.Wire
	claims atomic.Int32
}

func (c *counted) Take(ctx context.Context, process string, queues []job.Queue, most int, wait time.Duration) ([]queue.Entry, error) {
	entries, err := c.Wire.Take(ctx, process, queues, most, wait)
	if len(entries) > 0 {
		c.claims.Add(1)
	}
	return entries, err
}

// Where many slots are busy and now and then one is free, each job would be a
// claim of its own without a distance between claims.
func TestManySlotsAreFilledInCompany(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.slots = 64
		c := w.config(&logs{})
		wire := &counted{Wire: c.Wire}
		c.Wire = wire
		s := w.serve(c, func(_ context.Context, j *Job) (string, error) {
			time.Sleep(5*time.Millisecond + time.Duration(len(j.Payload))*37*time.Microsecond)
			return "", nil
		})
		const jobs = 1000
		for i := range jobs {
			w.submit(fmt.Sprint("j", i), strings.Repeat("p", 1+i%100))
		}
		time.Sleep(time.Second)
		if done, claims := len(w.reports()), int(wire.claims.Load()); done != jobs || claims > jobs/10 {
			t.Errorf("%d jobs of %d were reported, in %d claims", done, jobs, claims)
		}
		s.end()
	})
}

func TestStopWaitsForRunningJobs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), func(ctx context.Context, _ *Job) (string, error) {
			select {
			case <-time.After(8 * time.Second):
				return "in time", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		w.submit("j1", "p")
		time.Sleep(100 * time.Millisecond)
		s.stop()
		time.Sleep(2 * time.Second)
		late := w.submit("j2", "p")
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
		s.expect("j1 started", "j1 completed: in time", "leave")
		if owner := w.wire.Owner(job.RunnerQueue(me), late); owner != "" {
			t.Error("it took a job while it stopped")
		}
	})
}

func TestStopEndsJobsAfterGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		var told error
		s := w.serve(w.config(&logs{}), longJob(&told))
		w.submit("j1", "p")
		time.Sleep(100 * time.Millisecond)
		start := time.Now()
		s.stop()
		s.left(Unfinished{Interrupted: []string{"j1"}})
		if took := time.Since(start); took < 10*time.Second || took > 13*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if !errors.Is(told, ErrStopping) {
			t.Errorf("the job was told %v", told)
		}
		s.expect("j1 started", "leave")
	})
}

// Who does not want to wait any more ends the grace.
func TestHurryEndsGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		var told error
		c := w.config(&logs{})
		hurry := make(chan struct{})
		c.Grace, c.Hurry = 30*time.Second, hurry
		s := w.serve(c, longJob(&told))
		w.submit("j1", "p")
		time.Sleep(100 * time.Millisecond)
		s.stop()
		time.Sleep(5 * time.Second)
		start := time.Now()
		close(hurry)
		s.left(Unfinished{Interrupted: []string{"j1"}})
		if took := time.Since(start); took > time.Second || !errors.Is(told, ErrStopping) {
			t.Errorf("it took %s, and the job was told %v", took, told)
		}
		s.expect("j1 started", "leave")
	})
}

func TestStopGivesUpOnHandlersThatGoOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		s := w.serve(w.config(&logs{}), func(context.Context, *Job) (string, error) { <-gate; return "", nil })
		w.submit("j1", "p")
		time.Sleep(100 * time.Millisecond)
		s.stop()
		s.left(Unfinished{Stuck: []string{"j1"}})
		s.expect("j1 started")
		close(gate)
	})
}

func TestOutageIsToldOnceAndSurvived(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		logs := &logs{}
		s := w.serve(w.config(logs), echo)
		var over atomic.Bool
		var calls atomic.Int32
		w.wire.OnCall(func(string) (bool, error) {
			if over.Load() {
				return true, nil
			}
			calls.Add(1)
			return false, errors.New("connection refused")
		})
		time.Sleep(30 * time.Second)
		if n := logs.count("connection refused"); n != 3 { // claiming, hearing and beating; nothing to renew or report
			t.Errorf("the outage was told %d times", n)
		}
		if n := calls.Load(); n > 60 {
			t.Errorf("%d calls in half a minute", n)
		}
		w.submit("j1", "p")
		over.Store(true)
		time.Sleep(6 * time.Second)
		s.expect("j1 completed: p")
		if n := logs.count("again"); n < 2 {
			t.Error("nobody says that it is over")
		}
		s.stop()
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestStopWithoutAWireSaysWhatIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), echo)
		w.wire.OnCall(func(string) (bool, error) { return false, errors.New("connection refused") })
		s.stop()
		s.left(Unfinished{Unsent: 1})
	})
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{Runner: "r1", Key: queuetest.Key(t, "runner"), Wire: memqueue.New()}
	if _, err := New(good, echo); err != nil {
		t.Fatalf("the smallest configuration: %v", err)
	}
	tests := []struct {
		name   string
		change func(*Config)
	}{
		{name: "no runner id", change: func(c *Config) { c.Runner = "" }},
		{name: "a runner id that is no name", change: func(c *Config) { c.Runner = "Runner 1" }},
		{name: "no key", change: func(c *Config) { c.Key = signing.PrivateKey{} }},
		{name: "no wire", change: func(c *Config) { c.Wire = nil }},
		{name: "a namespace that is no name", change: func(c *Config) { c.Namespace = "a:b" }},
		{name: "a kind twice", change: func(c *Config) { c.Kinds = []domain.Name{"sh", "sh"} }},
		{name: "a kind that is no name", change: func(c *Config) { c.Kinds = []domain.Name{""} }},
		{name: "too many kinds", change: func(c *Config) { c.Kinds = make([]domain.Name, 17) }},
		{name: "negative slots", change: func(c *Config) { c.Slots = -1 }},
		{name: "too many slots", change: func(c *Config) { c.Slots = 4097 }},
		{name: "a short lease", change: func(c *Config) { c.Lease = time.Second }},
		{name: "a long lease", change: func(c *Config) { c.Lease = time.Hour }},
		{name: "a negative grace", change: func(c *Config) { c.Grace = -1 }},
		{name: "a process that is no number", change: func(c *Config) { c.Process = "mine" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := good
			test.change(&c)
			if _, err := New(c, echo); domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "config" {
				t.Errorf("new: %v", err)
			}
		})
	}
}
