package viewtest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/views"
)

func aRebuildEquals(t *testing.T, l *Leader) {
	l.Begin()
	l.grow(6, 40)
	old := l.Live()
	before := l.Dump(t.Context(), t, old)
	var done, of uint64
	report, err := engine.Rebuild(t.Context(), l.Config(), func(d, o uint64) { done, of = d, o })
	if err != nil {
		t.Fatal(err)
	}
	if report.Difference != nil || report.Events != l.History.Seq() || report.Compared == 0 {
		t.Errorf("report %+v %v, want %d events and no difference", report, report.Difference, l.History.Seq())
	}
	if done != of || of != l.History.Seq() {
		t.Errorf("progress ends at %d of %d", done, of)
	}
	if live := l.Live(); live != report.Generation || live == old {
		t.Errorf("generation %d is live, want %d", live, report.Generation)
	}
	if diff := cmp.Diff(before, l.Dump(t.Context(), t, l.Live())); diff != "" {
		t.Errorf("views behind the rebuild (-before +after):\n%s", diff)
	}
	stored, err := l.Views.Stored(t.Context())
	if err != nil || len(stored) != 1 {
		t.Errorf("generations %v are left, %v", stored, err)
	}
	l.grow(7, 10) // the engine goes on in the new one
	l.CheckViews()
	l.CheckQueues()
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
	l.Crash()
	l.Begin()
	if l.Engine.Began() != "" {
		t.Errorf("a restart after a rebuild begins anew: %s", l.Engine.Began())
	}
}

// Folded as it came or from the beginning: a history leads to the same views
// wherever it ends.
func everyPrefixIsRebuilt(t *testing.T, l *Leader) {
	l.Begin()
	draw := seeded(11)
	for range 25 {
		l.Step(draw)
		l.Feed()
		report, err := engine.Rebuild(t.Context(), l.Config(), nil)
		if err != nil || report.Difference != nil {
			t.Fatalf("the first %d events: %v, %v", l.History.Seq(), report.Difference, err)
		}
		l.CheckViews()
	}
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

func aRebuildSaysWhatWasChanged(t *testing.T, l *Leader) {
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	w := l.Views.Writer(0)
	p, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx := &views.Tx{Generation: p.Live, Position: p}
	tx.Put(views.Jobs, "j1", []byte("forged"))
	if _, err := w.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := engine.Rebuild(t.Context(), l.Config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := report.Difference; d == nil || d.Key != "jobs" || d.Name != "j1" || d.Old != "forged" || d.New == "" {
		t.Errorf("difference %v, want the forged record of j1", d)
	}
	l.CheckViews()
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Submit("j2", historytest.Job{More: `"delay":60`})
	})
	l.Feed()
	l.Lose("edit:due")
	if report, err = engine.Rebuild(t.Context(), l.Config(), nil); err != nil {
		t.Fatal(err)
	}
	if d := report.Difference; d == nil || d.Key != "due" || d.Name != "j2" || d.Old == "" || d.New == "" || d.Old == d.New {
		t.Errorf("difference %v, want the due time of j2", d)
	}
	l.CheckViews()
}

func anEngineGoesOnWhileOthersRebuild(t *testing.T, l *Leader) {
	l.Begin()
	draw := seeded(8)
	for range 3 {
		l.grow(uint64(draw(1000)), 10)
		_, err := engine.Rebuild(t.Context(), l.Config(), func(done, of uint64) {
			if draw(2) == 0 { // a commit falls into the rebuild
				l.Step(draw)
				l.Feed()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		l.Step(draw)
		l.Feed()
		l.CheckViews()
		l.CheckQueues()
	}
}

func aSecondRebuildEndsTheFirst(t *testing.T, l *Leader) {
	l.Begin()
	l.grow(9, 10)
	nested := false
	_, err := engine.Rebuild(t.Context(), l.Config(), func(uint64, uint64) {
		if nested {
			return
		}
		nested = true
		if _, err := engine.Rebuild(t.Context(), l.Config(), nil); err != nil {
			t.Errorf("the second rebuild: %v", err)
		}
	})
	if !errors.Is(err, engine.ErrFenced) {
		t.Errorf("the first rebuild answers %v, want that it is fenced", err)
	}
	l.grow(10, 5)
	l.CheckViews()
	stored, err := l.Views.Stored(t.Context())
	if err != nil || len(stored) > 2 {
		t.Errorf("generations %v are left, %v", stored, err)
	}
}
