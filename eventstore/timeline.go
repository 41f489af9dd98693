package eventstore

import (
	"time"

	"github.com/herocode/horus/domain/event"
)

// timeline is the time of a history: a leader's clock, which may be set, and is
// another one with every leader. It never goes back. While the clock is behind
// what the history says already, it goes on at half the clock's speed: whatever
// waits for a while waits at most twice as long, however far a clock was ahead
// once, and the clock catches up. The leader's lock guards it.
type timeline struct {
	clock func() time.Time

	met   event.Time // what it said when it last met the clock, or began
	since time.Time  // when that was
	last  event.Time // what it said last
}

// newTimeline goes on behind the latest time of a history.
func newTimeline(clock func() time.Time, latest event.Time) timeline {
	return timeline{clock: clock, met: latest, since: clock(), last: latest}
}

func (t *timeline) now() event.Time {
	now := t.clock()
	t.last = max(t.last, t.met.Add(now.Sub(t.since)/2)) // by the clocks' monotonic parts, which nobody sets
	if wall := event.At(now); wall >= t.last {
		t.met, t.since, t.last = wall, now, wall
	}
	return t.last
}

// behind returns how far the clock is behind the history.
func (t *timeline) behind() time.Duration {
	return max(t.now().Sub(event.At(t.clock())), 0)
}

// ClockBehind returns how far the leader's clock is behind the time of the
// history: it was set back, or the clock of a leader before was ahead. Meanwhile
// the history's time goes at half speed, see [Leader.Now].
func (l *Leader) ClockBehind() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.time.behind()
}

// Now returns the time that a decision would bear now: the clock's, unless the
// history says that it is later. Then it goes on at half the clock's speed, until
// the clock has caught up.
func (l *Leader) Now() event.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.time.now()
}
