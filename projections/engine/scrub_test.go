package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/viewtest"
)

// deaf views fail to answer one question about statements.
type deaf struct {
	views.Store
	next bool
}

func (d *deaf) Look(ctx context.Context, q views.Query) (*views.Look, error) {
	if q.Statements && d.next {
		d.next = false
		return nil, errLost
	}
	return d.Store.Look(ctx, q)
}

// An answer that was lost while the statements were looked at made the next look
// panic: it had gone on to a table that does not exist. What could not be looked
// at is looked at again.
func TestALostAnswerEndsNoLook(t *testing.T) {
	f, _, _ := inMemory()
	d := &deaf{Store: f.Views}
	f.Views = d
	l := viewtest.NewLeader(t.Context(), t, f, historytest.Found("horus"))
	l.Begin()
	d.next = true
	if err := l.Engine.Inspect(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("inspect: %v, want that an answer was lost", err)
	}
	for range 2 {
		if err := l.Engine.Inspect(t.Context()); err != nil {
			t.Errorf("inspect again: %v", err)
		}
	}
}
