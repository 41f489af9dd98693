package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
)

// Options say what is to be run.
type Options struct {
	Seed uint64
	Hall *Hall // of runs that do not overlap; required
	// Pass lets the time of package time, which nothing else moves, go on, and
	// returns when all that follows from that is done; required. It is
	// time.Sleep, and then synctest.Wait, in a bubble of testing/synctest.
	Pass  func(time.Duration)
	Break Break // nothing if zero
	Tell  bool  // the whole story, also when all is well
}

// Report is what became of a run.
type Report struct {
	Seed   uint64
	Broken string // what must hold and did not; empty if all is well
	Job    string // that it broke; empty if it is about none
	Story  string // of that job, in plain words; empty if all is well and nobody asked
	Trace  uint64 // hash of everything that happened, in order
	Took   time.Duration
	Events int // in the log
	Counts map[Fault]int
}

// Replay is the line that runs a seed again.
func (r *Report) Replay() string { return fmt.Sprintf("make sim SEED=%d", r.Seed) }

// How long a run is.
const (
	beginning = 20 * time.Second // until somebody leads, in calm weather
	trouble   = 8 * time.Second  // at most: faults happen
	mending   = 3 * time.Minute  // at most: until every job has ended when faults are over
	settling  = 3 * time.Second  // until what has ended is folded and drained
	errands   = 6                // jobs
)

// Run runs a seed.
func Run(o Options) Report {
	w := &World{options: o, random: rand.New(rand.NewPCG(o.Seed, o.Seed^0x9e3779b97f4a7c15)), counts: map[Fault]int{}} //nolint:gosec // it must repeat
	w.replicated = replicatedIn(o.Seed)
	w.story = &story{world: w}
	w.server = newServer(w)
	w.ledger = newLedger(w)
	w.hall = o.Hall
	w.play()
	for _, p := range w.processes {
		p.crash()
	}
	r := Report{
		Seed: o.Seed, Broken: w.story.broken, Job: w.story.hero, Trace: w.trace, Took: w.now,
		Events: len(w.ledger.entries), Counts: w.counts,
	}
	if r.Broken != "" || o.Tell {
		r.Story = w.story.text(r.Job)
	}
	return r
}

func (w *World) play() {
	names := []string{"s1", "s2", "s3"}
	for _, name := range names[:2+w.random.IntN(2)] {
		w.newSupervisor(name)
	}
	w.newRunner("r1a", "r1")
	w.newRunner("k1a", "k1", "sh")
	if w.chance(500) {
		w.newRunner("r1b", "r1")
	}
	if !w.begin() {
		w.fail("", "nobody leads after %s of calm", beginning)
		return
	}
	w.server.save()
	for _, s := range w.supervisors[1:] {
		s.start()
	}
	for _, r := range w.runners {
		r.start()
	}
	client := w.newProcess("client")
	client.alive = true
	var open []*errand
	for n := range errands {
		e := w.newErrand(client, n)
		open = append(open, e)
		w.after(w.between(0, trouble*2/3), func() { client.spawn(e.run) })
	}
	operator := &operator{process: w.newProcess("operator"), over: true}
	if operator.alive = true; w.chance(400) {
		operator.over = false
		operator.spawn(operator.run)
	}
	w.weather = w.storm()
	w.incidents()
	w.pass(w.between(trouble/3, trouble))
	w.story.tell("", "world", "is calm from here on")
	w.calm()
	if !w.until(mending, func() bool { return w.unended(open) == nil && operator.over && !w.stopped() }) {
		if e := w.unended(open); e != nil {
			s, _ := w.ledger.state(e.id)
			w.fail(e.id, "job %s is %s %s after all faults ended", e.id, s.Status, mending)
		}
		return
	}
	w.pass(settling)
	keeps := w.chance(50)
	if keeps {
		w.pass(vigil)
	}
	w.until(settling, w.still) // a program that starts again may just have said something
	w.check()
	w.checkCrew(keeps)
}

// still reports whether everything that was said was taken and folded.
func (w *World) still() bool {
	look, err := w.server.views.Look(context.Background(), views.Query{})
	return err == nil && look.Position.Seq == w.ledger.seq() && len(w.server.rest.inbox) == 0
}

// begin founds the namespace and admits all keys.
func (w *World) begin() bool {
	first := w.supervisors[0]
	first.start()
	if !w.until(beginning, first.leads) {
		return false
	}
	admitted := false
	first.spawn(func() {
		by := eventstore.By{Actor: event.BySystem("administrator")}
		err := first.member.Leader().Execute(context.Background(), eventstore.Work{Decide: func(tx *eventstore.Tx) error {
			for _, k := range admissions() {
				if _, err := tx.DecideAccess(by, access.Admit{Key: k, At: tx.Now()}); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			w.fail("", "admit keys: %v", err)
		}
		admitted = true
	})
	return w.until(beginning, func() bool { return admitted })
}

// stopped reports whether a process is stopped.
func (w *World) stopped() bool {
	return slices.ContainsFunc(w.processes, func(p *process) bool { return p.paused > w.now })
}

// unended returns a job that somebody can run and that has not ended, or that
// was never submitted for good; nil when there is none. What a tail took after
// its client had gone is nobody's any more.
func (w *World) unended(open []*errand) *errand {
	for _, e := range open {
		s, there := w.ledger.state(e.id)
		gone := e.over && w.ledger.taken[e.id] || e.refused
		if !there && !gone || there && e.ends && !s.Status.Terminal() {
			return e
		}
	}
	return nil
}
