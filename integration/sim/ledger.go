package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// ledger knows what really happened, because it sees the log from inside the
// store, and what others were told. It checks what can be checked at once.
type ledger struct {
	world *World

	entries []history.Entry // all that the log holds
	jobs    map[job.ID]job.State
	told    map[string]promise // what clients were told of a job
	taken   map[string]bool    // jobs that a lost tail took, and nobody submitted again
	rolled  int                // counts lost tails
	lost    time.Duration      // when keys, or a tail, were lost last
	begun   map[string]start   // attempts whose handlers began, by their entries
	grants  map[attempt]string
}

// promise is what a client was told of a job.
type promise struct {
	acknowledged bool
	rolled       int        // how many tails had been lost then
	outcome      job.Status // None before it was told one
}

// start is the beginning of a handler.
type start struct {
	process string
	at      time.Duration
}

// attempt is one that a process was given.
type attempt struct {
	process string
	job     string
	number  int
}

func newLedger(w *World) *ledger {
	return &ledger{
		world: w, jobs: map[job.ID]job.State{}, told: map[string]promise{}, taken: map[string]bool{},
		begun: map[string]start{}, grants: map[attempt]string{},
	}
}

// seq is the place of the last event.
func (l *ledger) seq() uint64 { return uint64(len(l.entries)) }

// read reads a commit, and names the jobs that it is about. What cannot be read
// is left out.
func read(c eventstore.Batch) (entries []history.Entry, about string) {
	var ids []string
	for i, data := range c.Events {
		e, err := history.ParseEntry(c.First+uint64(i), data) //nolint:gosec // not negative
		if err != nil {
			continue
		}
		entries = append(entries, e)
		if e.Aggregate.Kind == event.Job && !slices.Contains(ids, e.Aggregate.ID) {
			ids = append(ids, e.Aggregate.ID)
		}
	}
	return entries, strings.Join(ids, " ")
}

// appended takes note of a commit.
func (l *ledger) appended(by string, term uint64, c eventstore.Batch, entries []history.Entry) {
	w := l.world
	w.noteBytes(c.Seal)
	if c.First != l.seq()+1 || len(entries) != len(c.Events) {
		w.fail("", "a commit from %d stands behind %d, or cannot be read", c.First, l.seq())
		return
	}
	for i := range entries {
		e := &entries[i]
		l.entries = append(l.entries, *e)
		about := ""
		if e.Aggregate.Kind == event.Job {
			about = e.Aggregate.ID
		}
		w.story.tell(about, by, "%d: %s, by %s %s (term %d)", e.Seq, told{e}, e.Actor, e.Cause, term)
		l.apply(e)
	}
}

// told is an event in words.
type told struct{ *history.Entry }

// String says what an event says, as far as the story needs it.
func (t told) String() string {
	what := t.Aggregate.String() + " " + t.Type
	switch data := t.Data.(type) {
	case job.AttemptLost:
		what += " (" + string(data.Reason) + ")"
	case job.Failed:
		what += " (" + string(data.Kind) + ")"
	}
	return what
}

// apply folds one event in and checks that it could happen.
func (l *ledger) apply(e *history.Entry) {
	w := l.world
	switch data := e.Data.(type) {
	case job.Event:
		id, err := job.ParseID(e.Aggregate.ID)
		fact := event.FactOf(e.Recorded, data, e.Seq, e.Hash)
		if err == nil {
			err = job.Legal(l.jobs[id], fact)
		}
		if err != nil {
			w.fail(e.Aggregate.ID, "%d: %v", e.Seq, err)
		}
		l.jobs[id] = job.Evolve(l.jobs[id], fact)
		l.count(data)
		delete(l.taken, e.Aggregate.ID)
	case runner.Reported:
		l.late(data)
	case loss.Lost:
		w.counts[DeclaredLoss]++
	}
}

func (l *ledger) count(data job.Event) {
	counts := l.world.counts
	switch e := data.(type) {
	case job.AttemptLost:
		if e.Reason == job.LostQueue {
			counts[LostToQueue]++
		} else {
			counts[LostToLease]++
		}
	case job.Failed:
		if e.Kind == job.FailedLost {
			counts[ExhaustedTries]++
		}
	case job.Submitted, job.Queued, job.Started, job.Completed:
	}
}

// late counts reports on attempts that were over.
func (l *ledger) late(data runner.Reported) {
	bundle, err := data.Bundle()
	if err != nil {
		return // the check of the whole history says so
	}
	for _, r := range bundle.Reports {
		var about runner.About
		switch r := r.(type) {
		case runner.Completed:
			about = r.About
		case runner.Failed:
			about = r.About
		case runner.Started:
			about = r.About
		case runner.Join, runner.Leave, runner.Log, runner.Refused:
			continue
		}
		if s := l.jobs[about.Job]; s.Token != about.Token || !s.Open() {
			l.world.counts[LateReport]++
			l.world.story.tell(about.Job.String(), string(bundle.Runner)+"/"+bundle.Process, "reports on an attempt that is over")
		}
	}
}

