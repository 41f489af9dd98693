package timers

import (
	"context"
	"slices"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// The kinds of timers that fire, besides those of the statuses scheduled and
// retrying.
const (
	Expired = "expired"
	Timeout = "timeout" // a runner did not end its attempt in time
	Stop    = "stop"    // a runner did not stop its attempt in time
)

// work is one decision about some jobs.
type work struct {
	t    *Timers
	jobs []job.ID

	// As Decide left it the last time.
	fired   []firing
	putOff  []firing
	through uint64
}

// firing is a timer that did something, or was put off.
type firing struct {
	id      job.ID
	kind    string
	attempt uint32
	wait    time.Duration
}

// fire asks all jobs to do what is due, and returns how many did, and the place
// behind which the views show it.
func (t *Timers) fire(ctx context.Context, jobs []job.ID) (fired int, through uint64, err error) {
	var works []*work
	var proposals []eventstore.Proposal
	for some := range slices.Chunk(jobs, together) {
		w := &work{t: t, jobs: some}
		works = append(works, w)
		proposals = append(proposals, t.cfg.Ledger.Propose(ctx, eventstore.Work{Aggregates: eventstore.Jobs(some...), Decide: w.decide}))
	}
	for i, p := range proposals {
		if failed := p.Wait(ctx); failed != nil {
			err = failed
			continue
		}
		w := works[i]
		t.settle(ctx, w)
		fired += len(w.fired)
		through = max(through, w.through)
	}
	return fired, through, err
}

// decide asks each job. It may be called again.
func (w *work) decide(tx *eventstore.Tx) error {
	w.fired, w.putOff = w.fired[:0], w.putOff[:0]
	for _, id := range w.jobs {
		before := tx.Job(id)
		f := firing{id: id, kind: kindOf(&before, tx.Now()), attempt: before.Attempt}
		if next := before.Next(before.Status); next.IsZero() || tx.Now() < next {
			continue // the views do not know yet
		}
		if f.wait = w.t.patience(&before); f.wait > 0 {
			w.putOff = append(w.putOff, f)
			continue
		}
		if _, err := tx.DecideJob(id, eventstore.By{Actor: actor(f.kind)}, job.Tick{At: tx.Now()}); err != nil {
			return err
		}
		w.fired = append(w.fired, f)
	}
	w.through = tx.Next() - 1
	return nil
}

// settle says what became of timers.
func (t *Timers) settle(ctx context.Context, w *work) {
	counts := map[string]int{}
	for _, f := range w.fired {
		counts[f.kind]++
		switch f.kind {
		case Timeout:
			t.cfg.Logger.WarnContext(ctx, "attempt lost: its timeout has passed, and its runner does not say how it ended", "job", f.id.String(), "attempt", f.attempt)
		case Stop:
			t.cfg.Logger.WarnContext(ctx, "attempt lost: it was to be stopped, and its runner does not say that it was", "job", f.id.String(), "attempt", f.attempt)
		}
	}
	for kind, n := range counts {
		t.cfg.Fired(kind, n)
	}
	for _, f := range w.putOff {
		t.putOff[f.id] = t.turned.Add(f.wait)
	}
}

// kindOf names what a tick is about.
func kindOf(s *job.State, now event.Time) string {
	switch {
	case s.Status == job.Running:
		return Timeout
	case s.Status == job.Ending:
		return Stop
	case !s.Expires.IsZero() && now > s.Expires:
		return Expired
	default:
		return s.Status.String()
	}
}

// actor says who settles what a runner left open.
func actor(kind string) event.Actor {
	if kind == Stop {
		return event.BySystem("stop")
	}
	return event.BySystem("timer")
}

// patience returns how long an attempt that is overdue by the clock has to be
// put off; 0 when it may be given up, or expires.
//
// Clocks say when an attempt began and when it is over: perhaps another leader's,
// perhaps one that was set in between. So it is given up only when this leader's
// clock went evenly for as long as the runner had. And runners must have been
// heard for a lease without a break: what they reported while nobody could read
// it comes first. So a clock, an outage or a new leader has an attempt given up
// later, never earlier. Likewise an attempt that nobody began in time expires only
// when runners have been heard for as long as they have to say that they did.
func (t *Timers) patience(s *job.State) time.Duration {
	var given time.Duration
	switch s.Status {
	case job.Waiting:
		return max(job.ExpirySlack-t.cfg.Heard(), 0)
	case job.Running:
		given = s.Timeout + job.TimeoutSlack
	case job.Ending:
		given = job.StopLimit
	default:
		return 0
	}
	return max(given-t.turned.Sub(t.even), t.cfg.Lease-t.cfg.Heard(), 0)
}
