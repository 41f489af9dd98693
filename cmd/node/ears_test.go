package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/handlers/intake"
)

// What runners reported while nobody could read it counts first: an outage, or a
// supervisor that stood still, begins the time anew in which they are heard.
func TestEarsKnowForHowLongReportsWereRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trouble error
		e := &ears{scene: goroutines{}, gap: 3 * time.Second}
		turn := e.listen(func(context.Context) (bool, error) { return false, trouble })
		for _, step := range []struct {
			what    string
			passes  time.Duration
			trouble error
			want    time.Duration
		}{
			{"begins", 0, nil, 0},
			{"goes on", time.Second, nil, time.Second},
			{"goes on", 2 * time.Second, nil, 3 * time.Second},
			{"an outage", time.Second, errors.New("the connection is gone"), 0},
			{"is over", time.Second, nil, 0},
			{"goes on", 3 * time.Second, nil, 3 * time.Second},
			{"stands still", 4 * time.Second, nil, 0},
			{"goes on", time.Second, nil, time.Second},
		} {
			time.Sleep(step.passes)
			trouble = step.trouble
			_, _ = turn(t.Context()) // its own affair
			if got := e.heard(); got != step.want {
				t.Errorf("%s: heard for %s, want %s", step.what, got, step.want)
			}
		}
		time.Sleep(4 * time.Second)
		if got := e.heard(); got != 0 {
			t.Errorf("nothing read for 4s, and heard for %s", got)
		}
	})
}

// With the shortest lease each look into an empty inbox counted as a break, so
// runners were never heard for a lease, and no attempt of theirs was ever given
// up that they neither ended nor stopped.
func TestAQuietInboxIsHeardWithEveryLease(t *testing.T) {
	for _, lease := range []time.Duration{MinLease, DefaultLease, MaxLease} {
		synctest.Test(t, func(t *testing.T) {
			e := newEars(goroutines{}, lease)
			turn := e.listen(func(context.Context) (bool, error) {
				time.Sleep(intake.ReadWait + 100*time.Millisecond) // Redis answers a little later
				return false, nil
			})
			for begin := time.Now(); time.Since(begin) < lease+2*intake.ReadWait; {
				if _, err := turn(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := e.heard(); got < lease {
				t.Errorf("lease %s: a quiet inbox that was read all the time is heard for %s", lease, got)
			}
		})
	}
}
