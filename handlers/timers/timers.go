// Package timers does what is due: it queues what was scheduled and what waited
// for its next attempt, ends what expired, and gives up attempts whose runners
// neither end nor stop them. The views say what is due, and the job decides;
// what they still show although it was decided already decides nothing.
//
// What waits costs nothing: between two timers the loop looks at no store, but
// once a minute. Timers follow the time of the history, which is the leader's
// clock. What became due while nobody led fires once, late; a clock that is set
// ahead fires what is due by then, and one that is set back delays: none loses
// or doubles anything. Of an attempt that runs, no clock alone says that it is
// over; see patience.
//
// A crash between deciding and the views leaves a timer that they still show:
// the next leader's views pass it before it asks for anything.
package timers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// Agenda knows when jobs are due.
type Agenda interface {
	// Due returns at most limit jobs that are due up to an instant, the first
	// one first, and when the next one behind them is: zero for never.
	Due(ctx context.Context, until event.Time, limit int) (jobs []job.ID, next event.Time, err error)
}

// Ledger is what timers ask of the leader.
type Ledger interface {
	Propose(ctx context.Context, w eventstore.Work) eventstore.Proposal
	Now() event.Time
}

const (
	// Every is how long an idle loop rests at most. What it does then costs
	// nothing, unless a timer is due.
	Every = time.Second
	// looks is how often the views are looked at although nothing is known to
	// be due.
	looks = time.Minute
	// batch is how many timers one look is about, beside those that were put
	// off.
	batch = 1000
	// together is how many of them one decision is about: at most two events
	// each, and so one commit.
	together = 100
	// least is how long an idle loop rests at least.
	least = time.Millisecond
)

// Config is what timers need; all fields are required.
type Config struct {
	Agenda Agenda
	Ledger Ledger
	Clock  func() time.Time
	// Heard returns for how long what runners report has been read without a
	// break.
	Heard func() time.Duration
	Lease time.Duration // of an attempt
	// Doubt is told of a job that the views show as due again and again, and
	// that has nothing to do.
	Doubt func(job.ID)
	// Fired is told how many timers of a kind did something.
	Fired  func(kind string, n int)
	Logger *slog.Logger
}

// Timers is the loop that does what is due. One goroutine calls Turn and Rest,
// and at the same time another one Folded.
type Timers struct {
	cfg  Config
	wake chan struct{}

	mu sync.Mutex

	next    event.Time // when something is due, as far as it is known; zero for never
	through uint64     // what was decided last
	passed  uint64     // what the views have reached

	// Owned by Turn.
	looked time.Time            // at the views
	vain   int                  // looks in succession at which nothing that was due had anything to do
	pause  time.Time            // nothing is looked at before
	even   time.Time            // since then the clock went evenly, under this leader
	turned time.Time            // the last time
	putOff map[job.ID]time.Time // attempts that nobody may give up before
}

// New returns timers that look at the views at once.
func New(cfg Config) *Timers {
	now := cfg.Clock()
	return &Timers{
		cfg: cfg, wake: make(chan struct{}, 1), looked: now.Add(-looks), even: now, turned: now,
		putOff: map[job.ID]time.Time{},
	}
}

// Wake receives when Turn may have something to do.
func (t *Timers) Wake() <-chan struct{} { return t.wake }

// Folded says that the views have passed a place, and the earliest time at which
// something is due that they did not know before; zero if there is none.
func (t *Timers) Folded(due event.Time, through uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	waited := t.passed < t.through
	t.passed = max(t.passed, through)
	if t.expect(due) || waited && t.passed >= t.through {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// expect takes note that something is due, and reports whether it is the first.
// The caller holds the lock.
func (t *Timers) expect(due event.Time) bool {
	if due.IsZero() || !t.next.IsZero() && t.next <= due {
		return false
	}
	t.next = due
	return true
}

// Rest returns how long an idle loop may rest, unless it is woken.
func (t *Timers) Rest() time.Duration {
	now, clock := t.cfg.Ledger.Now(), t.cfg.Clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.passed < t.through || t.next.IsZero() {
		return Every
	}
	return min(max(t.next.Sub(now), t.pause.Sub(clock), least), Every)
}

// Turn does what is due by now, or as much of it as goes into one look. An error
// leaves what was not done for the next Turn.
func (t *Timers) Turn(ctx context.Context) (busy bool, err error) {
	clock, now := t.cfg.Clock(), t.cfg.Ledger.Now()
	t.compare(clock)
	if !t.begin(clock, now) {
		return false, nil
	}
	jobs, next, err := t.cfg.Agenda.Due(ctx, now, batch+len(t.putOff))
	if err != nil {
		t.again(now, 0)
		return false, err
	}
	ready := t.ready(jobs, clock)
	fired, through, err := t.fire(ctx, ready)
	t.vain++
	switch {
	case fired > 0 || err != nil:
		t.vain = 0
		t.again(now, through) // there may be more, once the views have passed these
	case len(ready) > 0:
		t.again(now, through)
		if t.vain > 1 { // nor is it that the views are behind
			t.pause = clock.Add(Every)
			t.doubt(ready)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expect(next)
	for _, until := range t.putOff {
		t.expect(now.Add(until.Sub(clock)))
	}
	return false, err
}

// doubt tells of those that were asked and not put off.
func (t *Timers) doubt(asked []job.ID) {
	for _, id := range asked {
		if _, put := t.putOff[id]; !put {
			t.cfg.Doubt(id)
		}
	}
}

// compare finds clocks that were set ahead, and machines that slept: what was
// due in the time that was left out is late through no fault of its own.
func (t *Timers) compare(clock time.Time) {
	passed, shown := clock.Sub(t.turned), clock.Round(0).Sub(t.turned.Round(0))
	if shown-passed > Every {
		t.even = clock
	}
	t.turned = clock
}

// begin reports whether it is time to look at the views.
func (t *Timers) begin(clock time.Time, now event.Time) bool {
	if clock.Before(t.pause) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	due := !t.next.IsZero() && t.next <= now
	if t.passed < t.through || !due && clock.Sub(t.looked) < looks {
		return false
	}
	t.next, t.looked = 0, clock // what is folded from here on may be missing in the look
	return true
}

// again has the views looked at once they have passed a place.
func (t *Timers) again(now event.Time, through uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expect(now)
	t.through = max(t.through, through)
}

// ready returns the jobs that were not put off, and forgets those that are due
// no more.
func (t *Timers) ready(jobs []job.ID, clock time.Time) []job.ID {
	left := make(map[job.ID]time.Time, len(t.putOff))
	ready := make([]job.ID, 0, len(jobs))
	for _, id := range jobs {
		until, put := t.putOff[id]
		if put && clock.Before(until) {
			left[id] = until
			continue
		}
		ready = append(ready, id)
	}
	t.putOff = left
	return ready
}
