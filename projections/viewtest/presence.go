package viewtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
)

// words returns what runners read of the modes.
func (l *Leader) words() map[string]string {
	l.t.Helper()
	look, err := l.Views.Look(l.ctx, views.Query{Modes: true})
	if err != nil {
		l.t.Fatal(err)
	}
	return look.Modes
}

// Whoever deletes or edits what runners read of the modes has it put right with
// the next look, by the same leader.
func runnersAreToldOfModes(t *testing.T, l *Leader) {
	l.Begin()
	w := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(w, w.Join()) })
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Order(job.ExecutorQueue("sh"), line.Drain{})
		tx.OrderRunner("r1", runner.Drain{})
		tx.OrderRunner("r1", runner.Pause{})
	})
	l.Feed()
	want := map[string]string{"queue:executor:sh": "drained", "runner:r1": "paused"}
	expect := func(when string) {
		t.Helper()
		if diff := cmp.Diff(want, l.words()); diff != "" {
			t.Errorf("%s: words (-want +got):\n%s", when, diff)
		}
		l.CheckViews()
	}
	expect("at once")
	for _, what := range []string{"words", "edit:words"} {
		l.Lose(what)
		if err := l.Engine.Inspect(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		expect(what)
		l.Lose(what)
		l.Crash()
		l.Begin()
		expect(what + ", and a restart")
	}
	l.Lose("modes") // what they are made from: all is built again
	if err := l.Engine.Inspect(t.Context()); err == nil {
		t.Error("the modes were deleted and nobody noticed")
	}
	l.Crash()
	l.Begin()
	expect("modes")
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Order(job.ExecutorQueue("sh"), line.Resume{})
		tx.OrderRunner("r1", runner.Resume{})
	})
	l.Feed()
	want = map[string]string{}
	expect("resumed")
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

// A runner whose own lease is longer than the leader's would lose jobs that run
// well, so each leader tells them his, and again when somebody took it away.
func runnersAreToldOfTheLease(t *testing.T, l *Leader) {
	expect := func(when, lease string) {
		t.Helper()
		if diff := cmp.Diff(map[string]string{"lease": lease}, l.words()); diff != "" {
			t.Errorf("%s: words (-want +got):\n%s", when, diff)
		}
	}
	l.Lease = 3 * time.Second
	l.Begin()
	expect("when the term began", "3000")
	for _, what := range []string{"words", "edit:words"} {
		l.Lose(what)
		if err := l.Engine.Inspect(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		expect(what, "3000")
	}
	l.Crash()
	l.Lease = 9 * time.Second
	l.Begin()
	expect("under another leader", "9000")
}

// When views are built again, a drain of long ago must end nobody: what runners
// read changes only at the end of the log.
func oldModesAreToldToNobody(t *testing.T, l *Leader) {
	w := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(w, w.Join()) })
	l.History.Commit(func(tx *historytest.Tx) { tx.OrderRunner("r1", runner.Drain{}) })
	l.AppendNew()
	l.Take()
	if err := l.Engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.words(); len(got) > 0 {
		t.Errorf("behind the end of the log runners were told %v", got)
	}
	l.Reconcile()
	if diff := cmp.Diff(map[string]string{"runner:r1": "drained"}, l.words()); diff != "" {
		t.Errorf("words at the end (-want +got):\n%s", diff)
	}
	l.CheckViews()
}

func aRunnerRemembersWhoWasGoneLast(t *testing.T, l *Leader) {
	l.Begin()
	const more = 3
	var all []*historytest.Process
	for range runners.MaxGone + more {
		w := l.History.NewProcess("r1")
		all = append(all, w)
		l.History.Commit(func(tx *historytest.Tx) { tx.Report(w, w.Join()) })
	}
	for i, w := range all {
		l.History.Commit(func(tx *historytest.Tx) { tx.GiveUp(w) })
		if i%5 == 0 {
			l.Feed()
			l.CheckViews()
		}
	}
	l.Feed()
	l.CheckViews()
	reader := &runners.Reader{Views: l.Views}
	one, err := reader.Get(t.Context(), "r1")
	if err != nil || len(one.Processes) != runners.MaxGone || one.There() != 0 {
		t.Fatalf("%d processes, %v; want the last %d", len(one.Processes), err, runners.MaxGone)
	}
	l.History.Commit(func(tx *historytest.Tx) {
		tx.HearAgain(all[0])
		tx.HearAgain(all[more])
	})
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(all[more+1], runner.Leave{}) })
	l.Feed()
	l.CheckViews()
	if one, err = reader.Get(t.Context(), "r1"); err != nil || len(one.Processes) != runners.MaxGone-1 || one.There() != 1 {
		t.Errorf("%d processes, %d there, %v; want one less, and one that came back", len(one.Processes), one.There(), err)
	}
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

func queueOf(e *history.Entry) job.Queue {
	q, err := job.ParseQueue(e.Aggregate.ID)
	if err != nil {
		panic(err)
	}
	return q
}

func (w *twin) seeRunner(e *history.Entry, data runner.Event) {
	id := domain.Name(e.Aggregate.ID)
	if w.runners[id] == nil {
		w.runners[id] = &runners.Record{}
	}
	fact, _ := history.FactOf[runner.Event](e)
	if forgotten := w.runners[id].Apply(fact); forgotten != "" {
		delete(w.processes, runner.AggregateID(id, forgotten))
	}
	switch data := data.(type) {
	case runner.Joined:
		p := runners.Join(data, e.At)
		w.processes[runner.AggregateID(id, data.Process)] = &p
		for _, q := range runner.Queues(id, data.Kinds) {
			w.joined[q] = true
		}
	case runner.Left:
		delete(w.processes, runner.AggregateID(id, data.Process))
	case runner.Silent, runner.Alive, runner.Gone:
		process, _ := runner.Seen(data)
		if p := w.processes[runner.AggregateID(id, process)]; p != nil {
			p.Apply(e.At, data)
		}
	case runner.Paused, runner.Drained, runner.Resumed:
		w.mode("runner:"+string(id), w.state.Runners[id].Mode, e)
	case runner.Removed, runner.Registered:
	}
}

// mode notes a mode that an event set.
func (w *twin) mode(field string, mode domain.Mode, e *history.Entry) {
	delete(w.modes, field)
	if mode != domain.Open {
		w.modes[field] = fmt.Sprintf("[%q,%d,%q]", mode, e.At, e.Actor)
	}
}

// checkWords compares what runners read of modes with the records.
func (l *Leader) checkWords(records map[string]string) {
	l.t.Helper()
	look, err := l.Views.Look(l.ctx, views.Query{Modes: true})
	if err != nil {
		l.t.Fatal(err)
	}
	want := map[string]string{}
	for field, record := range records {
		want[field] = strings.Split(record, `"`)[1]
	}
	if diff := cmp.Diff(want, look.Modes); diff != "" {
		l.t.Fatalf("words about modes (-want +got):\n%s", diff)
	}
}
