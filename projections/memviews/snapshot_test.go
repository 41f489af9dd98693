package memviews_test

import (
	"errors"
	"testing"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/viewtest"
)

// A store that falls back to an older copy is as it was then, also the second
// time, and whoever watched its position must look again.
func TestSnapshotBringsEverythingBack(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	store, generation := m.Store, uint64(1)
	submit := func(id string) {
		l.History.Commit(func(tx *historytest.Tx) { tx.Submit(id, historytest.Job{}) })
		l.Feed()
	}
	submit("j1")
	jobs := func() int { return len(m.Dump(t.Context(), t, generation)["jobs"]) }
	queued := func() int { return len(store.Queued(job.RunnerQueue("r1"))) }
	restore := store.Snapshot()
	submit("j2")
	watching := store.Writer(0)
	if _, err := watching.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if jobs() != 2 || queued() != 2 {
		t.Fatalf("%d jobs, %d queued; want 2 and 2", jobs(), queued())
	}
	for range 2 {
		restore()
		if jobs() != 1 || queued() != 1 {
			t.Errorf("%d jobs, %d queued; want 1 and 1", jobs(), queued())
		}
		store.Lose("jobs") // which must not reach the copy
	}
	if _, err := watching.Commit(t.Context(), &views.Tx{Generation: generation}); !errors.Is(err, views.ErrConflict) {
		t.Errorf("commit upon what was forgotten: %v, want a conflict", err)
	}
}
