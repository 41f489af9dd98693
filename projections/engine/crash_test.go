package engine_test

import (
	"errors"
	"testing"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/viewtest"
)

// grown returns a leader over a history of n random commits, all projected.
func grown(t *testing.T, n int) (*viewtest.Leader, *viewtest.Memory) {
	t.Helper()
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	next := uint64(1)
	draw := func(n int) int { // the same in every run
		next = next*6364136223846793005 + 1442695040888963407
		return int(next>>33) % n
	}
	for range n {
		l.Step(draw)
		l.Feed()
	}
	return l, m
}

// failAt makes the k-th commit from now on fail, kept or not.
func failAt(m *viewtest.Memory, k int, keep bool) (failed func() bool) {
	m.Store.OnCommit = func() (bool, error) {
		if k--; k == -1 {
			return keep, errLost
		}
		return true, nil
	}
	return func() bool { return k < 0 }
}

// A rebuild that died anywhere leaves views that are whole and an engine that
// goes on; the next one removes what it left.
func TestARebuildMayDieAnywhere(t *testing.T) {
	for _, keep := range []bool{false, true} {
		for k, reached := 0, true; reached; k++ {
			l, m := grown(t, 30)
			failed := failAt(m, k, keep)
			_, err := engine.Rebuild(t.Context(), l.Config(), nil)
			reached = failed()
			if err != nil && !errors.Is(err, errLost) {
				t.Fatalf("commit %d lost (kept: %v): %v", k, keep, err)
			}
			m.Store.OnCommit = nil
			l.CheckViews()
			l.History.Commit(func(tx *historytest.Tx) { tx.Submit("more", historytest.Job{}) })
			l.Feed()
			l.CheckViews()
			l.CheckQueues()
			report, err := engine.Rebuild(t.Context(), l.Config(), nil)
			if err != nil || report.Difference != nil {
				t.Fatalf("the rebuild behind one that died at %d: %v, %v", k, report.Difference, err)
			}
			if stored, err := m.Views.Stored(t.Context()); err != nil || len(stored) != 1 {
				t.Errorf("behind a rebuild that died at %d generations %v are left, %v", k, stored, err)
			}
		}
	}
}

// A beginning that died anywhere is made by the next engine.
func TestABeginningMayDieAnywhere(t *testing.T) {
	for _, keep := range []bool{false, true} {
		for k, reached := 0, true; reached; k++ {
			l, m := grown(t, 30)
			l.Crash()
			m.Lose("pos") // everything is folded from the founding
			failed := failAt(m, k, keep)
			l.Fence(1 << 40)
			cfg := l.Config()
			cfg.Term = 1 << 40
			e, err := engine.Open(t.Context(), cfg)
			if err == nil {
				err = e.CatchUp(t.Context())
			}
			if err == nil {
				_, err = e.Reconcile(t.Context())
			}
			if reached = failed(); reached != (err != nil) || err != nil && !errors.Is(err, errLost) {
				t.Fatalf("commit %d lost (kept: %v): %v", k, keep, err)
			}
			m.Store.OnCommit = nil
			m.Lose("pos")
			l.Begin()
			l.CheckViews()
			l.CheckQueues()
		}
	}
}
