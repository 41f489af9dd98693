package clocktest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/integration/clocktest"
)

// The layout of time.Time is not promised: this says when it is another one.
func TestAClockThatIsSetGoesOnEvenly(t *testing.T) {
	wall := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	before, after := clocktest.Instant(wall, time.Minute), clocktest.Instant(wall.Add(-time.Hour), time.Minute+time.Second)
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

func TestAClockIsSetByHand(t *testing.T) {
	var c clocktest.Clock
	before := c.Now()
	c.Pass(time.Minute)
	c.Set(-time.Hour)
	if passed, shown := c.Now().Sub(before), c.Now().Round(0).Sub(before.Round(0)); passed != time.Minute || shown != time.Minute-time.Hour {
		t.Errorf("%s passed and the clock went %s", passed, shown)
	}
}
