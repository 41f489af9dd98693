package runnersdk

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	waitTime   = 500 * time.Millisecond // of one blocking read: so long a stop goes unnoticed
	idleTime   = time.Second            // of a loop that is woken
	paceTime   = 2 * time.Millisecond   // turns that find something keep this distance, so that batches form
	tickTime   = 50 * time.Millisecond  // how exactly flushAfter is kept
	hearTime   = 100 * time.Millisecond // between two looks for notices of a runner that stops
	stopTime   = 10 * time.Second       // a handler has to return when its context ended
	leaveTime  = 5 * time.Second        // to say the last words
	firstDelay = 100 * time.Millisecond
	lastDelay  = 2 * time.Second
	remindTime = time.Minute
)

// Serve runs a runner until ctx ends, and then stops it: see [Runner.Run].
func Serve(ctx context.Context, c Config, h Handler) error {
	r, err := New(c, h)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// Run joins, and takes and runs jobs until ctx ends. Then it takes no more, and
// waits for running jobs for Grace, or until Hurry is closed. Then it ends the
// contexts of those that are left, sends what there is to say, and takes leave.
// Their entries stay, and are given to others when their leases are over.
//
// It goes on through outages and says so in the log. Its error is nil after a
// stop, and when its id was drained and it has finished what it held; an
// [*Unfinished] when a stop left something undone; [domain.Forbidden] when the
// founding is not the trusted one (reason trust), or when its key was revoked or
// has ended (key_revoked, key_ended).
//
// When the supervisor says that it does not know the process, because the
// history lost its end, running jobs are stopped and it begins anew as another
// process: nothing that it could report would count.
func (r *Runner) Run(ctx context.Context) error {
	err := r.live(ctx)
	for errors.Is(err, ErrForgotten) && ctx.Err() == nil {
		if r, err = r.Again(""); err == nil {
			err = r.live(ctx)
		}
	}
	if errors.Is(err, ErrDrained) {
		return nil
	}
	return err
}

// Again returns a runner that begins anew as another process, of a random name
// if it is empty, and trusts the founding that this one met. This one must do
// nothing any more.
func (r *Runner) Again(process string) (*Runner, error) {
	again := r.config
	again.Process, again.Trust = process, r.trust.fingerprint()
	anew, err := New(again, r.handler)
	if seen := r.trust.evidence(); err == nil && seen != nil {
		anew.trust.saw(seen) // and says so when it joins
	}
	return anew, err
}

// ErrForgotten ends a process that the history does not know, because it lost
// its end: nothing that the process could report would count. [Runner.Run]
// begins anew, whoever calls [Runner.Turn] does so with [Runner.Again].
var ErrForgotten = errors.New("the history does not know this process")

// live is the life of one process.
func (r *Runner) live(ctx context.Context) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	base, end := context.WithCancel(context.WithoutCancel(ctx)) // until everything is said
	defer end()
	var taking, others sync.WaitGroup
	taking.Go(func() {
		_ = r.run(ctx, loop{what: "claim jobs", turn: waiting(r.take, waitTime), idle: r.restTaking, gathered: r.roomForMore})
	})
	others.Go(func() {
		abort(r.run(base, loop{what: "hear the supervisor", turn: r.hearing, idle: r.restHearing}))
	})
	others.Go(func() { _ = r.run(base, loop{what: "renew leases", turn: r.keep, idle: r.restKeeping, urgent: true}) })
	others.Go(func() {
		laden := func() <-chan struct{} { return r.outbox.laden }
		_ = r.run(base, loop{what: "send reports", turn: r.report, idle: r.restReporting, gathered: laden})
	})
	others.Go(func() { _ = r.run(base, loop{what: "show that it lives", turn: r.beat, idle: r.restBeating}) })

	<-ctx.Done()
	r.stopping.Store(true)
	taking.Wait()
	err := r.drain(base)
	end()
	others.Wait()
	if fatal, ok := errors.AsType[fatalError](context.Cause(ctx)); ok {
		return fatal.error
	}
	return err
}

// rest is how long a loop waits after a turn that found nothing to do.
type rest struct {
	wake <-chan struct{} // something happened; nil never
	time time.Duration
}

func noRest() rest { return rest{} } // its turns wait themselves

// hearing is listen, which waits for notices unless the runner is about to end.
func (r *Runner) hearing(ctx context.Context) (n int, err error) {
	if r.stopping.Load() {
		return r.listen(ctx, 0)
	}
	return r.listen(ctx, waitTime)
}

func (r *Runner) restHearing() rest {
	if r.stopping.Load() {
		return rest{nil, hearTime}
	}
	return noRest()
}

func (r *Runner) restTaking() rest {
	full, landed := r.outbox.full()
	switch {
	case full:
		return rest{landed, tickTime}
	case r.ready(r.hands.free()) && len(r.modes.open()) > 0:
		return noRest()
	}
	return rest{r.hands.freed, idleTime}
}

// roomForMore receives when enough slots are free for the next claim, if the last
// one left something behind.
func (r *Runner) roomForMore() <-chan struct{} {
	if r.filled {
		return r.hands.roomy
	}
	return nil
}

func (r *Runner) restKeeping() rest { return rest{r.modes.shorter, r.nextKeep().Sub(r.config.Now())} }

