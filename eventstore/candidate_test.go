package eventstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/herocode/horus/domain/term"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
)

// office is a lease and the clock of whoever wants it.
type office struct {
	*memstore.Store
	t         *testing.T
	clock     *clock
	loseReply bool
	freeze    time.Duration // that the next look at the lease takes
	down      bool          // looks at the lease fail
}

func (o *office) Holder(ctx context.Context) (eventstore.Holder, error) {
	o.clock.Advance(o.freeze)
	o.freeze = 0
	if o.down {
		return eventstore.Holder{}, errLost
	}
	return o.Store.Holder(ctx)
}

func newOffice(t *testing.T) *office {
	return &office{Store: memstore.New(), t: t, clock: &clock{time.Unix(1_000_000, 0)}}
}

func (o *office) candidate(name string) *eventstore.Candidate {
	c := &eventstore.Candidate{Lease: o, Name: "s", Clock: o.clock.Now}
	if err := c.Name.UnmarshalText([]byte(name)); err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *office) Take(ctx context.Context, seen, next eventstore.Holder) error {
	err := o.Store.Take(ctx, seen, next)
	if o.loseReply {
		return errLost
	}
	return err
}

// try fails the test unless c gets the term, or one that a salt moved on from
// it; 0 for none.
func (o *office) try(c *eventstore.Candidate, want uint64) {
	o.t.Helper()
	got, err := c.Try(o.t.Context())
	if err != nil || want == 0 && got != 0 || want != 0 && (got < want || got >= want+term.Spread) {
		o.t.Fatalf("Try of %s = %d, %v; want %d", c.Name, got, err, want)
	}
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

const firstTerm = 1_000_000_000 // the clock's milliseconds

func TestAFreeLeaseIsTakenAtOnce(t *testing.T) {
	o := newOffice(t)
	o.try(o.candidate("a"), firstTerm)
	o.must(o.Release(t.Context(), firstTerm))
	o.try(o.candidate("b"), firstTerm+1)
}

func TestALeaseIsTakenWhenItsBeatStoodStill(t *testing.T) {
	o := newOffice(t)
	o.try(o.candidate("a"), firstTerm)
	b := o.candidate("b")
	o.try(b, 0)
	o.clock.Advance(eventstore.TakeAfter - 1)
	o.try(b, 0)
	o.must(o.Beat(t.Context(), firstTerm))
	o.clock.Advance(1)
	o.try(b, 0)
	o.clock.Advance(eventstore.TakeAfter - 1)
	o.try(b, 0)
	if b.Leading() != "a" {
		t.Errorf("%q leads, want a", b.Leading())
	}
	o.clock.Advance(1)
	o.try(b, firstTerm+4000) // the clock's milliseconds by now
}

func TestStandstillIsMeasuredFromTheFirstLook(t *testing.T) {
	o := newOffice(t)
	o.try(o.candidate("a"), firstTerm)
	o.clock.Advance(time.Hour)
	b := o.candidate("b")
	o.try(b, 0)
	o.clock.Advance(eventstore.TakeAfter)
	o.try(b, firstTerm+3602_000)
}

// A Redis that froze had frozen its leader's beats too: the stand-by took the
// lease from a leader that lived, because it had counted the time in which it
// could not look.
func TestWhatCouldNotBeWatchedDidNotStandStill(t *testing.T) {
	for name, outage := range map[string]func(*office, *eventstore.Candidate){
		"an answer that came late": func(o *office, _ *eventstore.Candidate) { o.freeze = time.Minute },
		"no answer": func(o *office, b *eventstore.Candidate) {
			o.down = true
			if _, err := b.Try(t.Context()); err == nil {
				t.Fatal("a store that is down was looked at")
			}
			o.down = false
			o.clock.Advance(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.try(o.candidate("a"), firstTerm)
			b := o.candidate("b")
			o.try(b, 0)
			outage(o, b)
			o.try(b, 0)
			o.clock.Advance(eventstore.TakeAfter - 1)
			o.try(b, 0)
			o.clock.Advance(1)
			if got, err := b.Try(t.Context()); got == 0 || err != nil {
				t.Fatalf("the lease was not taken after it stood still: %v", err)
			}
		})
	}
}

func TestOfTwoCandidatesOneWins(t *testing.T) {
	o := newOffice(t)
	o.try(o.candidate("a"), firstTerm)
	b, c := o.candidate("b"), o.candidate("c")
	o.try(b, 0)
	o.try(c, 0)
	o.clock.Advance(eventstore.TakeAfter)
	race := &rival{office: o, other: b}
	c.Lease = race
	o.try(c, 0)
	if race.won != firstTerm+2000 {
		t.Errorf("b won term %d, want %d", race.won, firstTerm+2000)
	}
	o.try(c, 0) // begins to watch b
	o.clock.Advance(eventstore.TakeAfter - 1)
	o.try(c, 0)
	o.clock.Advance(1)
	o.try(c, firstTerm+4000)
}

// rival lets another candidate be faster between a look and a take.
type rival struct {
	*office
	other *eventstore.Candidate
	won   uint64
}

func (r *rival) Take(ctx context.Context, seen, next eventstore.Holder) error {
	if r.won == 0 {
		won, err := r.other.Try(ctx)
		r.must(err)
		r.won = won
	}
	return r.office.Take(ctx, seen, next)
}

func TestALostReplyOfTakeHeals(t *testing.T) {
	o := newOffice(t)
	c := o.candidate("a")
	o.loseReply = true
	if got, err := c.Try(t.Context()); got != 0 || err == nil {
		t.Fatalf("Try = %d, %v; want an error", got, err)
	}
	o.loseReply = false
	o.try(c, 0)
	o.clock.Advance(eventstore.TakeAfter)
	o.try(c, firstTerm+2000)
}

func TestTermsGrow(t *testing.T) {
	o := newOffice(t)
	c := o.candidate("a")
	last := uint64(0)
	for _, step := range []time.Duration{0, 0, time.Hour, -2 * time.Hour, 0, time.Minute} {
		o.clock.Advance(step)
		got, err := c.Try(t.Context())
		o.must(err)
		if got <= last {
			t.Errorf("term %d follows term %d", got, last)
		}
		last = got
		o.must(o.Release(t.Context(), got))
	}
}

// A lease that was deleted gave terms out again when the clock was behind.
func TestTermsGrowAlthoughTheLeaseWasDeleted(t *testing.T) {
	o := newOffice(t)
	c := o.candidate("a")
	o.try(c, firstTerm)
	o.Store = memstore.New()
	o.clock.Advance(-time.Hour)
	o.try(c, firstTerm+1)

	o.Store = memstore.New()
	other := o.candidate("b")
	other.Known = firstTerm + 7 // in the log
	o.try(other, firstTerm+8)
}

// A store came back with an older copy of its lease, and a stand-by whose clock
// was behind gave out terms below those that it had watched another leader hold:
// runners, who had taken work of the later term, refused everything from then on.
func TestAStandByRemembersTheTermsOfOthers(t *testing.T) {
	o := newOffice(t)
	leader, standBy := o.candidate("a"), o.candidate("b")
	o.try(leader, firstTerm)
	forget := o.Snapshot()
	o.must(o.Release(t.Context(), firstTerm))
	o.clock.Advance(time.Minute)
	o.try(leader, firstTerm+60_000)
	o.try(standBy, 0) // it sees who leads
	forget()
	o.clock.Advance(-time.Hour)
	o.try(standBy, 0)
	o.clock.Advance(eventstore.TakeAfter)
	o.try(standBy, firstTerm+60_001)
}

// Redis forgot that a lease was taken, as a kill under everysec makes it, and the
// clocks were behind the last term: the next one to take it got the same term,
// and the log had two leaders of one number.
func TestNoTermIsTakenTwiceWhereRedisForgetsTheFirst(t *testing.T) {
	taken := map[uint64]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		o := newOffice(t) // which nobody took, as far as it remembers
		c := o.candidate(name)
		c.Known = 2 * firstTerm
		got, err := c.Try(t.Context())
		if other, twice := taken[got]; err != nil || got <= 2*firstTerm || twice {
			t.Errorf("%s takes term %d (%v) as %q did", name, got, err, other)
		}
		taken[got] = name
	}
}
