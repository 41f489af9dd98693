package sim

import (
	"strings"
	"testing"
	"time"
)

// The layout of time.Time is not promised: this says when it is another one.
func TestAClockThatIsSetGoesOnEvenly(t *testing.T) {
	wall := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	before, after := instant(wall, time.Minute), instant(wall.Add(-time.Hour), time.Minute+time.Second)
	if got := after.Sub(before); got != time.Second {
		t.Errorf("%s passed although the clock was set, want 1s", got)
	}
	if got := after.Round(0).Sub(before.Round(0)); got != -time.Hour {
		t.Errorf("the clock was set by %s, want -1h", got)
	}
	if !before.Round(0).Equal(wall) || before.UnixNano() != wall.UnixNano() {
		t.Errorf("the clock shows %s, want %s", before, wall)
	}
	if got := before.Add(time.Second); got.UnixNano() != wall.Add(time.Second).UnixNano() || got.Sub(before) != time.Second {
		t.Errorf("a second later it shows %s", got)
	}
	if text := before.String(); !strings.HasSuffix(text, "m=+60.000000000") {
		t.Errorf("%s has no monotonic part of a minute", text)
	}
}

// The agenda hands out what is due first, and what was put on it first of what is
// due together.
func TestAgendaIsInOrder(t *testing.T) {
	var a agenda
	for i, at := range []time.Duration{5, 3, 9, 3, 1, 5, 0, 3} {
		a.push(item{at: at, order: uint64(i)}) //nolint:gosec // not negative
	}
	var last item
	for n := 0; len(a) > 0; n++ {
		it := a.pop()
		if n > 0 && (it.at < last.at || it.at == last.at && it.order < last.order) {
			t.Errorf("%d/%d comes behind %d/%d", it.at, it.order, last.at, last.order)
		}
		last = it
	}
}
