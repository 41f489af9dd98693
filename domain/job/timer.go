package job

import (
	"cmp"
	"time"

	"github.com/herocode/horus/domain/event"
)

// How long the leader waits beyond what a runner was to keep itself.
const (
	// StopLimit is how long a stop may go unanswered.
	StopLimit = 30 * time.Second
	// TimeoutSlack is how long after an attempt's timeout its runner has to
	// say so.
	TimeoutSlack = 30 * time.Second
	// ExpirySlack is how long after a job's end a runner that began in time
	// has to say that it did.
	ExpirySlack = 2 * time.Second
)

// Timer says when something is due in a job without anybody asking. The views
// keep it beside their records, so that nobody reads a million jobs to find the
// next one.
type Timer struct {
	Due     event.Time    // end of what the status is: scheduled, retrying, running or stopping; zero for none
	Expires event.Time    // the job is not begun after it; zero for no end
	Timeout time.Duration // of an attempt
}

// Next returns when [Tick] has something to do in a job of that status, zero
// for never.
func (t *Timer) Next(s Status) event.Time {
	switch s {
	case Created, Waiting:
		return behind(t.expiry(s))
	case Planned, Retrying:
		return earliest(t.Due, behind(t.expiry(s)))
	case Running, Ending:
		return t.Due
	case None, Done, Broken, Halted, Shelved, Erased:
	}
	return 0
}

// expiry returns when a job of that status has waited in vain, zero for never.
func (t *Timer) expiry(s Status) event.Time {
	if s == Waiting && !t.Expires.IsZero() {
		return t.Expires.Add(ExpirySlack)
	}
	return t.Expires
}

// passed reports whether it is too late to begin the job.
func (t *Timer) passed(at event.Time) bool { return !t.Expires.IsZero() && at > t.Expires }

// After returns the timer as a fact leaves it. Of a submission that cannot be
// read it knows nothing: [Legal] refuses that.
func (t Timer) After(f event.Fact[Event]) Timer {
	switch e := f.Data.(type) {
	case Submitted:
		if o, err := e.Open(); err == nil {
			t = Timer{Expires: earliest(o.Spec.Expires, o.Spec.NotAfter), Timeout: o.Spec.Timeout}
			if e.Grant == nil {
				t.Due = o.Spec.Start(f.At)
			}
		}
	case Scheduled:
		t.Due = e.Due
	case Queued:
		t.Due = 0
	case Started:
		if t.Due.IsZero() { // else it is being stopped
			t.Due = f.At.Add(t.Timeout + TimeoutSlack)
		}
	case Stopping:
		t.Due = f.At.Add(StopLimit)
	case AttemptFailed:
		t.Due = e.Due
	case Replayed:
		t.Due = f.At
		t.Expires = cmp.Or(e.Limits.Expires, t.Expires)
		t.Timeout = cmp.Or(e.Limits.Timeout, t.Timeout)
	case Completed, Failed, AttemptLost, Stopped, Checkpointed, ReportRefused, Dropped, Deleted:
	}
	return t
}

// behind returns the first instant after one, zero after none.
func behind(end event.Time) event.Time {
	if end.IsZero() {
		return 0
	}
	return end.Add(time.Microsecond)
}

// earliest returns the earlier of two times, of which zero is never.
func earliest(a, b event.Time) event.Time {
	if a.IsZero() || !b.IsZero() && b < a {
		return b
	}
	return a
}
