package eventstore_test

import (
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
)

// One leader with a clock that was an hour ahead made the history stand still
// for an hour under those that followed: no back-off passed, no timeout, and no
// stop was settled.
func TestTimeGoesOnWhileTheClockIsBehind(t *testing.T) {
	h := open(t)
	right := h.clock.Now()
	h.clock.Advance(time.Hour)
	h.must(h.execute(submit("j1", "x")))
	h.clock.now = right
	h.lead()
	h.must(h.begin())
	began := h.Now()
	if want := event.At(right.Add(time.Hour)); began != want {
		t.Errorf("the next leader begins at %s, want %s", began, want)
	}
	if behind := h.ClockBehind(); behind != time.Hour {
		t.Errorf("the clock is %s behind, want 1h", behind)
	}
	h.clock.Advance(time.Minute)
	if got := h.Now().Sub(began); got != 30*time.Second {
		t.Errorf("a minute later %s have passed, want 30s", got)
	}
	h.clock.Advance(-10 * time.Second)
	if got := h.Now().Sub(began); got != 30*time.Second {
		t.Errorf("%s have passed once the clock was set back, want 30s", got)
	}
	h.clock.Advance(2*time.Hour + time.Second)
	if got, want := h.Now(), event.At(h.clock.Now()); got != want || h.ClockBehind() != 0 {
		t.Errorf("two hours later it is %s, and the clock says %s", got, want)
	}
}