func (r *Runner) restReporting() rest {
	if r.hands.idle() {
		return rest{r.outbox.wake, idleTime}
	}
	return rest{r.outbox.wake, tickTime}
}

// turn is one round of a loop's work; it returns how much there was to do.
type turn func(context.Context) (n int, err error)

// waiting is a turn that waits so long for something to come.
func waiting(turn func(context.Context, time.Duration) (int, error), wait time.Duration) turn {
	return func(ctx context.Context) (int, error) { return turn(ctx, wait) }
}

// loop is a turn that is taken again and again.
type loop struct {
	what     string // it does, in an error's words
	turn     turn
	idle     func() rest
	gathered func() <-chan struct{} // receives when enough came together for the next turn; nil never
	urgent   bool                   // errors do not make it wait longer than idle says
}

// run takes turns until ctx ends or a turn's error is fatal, which it returns.
// One that found something sooner than paceTime after the last that did waits for
// the rest of it, or until enough came together, so that batches form: a job that
// comes alone is never kept waiting, and those of a caller who submits one after
// the other share commits, transactions and signatures from here on.
func (r *Runner) run(ctx context.Context, l loop) error {
	outage := outage{what: l.what, logger: r.logger, now: r.config.Now}
	var found time.Time
	for ctx.Err() == nil {
		n, err := l.turn(ctx)
		if _, fatal := errors.AsType[fatalError](err); fatal || ctx.Err() != nil {
			return err
		}
		if err != nil {
			pause := rest{nil, outage.failed(ctx, err)}
			if l.urgent {
				pause = l.idle()
			}
			sleep(ctx, pause)
			continue
		}
		outage.over(ctx)
		if n == 0 {
			sleep(ctx, l.idle())
			continue
		}
		pace := rest{nil, paceTime - r.config.Now().Sub(found)}
		if l.gathered != nil {
			pace.wake = l.gathered()
		}
		sleep(ctx, pace)
		found = r.config.Now()
	}
	return nil
}

func sleep(ctx context.Context, r rest) {
	if r.time <= 0 {
		return
	}
	timer := time.NewTimer(r.time)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-timer.C:
	}
}

// outage makes one line in the log of many errors in a row.
type outage struct {
	what   string
	logger *slog.Logger
	now    func() time.Time
	since  time.Time // zero while all is well
	told   time.Time
	delay  time.Duration
}

// failed returns how long to wait before the next try.
func (o *outage) failed(ctx context.Context, err error) time.Duration {
	now := o.now()
	if o.since.IsZero() {
		o.since = now
	}
	if o.told.IsZero() || now.Sub(o.told) >= remindTime {
		o.told = now
		o.logger.WarnContext(ctx, "cannot "+o.what+": trying again until it works", "error", err)
	}
	o.delay = min(max(2*o.delay, firstDelay), lastDelay)
	return o.delay
}

func (o *outage) over(ctx context.Context) {
	if o.since.IsZero() {
		return
	}
	o.logger.InfoContext(ctx, "can "+o.what+" again", "after", o.now().Sub(o.since).Round(time.Millisecond))
	o.since, o.told, o.delay = time.Time{}, time.Time{}, 0
}

// drain ends what runs and says what is left to say.
func (r *Runner) drain(ctx context.Context) error {
	for _, a := range r.hands.all() {
		a.stopWaiting()
	}
	if running := r.hands.names(); len(running) > 0 {
		r.logger.InfoContext(ctx, "takes no more, and ends when its jobs do",
			"running", len(running), "jobs", some(running), "at_most", r.config.Grace)
	}
	var left Unfinished
	var ended []*attempt
	r.await(ctx, r.config.Grace, func() bool { return r.hands.idle() || r.hurried() })
	for _, a := range r.hands.all() {
		if a.stop(ErrStopping) {
			r.logger.WarnContext(ctx, "interrupted an attempt: the runner stops", "job", a.job.ID, "attempt", a.job.Attempt)
			ended = append(ended, a)
		}
	}
	if r.await(ctx, stopTime, r.hands.idle) {
		r.handlers.Wait()
	}
	for _, a := range ended {
		if over, silent := a.state(); over && silent {
			left.Interrupted = append(left.Interrupted, a.job.ID)
		}
	}
	for _, a := range r.hands.all() {
		if a.hangs() {
			left.Stuck = append(left.Stuck, a.job.ID)
		}
	}
	if !r.joined.Load() {
		return left.errOrNil()
	}
	if len(left.Stuck) == 0 {
		r.leave()
	}
	if !r.await(ctx, leaveTime, r.outbox.empty) {
		left.Unsent = r.outbox.size()
	}
	return left.errOrNil()
}

// hurried reports whether nobody wants to wait any more.
func (r *Runner) hurried() bool {
	select {
	case <-r.config.Hurry:
		return true
	default: // nil never comes
		return false
	}
}

// await waits until done, at most so long, and reports whether it was.
func (r *Runner) await(ctx context.Context, most time.Duration, done func() bool) bool {
	end := r.config.Now().Add(most)
	for !done() {
		left := end.Sub(r.config.Now())
		if left <= 0 {
			return false
		}
		sleep(ctx, rest{r.hands.freed, min(left, tickTime)})
	}
	return true
}
