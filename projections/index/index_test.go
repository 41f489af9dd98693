package index_test

import (
	"slices"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/index"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/viewtest"
)

var _ eventstore.Index = (*index.Index)(nil)

func TestEventsAreFound(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	x := &index.Index{Views: m.Views}
	if _, _, err := x.Find(t.Context(), nil); err != nil {
		t.Errorf("before there is anything: %v", err)
	}
	l.Begin()
	worker := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{Held: true}) }) // 4
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })             // 5, 6
	l.History.Commit(func(tx *historytest.Tx) { tx.Release("j1") })                             // 7
	l.Feed()
	found, through, err := x.Find(t.Context(), []event.Aggregate{
		{Kind: event.Job, ID: "j1"},
		{Kind: event.Job, ID: "never"},
		{Kind: event.Runner, ID: "r1"},
		{Kind: event.Report, ID: "r1/" + worker.Name},
		{Kind: event.Leader},
		{Kind: event.Runner, ID: "r2"},
	})
	if err != nil || through != l.History.Seq() {
		t.Fatalf("through %d, %v", through, err)
	}
	want := [][]uint64{{4, 7}, nil, {6}, {5}, {2}, nil}
	for i := range want {
		if !slices.Equal(found[i], want[i]) {
			t.Errorf("aggregate %d has %v, want %v", i, found[i], want[i])
		}
	}
}

// A leader that is told too little decides that a job never was, and accepts it
// a second time.
func TestADamagedIndexFindsNothing(t *testing.T) {
	for what, asked := range map[string]event.Aggregate{
		"jobs": {Kind: event.Job, ID: "j2"}, "tips": {Kind: event.Runner, ID: "r1"},
	} {
		m := viewtest.InMemory()
		l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
		l.Begin()
		l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
		l.Feed()
		m.Lose(what)
		_, _, err := (&index.Index{Views: m.Views}).Find(t.Context(), []event.Aggregate{asked})
		if domain.ReasonOf(err) != "views_damaged" {
			t.Errorf("without %s: %v, want damaged views", what, err)
		}
	}
}

func TestARecordThatIsNoneIsDamage(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	w := m.Views.Writer(0)
	p, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx := &views.Tx{Generation: p.Live, Position: p, Unlisted: []views.Listing{{Status: job.Running, Seq: 1}}}
	tx.Put(views.Jobs, "j1", []byte(`{"state":"queued"}`))
	if _, err := w.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	_, _, err = (&index.Index{Views: m.Views}).Find(t.Context(), []event.Aggregate{{Kind: event.Job, ID: "j1"}})
	if domain.ReasonOf(err) != "views_damaged" {
		t.Errorf("%v, want damaged views", err)
	}
}
