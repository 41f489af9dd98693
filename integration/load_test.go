package integration

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/herocode/horus/rpcapi/client"
)

// load is callers who submit jobs, each of them one after the other: a job is
// submitted under its own id until it is acknowledged, and waited for until it
// ended. However bad the times are, there is always somebody who asks.
type load struct {
	w       *world
	job     client.Job
	ctx     context.Context
	stop    context.CancelFunc // no more jobs
	callers sync.WaitGroup

	mu sync.Mutex

	acked []ack
	jobs  map[string]client.Job // by id
}

// loadTime is how long a whole test's load may go on.
const loadTime = 4 * time.Minute

// begin starts callers. Their load ends with [load.end].
func (w *world) begin(callers int, job client.Job) *load {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), loadTime)
	w.t.Cleanup(cancel)
	l := &load{w: w, job: job, ctx: ctx, jobs: map[string]client.Job{}}
	more, stop := context.WithCancel(ctx)
	l.stop = stop
	for range callers {
		l.callers.Go(func() {
			for going := true; going && more.Err() == nil; {
				going = l.one()
			}
		})
	}
	return l
}

// one submits a job and waits for its end. It reports whether that went well.
func (l *load) one() bool {
	id := uuid.NewString()
	job := l.job.ID(id)
	receipt, err := l.w.Submit(l.ctx, job)
	if err != nil {
		l.w.t.Errorf("submit job %s: %v", id, err)
		return false
	}
	l.mu.Lock()
	l.acked = append(l.acked, ack{receipt, time.Now(), nil})
	l.jobs[id] = job
	l.mu.Unlock()
	if _, err := l.w.Wait(l.ctx, id); err != nil {
		l.w.t.Errorf("wait for job %s, which was acknowledged: %v", id, err)
		return false
	}
	return true
}

// count returns how many jobs were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// goOn returns when as many jobs again were acknowledged as fill every caller's
// hands a few times: all is well.
func (l *load) goOn() {
	l.w.t.Helper()
	const more = 50
	begun := l.count()
	eventually(l.w.t, patience, func(context.Context) error {
		if n := l.count() - begun; n < more {
			return fmt.Errorf("%d jobs were acknowledged, want %d", n, more)
		}
		return nil
	})
}

// end lets the callers finish what they began, and returns what was
// acknowledged.
func (l *load) end() []ack {
	l.w.t.Helper()
	l.stop()
	l.callers.Wait()
	if l.w.t.Failed() {
		l.w.t.FailNow()
	}
	return l.acked
}

// wantPromises checks everything that is promised whatever happens: what was
// acknowledged is there and ended once, no attempt ran that nobody granted, who
// asks the same again gets the same answer, the history verifies, and the read
// models are what follows from it.
func (l *load) wantPromises() {
	l.w.t.Helper()
	w, acked := l.w, l.end()
	w.t.Logf("%d jobs were acknowledged", len(acked))
	times := w.timesRun()
	for i, a := range acked {
		attempts := 0
		for _, e := range w.wantOneOutcome(a.ID) {
			if e.Type == "job.submitted" || e.Type == "job.queued" {
				attempts++
			}
		}
		if n := times[a.ID]; n < 1 || n > attempts {
			w.t.Errorf("job %s ran %d times to its end in %d attempts", a.ID, n, attempts)
		}
		if i >= sameAgain {
			continue
		}
		receipt, err := w.Submit(w.ctx(), l.jobs[a.ID])
		if err != nil || !receipt.Duplicate || receipt.ID != a.ID {
			w.t.Errorf("job %s again: got %+v, %v; want the answer of the first time", a.ID, receipt, err)
		}
	}
	for id := range times {
		if _, ok := l.jobs[id]; !ok {
			w.t.Errorf("job %s ran, and its caller was never answered", id)
		}
	}
	w.wantTrue()
}

// sameAgain is how many jobs are submitted a second time at the end.
const sameAgain = 10
