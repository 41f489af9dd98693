package agenda_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/agenda"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/viewtest"
)

// desk is a leader over memory, and a reader of what is due.
type desk struct {
	*viewtest.Leader
	agenda *agenda.Reader
	due    []event.Time // that transactions said they set
}

func begin(t *testing.T) *desk {
	t.Helper()
	m := viewtest.InMemory()
	d := &desk{viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus")), &agenda.Reader{Views: m.Views}, nil}
	d.OnFolded = func(n engine.Folded) { d.due = append(d.due, n.Due) }
	d.Begin()
	return d
}

func (d *desk) commit(build func(tx *historytest.Tx)) {
	d.History.Commit(build)
	d.Feed()
}

// want compares what is due up to a time, at most n, and when the next is.
func (d *desk) want(t *testing.T, until event.Time, n int, next event.Time, ids ...string) {
	t.Helper()
	due, then, err := d.agenda.Due(t.Context(), until, n)
	var names []string
	for _, id := range due {
		names = append(names, id.String())
	}
	if err != nil || !slices.Equal(names, ids) || then != next {
		t.Errorf("due are %v and then at %v, %v; want %v and then %v", names, then, err, ids, next)
	}
}

func TestTheMostUrgentIsFirst(t *testing.T) {
	d := begin(t)
	now := d.History.Now
	d.want(t, now.Add(time.Hour), 10, 0)
	d.commit(func(tx *historytest.Tx) {
		tx.Submit("j3", historytest.Job{More: `"delay":30`})
		tx.Submit("j1", historytest.Job{More: `"delay":10`})
		tx.Submit("j2", historytest.Job{More: `"delay":20`})
		tx.Submit("j4", historytest.Job{}) // for which nothing is ever due
	})
	at := func(seconds int) event.Time { return now.Add(time.Duration(seconds) * time.Second) }
	d.want(t, at(10)-1, 10, at(10))
	d.want(t, at(10), 10, at(20), "j1")
	d.want(t, at(40), 2, at(30), "j1", "j2")
	d.want(t, at(40), 3, 0, "j1", "j2", "j3")
	d.want(t, at(5), 0, at(10))
	if last := d.due[len(d.due)-1]; last != at(10) {
		t.Errorf("the transaction says that it set %v, want %v", last, at(10))
	}
}

// A short job, whose beginning and end are one commit, is never on the agenda;
// one that runs is, until it has ended.
func TestOnlyWhatRunsIsOnTheAgenda(t *testing.T) {
	d := begin(t)
	w := d.History.NewProcess("r1")
	d.commit(func(tx *historytest.Tx) {
		tx.Report(w, w.Join())
		tx.Submit("short", historytest.Job{})
		tx.Submit("long", historytest.Job{})
	})
	d.commit(func(tx *historytest.Tx) { tx.Report(w, runner.Completed{About: d.History.About("short")}) })
	d.want(t, d.History.Now, 10, 0)
	d.commit(func(tx *historytest.Tx) { tx.Report(w, runner.Started{About: d.History.About("long")}) })
	backstop := d.History.Job("long").Due
	d.want(t, d.History.Now, 10, backstop)
	d.commit(func(tx *historytest.Tx) { tx.Report(w, runner.Completed{About: d.History.About("long")}) })
	d.want(t, backstop, 10, 0)
	if slices.Max(d.due) != backstop || d.due[len(d.due)-1] != 0 {
		t.Errorf("transactions say that they set %v", d.due)
	}
}

// The agenda of a history is what is due in its jobs, however long it lived.
func TestEveryTimerIsOnTheAgenda(t *testing.T) {
	d := begin(t)
	d.commit(func(tx *historytest.Tx) {
		tx.Submit("held", historytest.Job{More: `"not_after":"2026-02-01T00:00:00Z"`})
		tx.Submit("retried", historytest.Job{More: `"retry_on":["timeout"],"timeout":1`})
		tx.Submit("stopped", historytest.Job{More: `"timeout":9`})
	})
	w := d.History.NewProcess("r1")
	d.commit(func(tx *historytest.Tx) {
		tx.Report(w, w.Join())
		for _, id := range []string{"retried", "stopped"} {
			tx.Report(w, runner.Started{About: d.History.About(id)})
		}
	})
	d.History.Now = d.History.Job("retried").Due
	d.commit(func(tx *historytest.Tx) { tx.Tick("retried") })
	d.commit(func(tx *historytest.Tx) { tx.Stop("stopped") })
	d.CheckViews()
	held := d.History.Job("held")
	stop, expiry := d.History.Job("stopped").Due, held.Next(held.Status)
	d.want(t, stop, 10, expiry, "stopped")
	d.History.Now = stop
	d.commit(func(tx *historytest.Tx) { tx.Tick("stopped") })
	d.want(t, expiry-1, 10, expiry)
	d.History.Now = expiry.Add(time.Microsecond)
	d.commit(func(tx *historytest.Tx) { tx.Tick("held") })
	d.want(t, expiry, 10, 0)
	d.CheckViews()
}

// Due times that somebody removed or put off are found, and built again.
func TestAnAgendaThatWasEditedIsFound(t *testing.T) {
	for _, what := range []string{"due", "edit:due"} {
		d := begin(t)
		d.commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{More: `"delay":10`}) })
		d.Lose(what)
		if err := d.Engine.Inspect(t.Context()); !errors.Is(err, views.ErrDamaged) {
			t.Errorf("%s: the engine says %v", what, err)
		}
		d.Crash()
		d.Begin()
		if d.Engine.Began() == "" {
			t.Errorf("%s: the views were taken on", what)
		}
		d.CheckViews()
	}
}
