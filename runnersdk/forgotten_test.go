package runnersdk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

func forgotten() queue.Notice {
	return queue.Notice{Kind: queue.NoticeForgotten, Process: myProcess, Reason: "nobody knows it"}
}

// The history lost its end, and with it that the process joined: nothing that
// the process reports counts any more.
func TestAProcessThatWasForgottenBeginsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		var told error
		s := w.serve(w.config(&logs{}), longJob(&told))
		w.submit("j1", "p")
		time.Sleep(100 * time.Millisecond)
		s.reports()
		w.notify(forgotten())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !errors.Is(told, ErrLost) {
			t.Errorf("the job that ran was told %v, want that it is lost", told)
		}
		inbox := w.wire.Inbox()
		last, err := runner.ParseBundle(inbox[len(inbox)-1].Doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, joins := last.Reports[0].(runner.Join); !joins || last.Process == myProcess || last.Number != firstNumber {
			t.Errorf("the last bundle is number %d of process %s, want another process that asks to join", last.Number, last.Process)
		}
		s.stop()
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestAProcessThatDidNotJoinCannotBeForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newWorld(t).outsider(nil)
		d.turn()
		d.notify(forgotten())
		d.turn()
		d.reports()
		d.welcome()
		d.turn()
		if !d.joined.Load() {
			t.Error("it did not join")
		}
	})
}

// What a process shows when it joins anew is the youngest seal that it verified,
// or one in whose place it has seen another since: the log lost that one.
func TestEvidenceOfALoss(t *testing.T) {
	seal := func(term, first uint64) *signing.Seal { return &signing.Seal{Term: term, First: first, Count: 2} }
	for _, c := range []struct {
		name string
		saw  []*signing.Seal
		want *signing.Seal
	}{
		{"nothing", nil, nil},
		{"one", []*signing.Seal{seal(1, 3)}, seal(1, 3)},
		{"later ones", []*signing.Seal{seal(1, 3), seal(1, 5), seal(2, 7)}, seal(2, 7)},
		{"out of order", []*signing.Seal{seal(1, 5), seal(1, 3)}, seal(1, 5)},
		{"an older term late", []*signing.Seal{seal(2, 7), seal(1, 9)}, seal(2, 7)},
		{"another in its place", []*signing.Seal{seal(1, 3), seal(1, 5), seal(2, 5), seal(2, 7)}, seal(1, 5)},
		{"another within it", []*signing.Seal{seal(1, 5), seal(2, 6)}, seal(1, 5)},
	} {
		var told trust
		for _, s := range c.saw {
			told.saw(s)
		}
		if diff := cmp.Diff(c.want, told.evidence()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A process that had just been told that nobody knows it took one more job in
// the same turn, and began it.
func TestAProcessThatWasForgottenTakesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		began := false
		d := newWorld(t).outsider(nil)
		d.handler = func(context.Context, *Job) (string, error) { began = true; return "", nil }
		d.turn()
		d.welcome()
		d.turn()
		d.notify(forgotten())
		d.submit("j1", "p")
		if _, err := d.Turn(t.Context()); !errors.Is(err, ErrForgotten) {
			t.Errorf("turn: %v, want that it is forgotten", err)
		}
		synctest.Wait()
		if began {
			t.Error("it began a job")
		}
	})
}
