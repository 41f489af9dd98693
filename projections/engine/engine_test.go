package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/memviews"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/viewtest"
)

// inMemory returns a fixture in memory, and its stores to meddle with.
func inMemory() (*viewtest.Fixture, *memviews.Store, *memstore.Store) {
	m := viewtest.InMemory()
	return &m.Fixture, m.Store, m.History
}

var errLost = errors.New("the reply was lost")

// Whatever happens between folding and committing, and however commits are
// handed over, the views are those of the naive twin at every position, and
// every open attempt stands in its queue once.
func TestViewsEqualTheNaiveTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, store, _ := inMemory()
		p := historytest.Found("horus")
		l := viewtest.NewLeader(context.Background(), t, f, p)
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
		faults := 0
		store.OnCommit = func() (bool, error) {
			switch {
			case faults == 0 || draw(3) > 0:
				return true, nil
			case draw(2) == 0:
				faults--
				return true, errLost
			}
			faults--
			return false, errLost
		}
		l.Begin()
		for range rapid.IntRange(1, 25).Draw(t, "rounds") {
			for range 1 + draw(4) {
				l.Step(draw)
			}
			for _, c := range l.AppendNew() {
				if draw(4) > 0 { // else a gap: it is read from the log
					l.Engine.Offer(c)
				}
			}
			faults = draw(3)
			turn(t, l, draw)
			faults = 0
			l.CheckViews()
			if draw(4) == 0 {
				l.Crash()
				l.Begin()
				if why := l.Engine.Began(); why != "" {
					t.Fatalf("a crash made the views begin anew: %s", why)
				}
				l.CheckViews()
				l.CheckQueues()
			}
			if draw(6) == 0 {
				report, err := engine.Rebuild(context.Background(), l.Config(), nil)
				if err != nil || report.Difference != nil {
					t.Fatalf("rebuild: %v, %v", report.Difference, err)
				}
			}
		}
		l.Settle()
		l.CheckViews()
		if err := l.Engine.Inspect(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// turn lets the engine turn a few times, through lost replies.
func turn(t *rapid.T, l *viewtest.Leader, draw historytest.Draw) {
	for range draw(6) {
		if _, err := l.Engine.Turn(context.Background()); err != nil && !errors.Is(err, errLost) {
			t.Fatalf("turn: %v", err)
		}
	}
}

func TestOfferNeverBlocks(t *testing.T) {
	f, _, _ := inMemory()
	p := historytest.Found("horus")
	l := viewtest.NewLeader(t.Context(), t, f, p)
	l.Begin()
	for i := range 3000 { // more than it takes to memory
		p.Commit(func(tx *historytest.Tx) { tx.Submit(fmt.Sprintf("j%d", i), historytest.Job{Form: job.FormUnsigned}) })
	}
	for _, c := range l.AppendNew() {
		l.Engine.Offer(c)
	}
	if got, want := l.Engine.Lag(), uint64(3000); got != want {
		t.Errorf("lag %d, want %d", got, want)
	}
	select {
	case <-l.Engine.Wake():
	default:
		t.Error("nobody was woken")
	}
	l.Settle()
	if got := l.Engine.Passed(); got != p.Seq() {
		t.Errorf("passed %d, want %d", got, p.Seq())
	}
	l.CheckViews()
	l.CheckQueues()
	if busy, err := l.Engine.Turn(t.Context()); busy || err != nil {
		t.Errorf("an idle turn: %v, %v", busy, err)
	}
}

// Commits that wait take some room and no more, however far the views are
// behind. What found none is read from the log, in its place.
func TestWhatWaitsInMemoryIsBounded(t *testing.T) {
	f, _, _ := inMemory()
	p := historytest.Found("horus")
	l := viewtest.NewLeader(t.Context(), t, f, p)
	l.Begin()
	const each, n = 200 << 10, 400 // some 80 MB in all
	for i := range n {
		p.Commit(func(tx *historytest.Tx) {
			tx.Submit(fmt.Sprintf("j%d", i), historytest.Job{Form: job.FormUnsigned, Payload: strings.Repeat("x", each)})
		})
	}
	fresh := l.AppendNew()
	for _, c := range fresh {
		l.Engine.Offer(c)
	}
	if waiting := l.Engine.Waiting(); waiting > 32<<20 || waiting < each {
		t.Errorf("%d bytes wait in memory, want at most 32 MiB", waiting)
	}
	p.Commit(func(tx *historytest.Tx) { tx.Submit("late", historytest.Job{}) })
	l.Feed()
	if waiting := l.Engine.Waiting(); waiting >= each || l.Engine.Passed() != p.Seq() {
		t.Errorf("%d bytes wait, and the views have passed %d of %d", waiting, l.Engine.Passed(), p.Seq())
	}
}

func TestWatchersHearOfTheirJobAlone(t *testing.T) {
	f, _, _ := inMemory()
	p := historytest.Found("horus")
	l := viewtest.NewLeader(t.Context(), t, f, p)
	l.Begin()
	heard, stop := l.Engine.Watch(historytest.ID("j1"))
	other, stopOther := l.Engine.Watch(historytest.ID("j2"))
	defer stopOther()
	news := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	if !news(heard) || news(other) {
		t.Error("want news of j1 and none of j2")
	}
	if news(heard) {
		t.Error("the same news came twice")
	}
	stop()
	p.Commit(func(tx *historytest.Tx) { tx.Lose("j1", job.LostLease) })
	l.Feed()
	if news(heard) {
		t.Error("news for somebody who left")
	}
}

func TestWhatWasFoldedIsCounted(t *testing.T) {
	f, _, _ := inMemory()
	p := historytest.Found("horus")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("old", historytest.Job{}) })
	l := viewtest.NewLeader(t.Context(), t, f, p)
	var live, behind engine.Folded
	l.OnFolded = func(n engine.Folded) {
		into := &behind
		if n.Live {
			into = &live
		}
		into.Events += n.Events
		into.Submitted += n.Submitted
		into.Completed += n.Completed
		into.Failed, into.Lost, into.Through = n.Failed, n.Lost, n.Through
	}
	l.AppendNew()
	l.Take()
	if err := l.Engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if behind.Submitted != 1 || behind.Through != p.Seq() || live.Events != 0 {
		t.Errorf("behind the end %+v, live %+v", behind, live)
	}
	l.Reconcile()
	if live.Lost[job.LostQueue] != 1 || live.Submitted != 0 {
		t.Errorf("live %+v, want one lost attempt", live)
	}
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{Attempts: 1})
		tx.Lose("j1", job.LostLease)
	})
	l.Feed()
	if live.Failed[job.FailedLost] != 1 || live.Submitted != 1 || live.Completed != 0 {
		t.Errorf("live %+v, want one job that failed as lost", live)
	}
}

