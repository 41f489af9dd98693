package job_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// Whoever looks at timers alone misses nothing and asks nobody in vain: a Tick
// has something to do from the instant on that Next names, and not before.
func TestATickHasSomethingToDoWhenTheTimerSaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := func(what string) event.Time {
			return noon.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, what)) * time.Microsecond)
		}
		s := job.State{
			Status: rapid.SampledFrom(job.Statuses()).Draw(t, "status"), Attempt: 1, Process: "a1",
			Policy: job.Policy{MaxAttempts: 2},
		}
		if rapid.Bool().Draw(t, "has a due time") {
			s.Due = at("due")
		}
		if rapid.Bool().Draw(t, "expires") {
			s.Expires = at("expires")
		}
		if (s.Status == job.Planned || s.Status == job.Retrying) && s.Due.IsZero() {
			s.Due = at("due") // always has one
		}
		now := rapid.SampledFrom([]event.Time{at("now"), at("now").Add(job.ExpirySlack)}).Draw(t, "now or later")
		events, err := job.Decide(s, job.Tick{At: now})
		next := s.Next(s.Status)
		if due := !next.IsZero() && now >= next; err != nil || due != (len(events) > 0) {
			t.Fatalf("%s job, due %s, expires %s: the timer says %s, and at %s there is %q, %v",
				s.Status, s.Due, s.Expires, next, now, told(events), err)
		}
		for _, e := range events {
			if _, queued := e.(job.Queued); queued && now < s.Due {
				t.Fatalf("a %s job that is due at %s is queued at %s", s.Status, s.Due, now)
			}
		}
	})
}
