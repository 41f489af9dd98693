package runnersdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// Limits of what an attempt says.
const (
	maxLineBytes = 16<<10 + len("…")      // of a line; the rest is cut off. A piece of a longer one that sh cut, and its mark
	maxLogBytes  = 4 << 20                // of an attempt's log
	chunkBytes   = 32 << 10               // of one report: many jobs share a bundle
	chunkLines   = 256                    // the same, for short lines
	flushAfter   = 200 * time.Millisecond // a line waits at most
	startedAfter = time.Second            // a shorter job is one report
)

// attempt is one run of a handler, from its claim until its end is reported.
type attempt struct {
	queue   job.Queue
	id      queue.EntryID
	job     *Job
	last    []byte           // checkpoint of an attempt before; nil if there is none
	about   runner.About     // At is when it was claimed
	now     func() time.Time // nothing is paced by what it shows, which may be set
	outbox  *outbox
	program *slog.Logger

	renewed time.Time // the last instant at which the entry was ours; of the keeper
	ended   time.Time // when the keeper found that the handler's context had ended; of the keeper
	given   bool      // up: it is not renewed any more; of the keeper
	dropped bool      // from what is held; of the hands

	mu sync.Mutex

	stopped bool                    // by stop, or before it began
	lost    bool                    // stopped because it is not ours any more
	silent  bool                    // it ended, and how is not for this process to say
	done    <-chan struct{}         // of the handler's context; nil until it is called
	cancel  context.CancelCauseFunc // the same
	began   time.Time               // zero until then
	told    bool                    // that it started
	over    bool                    // the handler returned
	lines   []runner.Line
	since   time.Time // when the first of lines was written
	pending int       // encoded bytes of lines
	logged  int       // bytes of all lines so far
	news    news
}

// newAttempt makes an attempt of a good claim.
func (r *Runner) newAttempt(k *claim, about runner.About, claimed time.Time) *attempt {
	spec := &k.opened.Spec
	a := &attempt{
		queue: k.queue, id: k.id, last: k.checkpoint, about: about, renewed: claimed,
		outbox: r.outbox, now: r.config.Now, program: r.logger,
	}
	a.job = &Job{
		ID:        about.Job.String(),
		Attempt:   int(k.grant.Attempt),
		Payload:   spec.Payload,
		Executor:  string(spec.Executor),
		Env:       spec.Env,
		CallerID:  spec.CallerID,
		ContextID: spec.ContextID,
		Timeout:   cmp.Or(k.grant.Timeout, spec.Timeout),
		attempt:   a,
	}
	return a
}

// run runs the handler and hands over how it ended. It does not call it when
// the attempt was stopped before.
func (a *attempt) run(ctx context.Context, h Handler) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, stop := context.WithTimeout(ctx, a.job.Timeout)
	defer stop()
	if !a.begin(ctx.Done(), cancel) {
		return
	}
	var result string
	err := errors.New("the handler ended its goroutine") // unless it returns or panics
	defer func() {
		if p := recover(); p != nil {
			a.program.ErrorContext(ctx, "the handler panicked", "job", a.job.ID, "attempt", a.job.Attempt,
				"panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
		a.end(result, err, context.Cause(ctx))
	}()
	result, err = h(ctx, a.job)
}

// begin reports whether the handler is to be called. Of an attempt that was
// stopped before, nothing is said but what stop has said.
func (a *attempt) begin(done <-chan struct{}, cancel context.CancelCauseFunc) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.over:
		return false
	case a.stopped:
		a.over = true
		a.outbox.forget(a)
		return false
	}
	a.done, a.cancel, a.began = done, cancel, a.now()
	return true
}

// stop ends the handler's context, or keeps the handler from being called at
// all. It reports whether that was news.
func (a *attempt) stop(cause error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = a.lost || errors.Is(cause, ErrLost)
	if a.stopped || a.over {
		return false
	}
	a.stopped = true
	switch {
	case a.cancel != nil:
		a.cancel(cause)
	case errors.Is(cause, ErrStopped): // it need not wait for a slot to say so
		a.over = true
		a.outbox.add(runner.Stopped{About: a.aboutNow()}, a)
	}
	return true
}