// rollback takes note that the log ends with a place again.
func (l *ledger) rollback(to uint64) {
	w := l.world
	gone := l.entries[to:]
	l.entries = l.entries[:to:to]
	l.rolled++
	l.lost = w.now
	l.jobs = map[job.ID]job.State{}
	for i := range l.entries {
		e := &l.entries[i]
		if data, ok := e.Data.(job.Event); ok {
			id, _ := job.ParseID(e.Aggregate.ID) // was read before
			l.jobs[id] = job.Evolve(l.jobs[id], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
		}
	}
	for i := range gone {
		e := &gone[i]
		if e.Aggregate.Kind == event.Job {
			w.story.tell(e.Aggregate.ID, "store", "forgets %d: %s", e.Seq, e.Type)
		}
		if _, ok := e.Data.(job.Submitted); ok {
			l.taken[e.Aggregate.ID] = true
			if l.told[e.Aggregate.ID].acknowledged {
				w.counts[TakenByTail]++
			}
		}
	}
}

// projected takes note of what was queued and of what was taken away.
func (l *ledger) projected(by string, tx *views.Tx) {
	for i := range tx.Queued {
		a := &tx.Queued[i]
		e, err := history.ParseEntry(a.Grant.Seq, a.Grant.Event)
		if err == nil {
			l.world.story.tell(e.Aggregate.ID, by, "puts entry %s into queue %s", a.ID, a.Queue)
		}
	}
}

// delivered takes note that a process was given an entry.
func (l *ledger) delivered(name, process string, e queue.Entry) {
	a, err := keys().ParseAssignment(e.ID, e.Fields)
	if err != nil {
		l.world.fail("", "entry %s of %s cannot be read: %v", e.ID, e.Queue, err)
		return
	}
	granting, err := history.ParseEntry(a.Grant.Seq, a.Grant.Event)
	if err != nil {
		l.world.fail("", "the grant in entry %s of %s cannot be read: %v", e.ID, e.Queue, err)
		return
	}
	number := 1
	if queued, ok := granting.Data.(job.Queued); ok {
		number = int(queued.Grant.Attempt)
	}
	l.grants[attempt{process, granting.Aggregate.ID, number}] = e.Queue.String() + " " + e.ID
	l.world.story.tell(granting.Aggregate.ID, "store", "gives entry %s of queue %s, attempt %d, to %s/%s", e.ID, e.Queue, number, name, process)
}

// started takes note that a handler began. No attempt begins twice, unless the
// store forgot that it was given out.
func (l *ledger) started(process, id string, number int) {
	w := l.world
	w.story.tell(id, process, "begins attempt %d", number)
	entry, ok := l.grants[attempt{process, id, number}]
	if !ok {
		w.fail(id, "%s began attempt %d, which it was not given", process, number)
		return
	}
	before, again := l.begun[entry]
	if again && (before.process == process || l.lost <= before.at) {
		w.fail(id, "%s began attempt %d, which %s began %s before", process, number, before.process, w.now-before.at)
	}
	l.begun[entry] = start{process, w.now}
}

// acknowledged takes note that a client was told that its job is in the log.
func (l *ledger) acknowledged(id string) {
	p := l.told[id]
	p.acknowledged, p.rolled = !l.taken[id], l.rolled // a leader may not know yet that it was taken
	l.told[id] = p
	if l.taken[id] {
		l.world.counts[TakenByTail]++
	}
	jobID, err := job.ParseID(id)
	if _, there := l.jobs[jobID]; err != nil || !there && !l.taken[id] {
		l.world.fail(id, "a submit was acknowledged that is not in the log")
	}
}

// unknown checks the answer that nobody submitted a job.
func (l *ledger) unknown(id string) {
	p := l.told[id]
	if p.acknowledged && p.rolled == l.rolled && !l.taken[id] {
		l.world.fail(id, "a job that was acknowledged is said to be unknown")
	}
}

// ended checks the outcome that a client was told, who asked when so many tails
// had been lost.
func (l *ledger) ended(id string, s job.Status, rolled int) {
	p := l.told[id]
	if p.outcome != job.None && p.outcome != s && p.rolled == l.rolled {
		l.world.fail(id, "the job's outcome was %s and is %s now", p.outcome, s)
	}
	p.outcome, p.rolled = s, rolled
	l.told[id] = p
}
