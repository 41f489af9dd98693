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
)

// ledger knows what really happened, because it sees the log from inside the
// store, and what others were told. It checks what can be checked at once.
type ledger struct {
	world *World

	entries []history.Entry // all that the log holds
	jobs    map[job.ID]job.State
	told    map[string]promise // what clients were told of a job
	wants   map[string]*wants  // what they asked for
	taken   map[string]bool    // jobs that a lost tail took, and nobody submitted again
	rolled  int                // counts lost tails
	lost    time.Duration      // when keys, or a tail, were lost last
	runs    runs
	modes   map[string]mode // of queues and runners that are not open
	// processes are those of runners that joined and did not leave: alive, silent
	// or gone.
	processes map[string]string
	stops     map[job.ID]time.Duration // when it was recorded that a job is to be stopped
}

// promise is what a client was told of a job.
type promise struct {
	acknowledged bool
	rolled       int        // how many tails had been lost then
	outcome      job.Status // None before it was told one
}

// wants is what a client asked for besides a job's outcome, whether or not it
// was answered.
type wants struct {
	replays        int
	drops, deletes bool
}

func newLedger(w *World) *ledger {
	return &ledger{
		world: w, jobs: map[job.ID]job.State{}, told: map[string]promise{}, wants: map[string]*wants{}, taken: map[string]bool{},
		runs: newRuns(), modes: map[string]mode{}, processes: map[string]string{}, stops: map[job.ID]time.Duration{},
	}
}

// asked returns what a job's client asked for, to be added to.
func (l *ledger) asked(id string) *wants {
	if l.wants[id] == nil {
		l.wants[id] = &wants{}
	}
	return l.wants[id]
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
		l.setMode(e)
		l.crew(e)
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
	case job.AttemptFailed:
		what += " (" + string(data.Kind) + ", due " + data.Due.String() + ")"
	case job.Submitted:
		if !data.Due.IsZero() {
			what += " (due " + data.Due.String() + ")"
		}
	case runner.Silent:
		what += " (" + data.Process + ")"
	case runner.Gone:
		what += " (" + data.Process + ")"
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
		before := l.jobs[id]
		if err == nil {
			err = job.Legal(before, fact)
		}
		if err != nil {
			w.fail(e.Aggregate.ID, "%d: %v", e.Seq, err)
		}
		l.jobs[id] = job.Evolve(before, fact)
		l.count(&before, data)
		delete(l.taken, e.Aggregate.ID)
		l.stop(id, data)
	case runner.Reported:
		l.late(data)
	case runner.Silent:
		w.counts[Silent]++
	case runner.Gone:
		w.counts[Gone]++
	case loss.Lost:
		w.counts[DeclaredLoss]++
	}
}

// count counts what follows from faults and wishes.
func (l *ledger) count(before *job.State, data job.Event) {
	counts := l.world.counts
	switch e := data.(type) {
	case job.AttemptLost:
		counts[map[job.LossReason]Fault{
			job.LostLease: LostToLease, job.LostQueue: LostToQueue, job.LostTimeout: LostToTimeout, job.LostStop: LostToStop,
		}[e.Reason]]++
	case job.AttemptFailed:
		counts[map[job.FailureKind]Fault{job.FailedError: RetriedError, job.FailedTimeout: RetriedTimeout}[e.Kind]]++
	case job.Failed:
		switch e.Kind {
		case job.FailedLost:
			counts[ExhaustedTries]++
		case job.FailedExpired:
			counts[Expired]++
		case job.FailedError, job.FailedTimeout, job.FailedRejected:
		}
	case job.Stopped:
		counts[stopsDuring(before)]++
	case job.Queued:
		if !e.Grant.Checkpoint.IsZero() {
			counts[HandedOn]++
		}
		if before.Status == job.Planned {
			counts[Scheduled]++
		}
	case job.ReportRefused:
		counts[RefusedReport]++
	case job.Replayed:
		counts[Replayed]++
	case job.Dropped:
		counts[Dropped]++
	case job.Deleted:
		counts[Deleted]++
	case job.Submitted, job.Scheduled, job.Started, job.Checkpointed, job.Stopping, job.Completed:
	}
}

