package sim

import (
	"crypto/sha256"
	"time"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
)

// runs is what processes of runners were given, and what they made of it.
type runs struct {
	given map[attempt]given
	begun map[string]start         // attempts whose handlers began, by their entries
	gone  map[string]time.Duration // when entries were taken out of their queues
}

// attempt is one that a process was given.
type attempt struct {
	process string
	job     string
	number  int
}

// given is what a process was given an attempt with.
type given struct {
	entry      string
	queue      job.Queue
	id         queue.EntryID
	checkpoint signing.Hash // zero for none
}

// start is the beginning of a handler.
type start struct {
	process string
	at      time.Duration
}

func newRuns() runs {
	return runs{given: map[attempt]given{}, begun: map[string]start{}, gone: map[string]time.Duration{}}
}

// forget takes note that the store came back as it was before.
func (r *runs) forget() { clear(r.gone) }

// projected takes note of what was queued.
func (l *ledger) projected(by string, tx *views.Tx) {
	for i := range tx.Queued {
		a := &tx.Queued[i]
		e, err := history.ParseEntry(a.Grant.Seq, a.Grant.Event)
		if err == nil {
			l.world.story.tell(e.Aggregate.ID, by, "puts entry %s into queue %s", a.ID, a.Queue)
		}
	}
	l.knows(tx)
	for _, done := range tx.Done {
		for _, id := range done.IDs {
			l.runs.gone[done.Queue.String()+" "+id.String()] = l.world.now
		}
	}
}

// delivered takes note that a process was given an entry.
func (l *ledger) delivered(name, process string, e queue.Entry) {
	w := l.world
	a, err := keys().ParseAssignment(e.ID, e.Fields)
	if err != nil {
		w.fail("", "entry %s of %s cannot be read: %v", e.ID, e.Queue, err)
		return
	}
	granting, err := history.ParseEntry(a.Grant.Seq, a.Grant.Event)
	if err != nil {
		w.fail("", "the grant in entry %s of %s cannot be read: %v", e.ID, e.Queue, err)
		return
	}
	g, number := given{entry: e.Queue.String() + " " + e.ID, queue: e.Queue, id: a.ID}, 1
	if queued, ok := granting.Data.(job.Queued); ok {
		number, g.checkpoint = int(queued.Grant.Attempt), queued.Grant.Checkpoint
	}
	l.runs.given[attempt{process, granting.Aggregate.ID, number}] = g
	w.story.tell(granting.Aggregate.ID, "store", "gives entry %s of queue %s, attempt %d, to %s/%s", e.ID, e.Queue, number, name, process)
}

// started takes note that a handler began. No attempt begins twice, unless the
// store forgot that it was given out, none that was taken from its process begins
// long after, and each has the checkpoint that it was granted with.
func (l *ledger) started(p *process, name string, j *runnersdk.Job) {
	w, r := l.world, &l.runs
	w.story.tell(j.ID, name, "begins attempt %d", j.Attempt)
	g, ok := r.given[attempt{name, j.ID, j.Attempt}]
	if !ok {
		w.fail(j.ID, "%s began attempt %d, which it was not given", name, j.Attempt)
		return
	}
	before, again := r.begun[g.entry]
	if again && (before.process == name || l.lost <= before.at) {
		w.fail(j.ID, "%s began attempt %d, which %s began %s before", name, j.Attempt, before.process, w.now-before.at)
	}
	r.begun[g.entry] = start{name, w.now}
	l.wantKept(p, g, j, "begins")
	var have signing.Hash
	if data := j.LastCheckpoint(); data != nil {
		have = sha256.Sum256(data)
	}
	if have != g.checkpoint {
		w.fail(j.ID, "%s began attempt %d with checkpoint %s, and was granted it with %s", name, j.Attempt, have, g.checkpoint)
	}
}

// outlives is how long a process may go on with what was taken from it: it hears
// of that, or cannot renew it, within a lease and the calls that fail meanwhile.
const outlives = lease + 2*time.Second

// wantKept checks that an attempt that a handler works on was not taken from its
// process for long. A process that was stopped could not know.
func (l *ledger) wantKept(p *process, g given, j *runnersdk.Job, does string) {
	gone, ok := l.runs.gone[g.entry]
	if late := l.world.now - max(gone, p.paused); ok && late > outlives {
		l.world.fail(j.ID, "%s %s attempt %d, which was taken from it %s before", p.name, does, j.Attempt, late)
	}
}

// ended takes note that a handler returned whom nobody had told to.
func (l *ledger) returned(p *process, name string, j *runnersdk.Job) {
	l.wantKept(p, l.runs.given[attempt{name, j.ID, j.Attempt}], j, "ends")
}
