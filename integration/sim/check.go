package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/memviews"
	"github.com/herocode/horus/projections/views"
)

// state returns how a job is, according to the log.
func (l *ledger) state(id string) (job.State, bool) {
	parsed, err := job.ParseID(id)
	s, there := l.jobs[parsed]
	return s, there && err == nil
}

// check looks at everything when a run is over.
func (w *World) check() {
	w.checkHistory()
	w.checkPromises()
	if w.story.broken == "" {
		w.checkViews()
	}
	if w.story.broken == "" {
		w.checkQueues()
	}
	leading := 0
	for _, s := range w.supervisors {
		if s.leads() {
			leading++
		}
	}
	if leading != 1 {
		w.fail("", "%d supervisors lead when all is calm", leading)
	}
}

// checkHistory verifies the log from the founding on, as an auditor does.
func (w *World) checkHistory() {
	raws, _ := w.server.store.Read(context.Background(), 0, len(w.ledger.entries)+1) // has no error
	chain := history.NewChain(namespace, 0, w.hall.verifier)
	reader := history.NewReader(namespace, 0, 0)
	var asked history.Signatures
	for _, raw := range raws {
		commit, err := reader.Next(raw)
		if err == nil && commit != nil {
			var found history.Signatures
			found, err = chain.Examine(commit)
			asked.Append(found)
		}
		if err != nil {
			w.fail(w.jobAt(err), "the log is no history: %v", err)
			return
		}
	}
	if err := reader.End(); err != nil {
		w.fail("", "the log is no history: %v", err)
	}
	if err := asked.Verify(w.hall.verifier); err != nil {
		w.fail(w.jobAt(err), "the log is no history: %v", err)
	}
}

// jobAt returns the job that a fault is about, if it is about one.
func (w *World) jobAt(err error) string {
	seq, ok := history.IsFault(err)
	if !ok || seq < 1 || seq > w.ledger.seq() {
		return ""
	}
	if a := w.ledger.entries[seq-1].Aggregate; a.Kind == event.Job {
		return a.ID
	}
	return ""
}

// checkPromises compares what clients were told with the log.
func (w *World) checkPromises() {
	l := w.ledger
	for n := range errands {
		id := fmt.Sprintf("j%d", n)
		p := l.told[id]
		s, there := l.state(id)
		switch {
		case p.acknowledged && !there && !l.taken[id]:
			w.fail(id, "job %s was acknowledged and is not in the log", id)
		case p.rolled == l.rolled && !l.mayFollow(id, p.outcome, s.Status):
			w.fail(id, "a client was told that job %s has %s; it has %s", id, p.outcome, s.Status)
		}
	}
}

// checkViews compares the views with those that are built from the log alone.
func (w *World) checkViews() {
	ctx := context.Background()
	fresh := memviews.New(w.server.store)
	e, err := engine.Open(ctx, engine.Config{
		Namespace: namespace, Log: w.server.store, Views: fresh, Verifier: w.hall.verifier, Term: 1,
	})
	if err == nil {
		err = e.CatchUp(ctx)
	}
	if err != nil {
		w.fail("", "build the views from the log: %v", err)
		return
	}
	have, err1 := w.server.views.Look(ctx, views.Query{Count: true, Statements: true})
	want, err2 := fresh.Look(ctx, views.Query{Count: true, Statements: true})
	switch {
	case err1 != nil || err2 != nil:
		w.fail("", "look at the views: %v, %v", err1, err2)
	case have.Position.Seq != w.ledger.seq() || have.Position.Seal != want.Position.Seal:
		w.fail("", "the views have reached %d of %d", have.Position.Seq, w.ledger.seq())
	case have.Check() != nil:
		w.fail("", "there is not as much in the views as their census says: %v", have.Position.Census)
	case have.Position.Census.Fields != want.Position.Census.Fields:
		w.fail("", "the census is %v and must be %v", have.Position.Census, want.Position.Census)
	case fmt.Sprint(have.Statements) != fmt.Sprint(want.Statements):
		w.fail("", "the statements are not those of the log")
	default:
		w.compare(fresh, have.Position.Live, want.Position.Live)
	}
}

// compare compares two generations, byte for byte.
func (w *World) compare(fresh *memviews.Store, live, built uint64) {
	ctx := context.Background()
	for _, table := range views.Tables() {
		have, _, err1 := w.server.views.Page(ctx, live, table, 0)
		want, _, err2 := fresh.Page(ctx, built, table, 0)
		if err1 != nil || err2 != nil || len(have) != len(want) {
			w.fail("", "table %s has %d fields and must have %d (%v, %v)", table, len(have), len(want), err1, err2)
			return
		}
		for i := range want {
			if have[i].Name != want[i].Name || !bytes.Equal(have[i].Data, want[i].Data) {
				w.fail(w.jobOf(table, want[i].Name), "%s of table %s is %q and must be %q", want[i].Name, table, have[i].Data, want[i].Data)
				return
			}
		}
	}
	for _, status := range job.Statuses() {
		have, _, err1 := w.server.views.PageList(ctx, live, status, 0)
		want, _, err2 := fresh.PageList(ctx, built, status, 0)
		if err1 != nil || err2 != nil || !slices.Equal(have, want) {
			w.fail("", "the list of %s jobs is %v and must be %v (%v, %v)", status, have, want, err1, err2)
		}
	}
}

// jobOf returns the job that a field is about, if it is about one.
func (w *World) jobOf(t views.Table, name string) string {
	if t == views.Jobs || t == views.Open {
		return name
	}
	return ""
}

// checkQueues compares the queues with the open attempts.
func (w *World) checkQueues() {
	want := map[string]string{} // entry ids of open attempts, and their jobs
	for id, s := range w.ledger.jobs {
		if s.Open() {
			want[s.Queue.String()+" "+strconv.FormatUint(s.GrantSeq, 10)] = id.String()
		}
	}
	look, err := w.server.views.Look(context.Background(), views.Query{Whole: []views.Table{views.Queues}})
	if err != nil {
		w.fail("", "look at the views: %v", err)
		return
	}
	for _, q := range queuesOf() {
		if _, known := look.Whole[0][q.String()]; !known && w.ledger.rolled > 0 {
			continue // a lost tail alone spoke of it: what stands there goes when it is used again
		}
		for _, e := range w.server.views.Queued(q) {
			a, err := keys().ParseAssignment(e.ID, e.Fields)
			if err != nil {
				w.fail("", "entry %s of %s cannot be read: %v", e.ID, q, err)
				return
			}
			at := q.String() + " " + strconv.FormatUint(a.Grant.Seq, 10)
			if want[at] == "" {
				w.fail("", "entry %s of queue %s belongs to no open attempt", e.ID, q)
			}
			delete(want, at)
		}
	}
	for _, id := range slices.Sorted(maps.Values(want)) {
		w.fail(id, "the open attempt of job %s is in no queue", id)
	}
	if n := len(w.server.rest.inbox); n > 0 {
		w.fail("", "%d bundles lie in the inbox", n)
	}
}