// stopsDuring says what a job did that was stopped.
func stopsDuring(s *job.State) Fault {
	switch {
	case s.Status == job.Created || s.Status == job.Planned || s.Status == job.Retrying:
		return StoppedAtOnce
	case s.Process == "":
		return StoppedWaiting
	default:
		return StoppedRunning
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
		case runner.Stopped:
			about = r.About
		case runner.Checkpoint:
			about = r.About
		case runner.Join, runner.Leave, runner.Log, runner.Progress, runner.Refused:
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
	clear(l.stops)
	l.runs.forget()
	clear(l.modes)
	clear(l.processes)
	for i := range l.entries {
		e := &l.entries[i]
		if data, ok := e.Data.(job.Event); ok {
			id, _ := job.ParseID(e.Aggregate.ID) // was read before
			l.jobs[id] = job.Evolve(l.jobs[id], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
		}
		l.setMode(e)
		l.crew(e)
	}
	for i := range gone {
		e := &gone[i]
		if e.Aggregate.Kind == event.Job {
			w.story.tell(e.Aggregate.ID, "store", "forgets %d: %s", e.Seq, e.Type)
		}
		if _, ok := e.Data.(job.Submitted); ok {
			l.taken[e.Aggregate.ID] = true
			if l.told[e.Aggregate.ID].acknowledged {
				l.takenByTail(e.Aggregate.ID)
			}
		}
	}
}

// acknowledged takes note that a client was told that its job is in the log.
func (l *ledger) acknowledged(id string) {
	p := l.told[id]
	p.acknowledged, p.rolled = !l.taken[id], l.rolled // a leader may not know yet that it was taken
	l.told[id] = p
	if l.taken[id] {
		l.takenByTail(id)
	}
	jobID, err := job.ParseID(id)
	if _, there := l.jobs[jobID]; err != nil || !there && !l.taken[id] {
		l.world.fail(id, "a submit was acknowledged that is not in the log")
	}
}

// takenByTail takes note that a lost tail took a job whose submit was
// acknowledged. What a replica has, none takes.
func (l *ledger) takenByTail(id string) {
	l.world.counts[TakenByTail]++
	if l.world.replicated {
		l.world.fail(id, "a job was acknowledged that the replica does not have")
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
	if p.rolled == l.rolled && !l.mayFollow(id, p.outcome, s) {
		l.world.fail(id, "the job's outcome was %s and is %s now", p.outcome, s)
	}
	p.outcome, p.rolled = s, rolled
	l.told[id] = p
}

// mayFollow reports whether a job that was said to have one outcome may have
// another one later: only because somebody asked for that.
func (l *ledger) mayFollow(id string, was, is job.Status) bool {
	w := l.asked(id)
	switch {
	case was == job.None || was == is:
		return true
	case is == job.Erased:
		return w.deletes
	case is == job.Shelved:
		return w.drops && (was == job.Broken || w.replays > 0)
	default:
		return was == job.Broken && w.replays > 0
	}
}

// stop takes note of stops. In calm weather, one of a job that nobody was given
// is settled soon.
func (l *ledger) stop(id job.ID, data job.Event) {
	w := l.world
	if _, asked := data.(job.Stopping); asked {
		l.stops[id] = w.now
		return
	}
	asked, known := l.stops[id]
	if _, stopped := data.(job.Stopped); !stopped || !known {
		return
	}
	delete(l.stops, id)
	of := l.jobs[id]
	if took := w.now - asked; asked > w.calmFrom(mends) && of.Queue == job.RunnerQueue(nobody) && took > settles {
		w.fail(id.String(), "a job that nobody was given was stopped %s after that was recorded", took)
	}
}

// settles is how long the stop of a job that nobody was given takes at most.
const settles = 600 * time.Millisecond