// stopWaiting is stop for an attempt that did not begin.
func (a *attempt) stopWaiting() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = a.stopped || a.began.IsZero()
}

// end hands over the rest of the log, the last news, and the outcome.
func (a *attempt) end(result string, err, cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.flush()
	if !a.lost {
		a.flushCheckpoint(a.now())
		a.flushProgress(a.now())
	}
	if report := reportOf(a.aboutNow(), result, err, cause); report != nil {
		a.outbox.add(fit(report), a)
		return
	}
	a.silent = true
	a.outbox.forget(a)
}

// runs reports whether the handler was called and has not returned.
func (a *attempt) runs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.began.IsZero() && !a.over
}

// state says what became of an attempt whose handler was called.
func (a *attempt) state() (over, silent bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over, a.silent
}

// hangs reports whether the handler goes on although its context ended.
func (a *attempt) hangs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.done:
		return !a.over
	default: // never, when it was not called
		return false
	}
}

// aboutNow names the attempt in a report of this instant.
func (a *attempt) aboutNow() runner.About {
	return runner.About{Job: a.about.Job, Token: a.about.Token, At: stamp(a.now())}
}

// tick hands over what has waited for long enough: that the attempt started,
// and lines of its log.
func (a *attempt) tick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || a.began.IsZero() {
		return
	}
	now := a.now()
	old := len(a.lines) > 0 && now.Sub(a.since) >= flushAfter
	if old || now.Sub(a.began) >= startedAfter {
		a.tell()
	}
	if old {
		a.flush()
	}
	a.tellNews(now)
}

// tell reports once that the attempt started. a.mu is held.
func (a *attempt) tell() {
	if a.told {
		return
	}
	a.told = true
	about := a.about
	about.At = stamp(a.began)
	a.outbox.add(runner.Started{About: about}, nil)
}

// flush hands over the lines so far as one report. a.mu is held.
func (a *attempt) flush() {
	if len(a.lines) == 0 {
		return
	}
	a.outbox.add(runner.Log{About: a.aboutNow(), Lines: a.lines}, nil)
	a.lines, a.pending = nil, 0
}

// log adds the lines of a text.
func (a *attempt) log(stream Stream, text string) {
	if stream != runner.Stdout && stream != runner.Stderr {
		stream = runner.System
	}
	for line := range strings.Lines(cmp.Or(text, "\n")) {
		if !a.open() || !a.outbox.wait(a.done) || !a.addLine(stream, strings.TrimSuffix(line, "\n")) {
			return
		}
	}
}

// open reports whether the log still takes lines. When it does, done is set.
func (a *attempt) open() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.over && !a.began.IsZero() && a.logged <= maxLogBytes
}

// addLine adds a line; false means that there is no place for another.
func (a *attempt) addLine(stream Stream, text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	if cut := len(text) - maxLineBytes; cut > 0 {
		text = fmt.Sprintf("%s… [%d bytes cut]", text[:maxLineBytes], cut)
	}
	text = clean(text)
	if a.logged += len(text) + 1; a.logged > maxLogBytes {
		stream, text = runner.System, fmt.Sprintf("[... no more lines are kept: the log has %d MiB ...]", maxLogBytes>>20)
	}
	now := a.now()
	if len(a.lines) == 0 {
		a.since = now
		signal(a.outbox.wake) // the reporter may rest, and flushAfter begins
	}
	a.lines = append(a.lines, runner.Line{At: stamp(now), Stream: stream, Text: text})
	a.pending += encodedLen(text)
	if a.pending >= chunkBytes || len(a.lines) >= chunkLines {
		a.tell()
		a.flush()
	}
	return a.logged <= maxLogBytes
}
