package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/eventstore"
)

// rolls answers with pages of its own, one a call.
type rolls func(from eventstore.RollPlace) (ids []string, last bool, err error)

func (r rolls) Page(_ context.Context, from eventstore.RollPlace) (eventstore.RollPage, error) {
	ids, last, err := r(from)
	return eventstore.RollPage{IDs: ids, Next: eventstore.RollPlace{Generation: 1, Cursor: from.Cursor + 1}, Last: last}, err
}

// enroll reads the roll to its end.
func (h *house) enroll() {
	h.Helper()
	for busy := true; busy; {
		var err error
		busy, err = h.Enroll(context.Background())
		h.must(err)
	}
}

// counted is an index that counts how often it was asked.
func (h *house) counted() *int {
	asked, index := 0, h.index
	h.index = finds(func(all []event.Aggregate) ([][]uint64, uint64, error) {
		asked++
		return index.Find(context.Background(), all)
	})
	return &asked
}

// A leader that met every job knows a new id when it sees one.
func TestANewJobIsNotLookedUp(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("old", "echo")))
	asked := h.counted()
	h.roll = rolls(func(from eventstore.RollPlace) ([]string, bool, error) {
		return [][]string{nil, {"old"}}[from.Cursor], from.Cursor == 1, nil
	})
	h.succeed()

	h.must(h.execute(submit("new", "echo")))
	if *asked != 1 {
		t.Errorf("asked %d times for a job that might have been, want once", *asked)
	}
	h.enroll()
	h.must(h.execute(submit("newer", "echo")))
	if *asked != 1 {
		t.Errorf("asked for a job that never was")
	}
	h.want(h.execute(submit("old", "something else")), domain.Conflict)
	if *asked != 2 {
		t.Errorf("asked %d times, want twice: it was not asked for a job that was", *asked)
	}
}

// What it decided itself it must know for ever, also when it was forgotten.
func TestWhatWasDecidedIsMet(t *testing.T) {
	h := open(t)
	h.roll = rolls(func(eventstore.RollPlace) ([]string, bool, error) { return nil, true, nil })
	h.succeed()
	h.enroll()
	h.must(h.execute(submit("j1", "echo")))
	h.indexed = func() uint64 { return 1 << 40 }
	h.Remember(0)
	h.must(h.execute(submit("j2", "echo"))) // makes it forget
	if h.Hot(event.Aggregate{Kind: event.Job, ID: "j1"}) {
		t.Fatal("j1 was not forgotten")
	}
	h.want(h.execute(submit("j1", "something else")), domain.Conflict)
}

// A walk that failed may have missed somebody: nobody is a stranger until another
// came to its end.
func TestABrokenRollIsReadAnew(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("old", "echo")))
	var from []uint64
	h.roll = rolls(func(at eventstore.RollPlace) ([]string, bool, error) {
		from = append(from, at.Cursor)
		switch len(from) {
		case 2:
			return nil, true, errors.New("something was removed")
		case 4:
			return []string{"old"}, true, nil
		}
		return nil, false, nil
	})
	h.succeed()
	for range 2 {
		_, _ = h.Enroll(context.Background())
	}
	h.want(h.execute(submit("old", "something else")), domain.Conflict)
	h.enroll()
	if fmt.Sprint(from) != "[0 1 0 1]" {
		t.Errorf("pages were asked for at %v", from)
	}
	h.want(h.execute(submit("old", "something else")), domain.Conflict)
}

// The filter grows with the jobs, knows all of them, and takes few strangers for
// one of them.
func TestFewStrangersLookFamiliar(t *testing.T) {
	const jobs = 250_000 // more than the first layer holds
	var mistaken int
	met := eventstore.Meet(func(yield func(string) bool) {
		for i := range jobs {
			if !yield(fmt.Sprint("job-", i)) {
				return
			}
		}
	})
	for i := range jobs {
		if met(fmt.Sprint("job-", i)) {
			t.Fatalf("job-%d is taken for a stranger", i)
		}
		if !met(fmt.Sprint("other-", i)) {
			mistaken++
		}
	}
	if share := float64(mistaken) / jobs; share > 0.02 {
		t.Errorf("%.2f %% of strangers are looked up", share*100)
	}
	t.Logf("%.2f %% of strangers are looked up", float64(mistaken)*100/jobs)
}
