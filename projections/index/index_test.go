package index_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

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
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j2", once(tx, "n1")) })              // 8
	l.Feed()
	found, through, err := x.Find(t.Context(), []event.Aggregate{
		{Kind: event.Job, ID: "j1"},
		{Kind: event.Job, ID: "never"},
		{Kind: event.Runner, ID: "r1"},
		{Kind: event.Report, ID: "r1/" + worker.Name},
		{Kind: event.Leader},
		{Kind: event.Runner, ID: "r2"},
		{Kind: event.Nonce, ID: string(l.History.Client.Public().ID()) + "/n1"},
		{Kind: event.Nonce, ID: string(l.History.Operator.Public().ID()) + "/n1"},
	})
	if err != nil || through != l.History.Seq() {
		t.Fatalf("through %d, %v", through, err)
	}
	want := [][]uint64{{4, 7}, nil, {6}, {5}, {2}, nil, {8}, nil}
	for i := range want {
		if !slices.Equal(found[i], want[i]) {
			t.Errorf("aggregate %d has %v, want %v", i, found[i], want[i])
		}
	}
}

// walk lists all jobs.
func walk(t *testing.T, x *index.Index) (ids []string, err error) {
	t.Helper()
	var at eventstore.RollPlace
	for last := false; !last; {
		page, err := x.Page(t.Context(), at)
		if err != nil {
			return ids, err
		}
		ids, at, last = append(ids, page.IDs...), page.Next, page.Last
	}
	slices.Sort(ids)
	return ids, nil
}

func TestJobsAreListed(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	x := &index.Index{Views: m.Views}
	l.Begin()
	for _, id := range []string{"j1", "j2", "j3"} {
		l.History.Commit(func(tx *historytest.Tx) { tx.Submit(id, historytest.Job{}) })
	}
	l.Feed()
	if ids, err := walk(t, x); err != nil || !slices.Equal(ids, []string{"j1", "j2", "j3"}) {
		t.Fatalf("listed %v, %v", ids, err)
	}
	if _, err := x.Page(t.Context(), eventstore.RollPlace{Generation: 7}); err == nil || domain.CodeOf(err) == domain.TryAgain {
		t.Errorf("of a generation that is not live any more: %v, want an error that passes without the end of the term", err)
	}
	m.Lose("jobs")
	if ids, err := walk(t, x); domain.ReasonOf(err) != "views_damaged" {
		t.Errorf("of a table that was removed: %v, %v", ids, err)
	}
}

// once is a job with a nonce that is its own for a minute.
func once(tx *historytest.Tx, nonce string) historytest.Job {
	return historytest.Job{More: fmt.Sprintf(`"nonce":%q,"not_after":%q`, nonce, tx.Now.Add(time.Minute))}
}

// A leader that is told too little decides that a job never was, and accepts it
// a second time.
func TestADamagedIndexFindsNothing(t *testing.T) {
	for what, asked := range map[string]event.Aggregate{
		"jobs": {Kind: event.Job, ID: "j2"}, "tips": {Kind: event.Runner, ID: "r1"}, "nonces": {Kind: event.Nonce, ID: "k1/n2"},
	} {
		m := viewtest.InMemory()
		l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
		l.Begin()
		l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", once(tx, "n1")) })
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