// A log whose seal is forged was folded up to the forgery, and no further.
func TestAForgedCommitIsNotFolded(t *testing.T) {
	f, _, log := inMemory()
	p := historytest.Found("horus")
	l := viewtest.NewLeader(t.Context(), t, f, p)
	l.Begin()
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	good := p.Seq()
	p.Supervisor = historytest.Key("somebody else")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
	l.AppendNew()
	err := l.Engine.CatchUp(t.Context())
	if seq, ok := history.IsFault(err); !ok || seq != good+1 {
		t.Errorf("caught up with %v, want a fault at %d", err, good+1)
	}
	if l.Engine.Passed() != good {
		t.Errorf("passed %d, want %d", l.Engine.Passed(), good)
	}
	if _, again := l.Engine.Turn(t.Context()); again == nil {
		t.Error("an engine behind a fault turns on")
	}
	log.Truncate(good + 1) // a commit that has no end
	l.Crash()
	l.Take()
	if err := l.Engine.CatchUp(t.Context()); err == nil {
		t.Error("a log that ends in an open commit was taken for whole")
	}
}

func TestInspectFindsWhoElseLeads(t *testing.T) {
	f, store, _ := inMemory()
	l := viewtest.NewLeader(t.Context(), t, f, historytest.Found("horus"))
	l.Begin()
	store.Fence(1 << 40)
	if err := l.Engine.Inspect(t.Context()); !errors.Is(err, engine.ErrFenced) {
		t.Errorf("inspect: %v, want that it is fenced", err)
	}
	if _, err := l.Engine.Reconcile(t.Context()); !errors.Is(err, engine.ErrFenced) {
		t.Errorf("reconcile: %v, want that it is fenced", err)
	}
}

func TestRebuildNeedsViews(t *testing.T) {
	f, _, _ := inMemory()
	l := viewtest.NewLeader(t.Context(), t, f, historytest.Found("horus"))
	if _, err := engine.Rebuild(t.Context(), l.Config(), nil); err == nil {
		t.Error("nothing was rebuilt, and nobody was told")
	}
	l.Begin()
	f.Lose("jobs")
	report, err := engine.Rebuild(t.Context(), l.Config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	look, err := f.Views.Look(t.Context(), views.Query{Count: true})
	if err != nil || look.Check() != nil {
		t.Errorf("behind the rebuild (%+v) the census is wrong: %+v, %v", report, look, err)
	}
}

// A runner that writes without end filled the views: of a job they keep some
// pieces, and the history the rest.
func TestOutputOfAJobIsBounded(t *testing.T) {
	f, _, _ := inMemory()
	p := historytest.Found("horus")
	l := viewtest.NewLeader(t.Context(), t, f, p)
	worker := p.NewProcess("r1")
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Report(worker, worker.Join())
	})
	l.Begin()
	l.Crash()
	w := f.Views.Writer(0)
	pos, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	look, err := f.Views.Look(t.Context(), views.Query{Fields: []views.Field{{Table: views.Jobs, Name: "j1"}}})
	if err != nil {
		t.Fatal(err)
	}
	record, err := jobs.ParseRecord(look.Values[0])
	if err != nil {
		t.Fatal(err)
	}
	record.Pieces, record.Lines = logs.MaxPieces-1, 1<<30
	tx := &views.Tx{Generation: pos.Live, Position: pos}
	tx.Put(views.Jobs, "j1", record.Append(nil))
	if _, err := w.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	l.Begin()
	for range 2 {
		p.Commit(func(tx *historytest.Tx) {
			tx.Report(worker, runner.Log{About: p.About("j1"), Lines: []runner.Line{{At: tx.Now, Stream: runner.Stdout, Text: "again"}}})
		})
		l.Feed()
	}
	if look, err = f.Views.Look(t.Context(), views.Query{Fields: []views.Field{{Table: views.Jobs, Name: "j1"}}, Count: true}); err != nil {
		t.Fatal(err)
	}
	if record, err = jobs.ParseRecord(look.Values[0]); err != nil || record.Pieces != logs.MaxPieces || record.Lines != 1<<30+1 || look.Fields[views.Logs] != 1 {
		t.Errorf("%d pieces, %d lines, %d kept, %v; want one more piece than there were", record.Pieces, record.Lines, look.Fields[views.Logs], err)
	}
}
