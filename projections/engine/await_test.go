package engine_test

import (
	"context"
	"testing"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/projections/viewtest"
)

// Whoever awaits a place is let go by the transaction that reaches it, not by
// one before it, and at once when the views are there.
func TestAwaitReturnsWhereTheViewsAre(t *testing.T) {
	f, _, _ := inMemory()
	p := historytest.Found("horus")
	l := viewtest.NewLeader(t.Context(), t, f, p)
	l.Begin()
	there := p.Seq()
	l.Engine.Await(t.Context(), there)

	reached := make(chan uint64)
	go func() {
		l.Engine.Await(t.Context(), there+2)
		reached <- l.Engine.Passed()
	}()
	for _, id := range []string{"j1", "j2"} {
		p.Commit(func(tx *historytest.Tx) { tx.Submit(id, historytest.Job{}) })
		l.Feed()
	}
	if passed := <-reached; passed != there+2 {
		t.Errorf("let go at %d, want %d", passed, there+2)
	}

	gone, leave := context.WithCancel(t.Context())
	leave()
	l.Engine.Await(gone, there+3) // who has left waits for nothing
}
