package redelivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/runnersdk/queue"
)

const (
	lease = 9 * time.Second
	every = redelivery.Every
)

var errLost = errors.New("the connection is gone")

// entry is a delivery as the store keeps it.
type entry struct {
	queue    job.Queue
	id       queue.EntryID
	consumer string
	touched  time.Time // by the store's clock
}

// yard is a sweep and what it watches. Nothing in it moves by itself.
type yard struct {
	rapid.TB
	sweep   *redelivery.Sweep
	now     time.Time     // by our clock
	skew    time.Duration // of the store's clock
	latency time.Duration // of each answer, half of it on the way back
	onWay   func()        // what happens while an answer is on its way; nil for nothing
	entries []*entry
	trouble error        // of the store
	verdict func() error // of the leader; nil for yes
	events  map[uint64][]byte
	adrift  []uint64 // delivered in r1, and nobody holds them
	retired int      // how often processes were forgotten
	asked   int      // how often the leader was
	lost    int
	job     func() job.State // how every job is; nil for running
}

func newYard(t rapid.TB) *yard {
	y := &yard{TB: t, now: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), events: map[uint64][]byte{}}
	y.restart()
	return y
}

// restart makes another sweep, as another leader does.
func (y *yard) restart() {
	y.sweep = redelivery.New(redelivery.Config{
		Deliveries: y, Ledger: y, Busy: busy, Job: y.state, Log: grants{nil, y}, Lease: lease,
		Clock: func() time.Time { return y.now }, Logger: slog.New(slog.DiscardHandler),
	})
}

func (y *yard) store() time.Time { return y.now.Add(y.skew) }

// deliver hands an entry to a consumer.
func (y *yard) deliver(seq uint64, consumer string) *entry {
	y.events[seq] = event.Append(nil, event.Header{
		Namespace: "horus", Aggregate: event.Aggregate{Kind: event.Job, ID: fmt.Sprintf("j%d", seq)}, Version: 1,
		At: 1, Actor: event.BySystem("test"),
	}, job.Completed{Attempt: 1}) // what granted it is the leader's business
	e := &entry{queue: job.RunnerQueue("r1"), id: queue.EntryID{Term: 1, Seq: seq}, consumer: consumer}
	y.entries = append(y.entries, e)
	y.renew(e)
	return e
}

func (y *yard) renew(e *entry) { e.touched = y.store() }

func (y *yard) remove(e *entry) {
	y.entries = slices.DeleteFunc(y.entries, func(other *entry) bool { return other == e })
}

// busy are the queues in which something stands.
func busy() []job.Queue { return []job.Queue{job.RunnerQueue("r1"), job.ExecutorQueue("sh")} }

func (y *yard) Pending(_ context.Context, queues []job.Queue) ([][]redelivery.Delivery, error) {
	y.now = y.now.Add(y.latency / 2)
	pending := make([][]redelivery.Delivery, len(queues))
	for _, e := range y.entries {
		if i := slices.Index(queues, e.queue); i >= 0 {
			idle := max(y.store().Sub(e.touched), 0).Truncate(time.Millisecond) // as Redis answers
			pending[i] = append(pending[i], redelivery.Delivery{ID: e.id, Consumer: e.consumer, Idle: idle})
		}
	}
	y.now = y.now.Add(y.latency / 4)
	if y.onWay != nil {
		y.onWay()
	}
	y.now = y.now.Add(y.latency / 4)
	return pending, y.trouble
}

func (y *yard) Adrift(_ context.Context, queues []job.Queue) ([][]queue.EntryID, error) {
	ids := make([][]queue.EntryID, len(queues))
	for _, seq := range y.adrift {
		if i := slices.Index(queues, job.RunnerQueue("r1")); i >= 0 {
			ids[i] = append(ids[i], queue.EntryID{Term: 1, Seq: seq})
		}
	}
	return ids, y.trouble
}

func (y *yard) Retire(context.Context, []job.Queue, time.Duration) error {
	y.retired++
	return y.trouble
}

func (y *yard) Execute(_ context.Context, w eventstore.Work) error {
	if len(w.Aggregates) != 1 || w.Aggregates[0].ID[0] != 'j' {
		y.Errorf("the leader was asked about %v", w.Aggregates)
	}
	y.asked++
	if y.verdict != nil {
		return y.verdict()
	}
	y.lost++
	return nil
}

// state is how a job is.
func (y *yard) state(_ context.Context, id job.ID) (job.State, error) {
	if y.job != nil {
		return y.job(), nil
	}
	var seq uint64
	_, err := fmt.Sscanf(id.String(), "j%d", &seq)
	return job.State{Status: job.Running, Token: signing.LeafHash(y.events[seq])}, err
}

// grants is a log that has only what a sweep asks for.
type grants struct {
	eventstore.Log
	y *yard
}

func (g grants) Get(_ context.Context, seqs []uint64) ([]history.Raw, error) {
	raws := make([]history.Raw, len(seqs))
	for i, seq := range seqs {
		raws[i] = history.Raw{Seq: seq, Event: g.y.events[seq]}
	}
	return raws, nil
}

func (y *yard) turn() {
	y.Helper()
	if _, err := y.sweep.Turn(context.Background()); err != nil {
		y.Fatalf("turn: %v", err)
	}
}

// watch turns every so often for d, and renews the entries that renewed names
// every third of a lease.
func (y *yard) watch(d time.Duration, renewed ...*entry) {
	y.Helper()
	start := y.now
	for next := start.Add(lease / 3); y.now.Before(start.Add(d)); y.now = y.now.Add(y.sweep.Rest()) {
		if !y.now.Before(next) {
			next = next.Add(lease / 3)
			for _, e := range renewed {
				y.renew(e)
			}
		}
		y.turn()
	}
}

func (y *yard) want(lost int) {
	y.Helper()
	if y.lost != lost {
		y.Errorf("%d attempts are lost after %v, want %d", y.lost, y.now.Format("04:05.000"), lost)
	}
}

func TestAnAttemptIsLostAfterALeaseWithoutRenewal(t *testing.T) {
	y := newYard(t)
	y.turn()
	y.deliver(1, "a1")
	y.watch(lease)
	y.want(0)
	y.watch(every + time.Millisecond)
	y.want(1)
	y.watch(lease)
	y.want(1)
	if y.asked != 1 {
		t.Errorf("the leader was asked %d times", y.asked)
	}
}

func TestARenewedAttemptIsNotLost(t *testing.T) {
	y := newYard(t)
	kept := y.deliver(1, "a1")
	left := y.deliver(2, "a1")
	y.watch(3*lease, kept)
	y.want(1)
	y.remove(left)
	y.watch(lease, kept)
	y.want(1)
	y.watch(lease + every)
	y.want(2)
}

// Answers that took longer hid every other renewal.
func TestASlowStoreHidesNoRenewal(t *testing.T) {
	for _, latency := range []time.Duration{time.Millisecond, 300 * time.Millisecond, time.Second, 2 * time.Second} {
		y := newYard(t)
		y.latency = latency
		e := y.deliver(1, "a1")
		y.watch(10*lease, e)
		y.want(0)
	}
}

func TestAJumpOfTheStoresClockLosesNothing(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, lease, -lease, time.Second, -time.Second} {
		for at := range 20 { // at every place between two renewals
			y := newYard(t)
			e := y.deliver(1, "a1")
			y.watch(2*lease+time.Duration(at)*every, e)
			y.skew = jump
			y.watch(2*lease, e)
			y.want(0)
		}
	}
}

func TestAJumpOfTheStoresClockKeepsNoDeadAttemptForEver(t *testing.T) {
	for _, tt := range []struct{ jump, late time.Duration }{
		{time.Hour, lease}, {time.Second, lease}, {-time.Second, lease}, {-time.Minute, time.Minute + lease},
	} {
		y := newYard(t)
		y.deliver(1, "a1")
		y.watch(lease / 2)
		y.skew = tt.jump
		y.watch(lease/2 + tt.late + every)
		y.want(1)
	}
}

// A jump ahead that was shorter than the entry was idle made a renewal look like
// none.
func TestAJumpAheadHidesNoRenewal(t *testing.T) {
	y := newYard(t)
	e := y.deliver(1, "a1")
	y.watch(lease / 2)
	y.renew(e)
	y.skew = lease / 4
	y.watch(lease)
	y.want(0)
	y.watch(every)
	y.want(1)
}

// A renewal that was made in time, while a slow answer was on its way, came too
// late.
func TestARenewalDuringTheLastLookIsInTime(t *testing.T) {
	y := newYard(t)
	e := y.deliver(1, "a1")
	y.watch(lease)
	y.latency = 4 * every
	y.onWay = func() { y.renew(e); y.onWay = nil }
	y.turn()
	y.want(0)
	y.watch(lease / 2)
	y.want(0)
}

func TestAnotherConsumerGetsALeaseOfItsOwn(t *testing.T) {
	y := newYard(t)
	e := y.deliver(1, "a1")
	y.watch(lease - every)
	e.consumer = "a2" // claimed without a renewal
	y.watch(lease)
	y.want(0)
	y.watch(every)
	y.want(1)
}

func TestALeaderThatStartsWatchesAnew(t *testing.T) {
	y := newYard(t)
	y.deliver(1, "a1")
	y.now = y.now.Add(time.Hour)
	y.watch(lease - every)
	y.restart()
	y.watch(lease)
	y.want(0)
	y.watch(every)
	y.want(1)
}

func TestAfterAnOutageEverybodyGetsALease(t *testing.T) {
	y := newYard(t)
	y.deliver(1, "a1")
	y.watch(lease / 2)
	outage := func(d time.Duration) {
		y.trouble = errLost
		for end := y.now.Add(d); y.now.Before(end); y.now = y.now.Add(every) {
			if _, err := y.sweep.Turn(t.Context()); !errors.Is(err, errLost) {
				t.Fatalf("Turn = %v", err)
			}
		}
		y.trouble = nil
	}
	outage(time.Hour)
	y.watch(lease)
	y.want(0)
	y.watch(every)
	y.want(1)

	y.deliver(2, "a1")
	y.watch(lease / 2)
	outage(2 * every) // no longer than between two renewals
	y.watch(lease/2 + every)
	y.want(2)
}

func TestAnAttemptThatEndedMeanwhileIsNotLost(t *testing.T) {
	for _, code := range []domain.Code{domain.Stale, domain.NotFound} {
		y := newYard(t)
		y.deliver(1, "a1")
		y.verdict = func() error { return domain.Errorf(code, "stale", "it ended") }
		y.watch(3 * lease)
		y.want(0)
		if y.asked != 1 {
			t.Errorf("%s: the leader was asked %d times", code, y.asked)
		}
	}
}

func TestALeaderThatCannotAnswerIsAskedAgain(t *testing.T) {
	y := newYard(t)
	y.deliver(1, "a1")
	y.verdict = func() error { return domain.Errorf(domain.Overloaded, "overloaded", "later") }
	y.watch(lease + every)
	if _, err := y.sweep.Turn(t.Context()); domain.CodeOf(err) != domain.Overloaded {
		t.Errorf("Turn = %v", err)
	}
	y.verdict = nil
	y.turn()
	y.want(1)
}

// An entry that was acknowledged by hand, or whose consumer was removed, stood
// in its queue for ever: no look at what consumers hold shows it.
func TestAnEntryThatNobodyHoldsIsLost(t *testing.T) {
	y := newYard(t)
	y.remove(y.deliver(7, "a1"))
	y.adrift = []uint64{7}
	y.turn()
	y.want(1)
	y.adrift = nil
	y.watch(2 * time.Minute)
	y.want(1)
	if y.retired < 1 || y.retired > 3 {
		t.Errorf("processes were forgotten %d times in 2 minutes", y.retired)
	}
}

// One entry that nobody granted ended every look before the others were seen.
func TestAnEntryThatNobodyGrantedHoldsNobodyUp(t *testing.T) {
	y := newYard(t)
	y.deliver(7, "a1")
	y.events[7] = nil
	y.deliver(8, "a1")
	y.events[8] = []byte("{}")
	y.deliver(9, "a1")
	y.events[9] = event.Append(nil, event.Header{
		Namespace: "horus", Aggregate: event.Aggregate{Kind: event.Report, ID: "r1/a1"}, Version: 1, At: 1, Actor: "x",
	}, job.Completed{Attempt: 1})
	y.deliver(10, "a1")
	y.watch(lease + every + time.Millisecond)
	y.want(1)
}

// A process that took an attempt, kept it and never said that it began was waited
// for for ever: an attempt's timeout begins with that word.
func TestAnAttemptThatIsNeverBegunIsLost(t *testing.T) {
	y := newYard(t)
	e := y.deliver(1, "a1")
	is := job.State{Status: job.Waiting, Token: signing.LeafHash(y.events[1]), Timer: job.Timer{Timeout: time.Minute}}
	y.job = func() job.State { return is }
	y.watch(time.Minute+job.TimeoutSlack-time.Second, e)
	y.want(0)
	y.watch(2*time.Second, e)
	y.want(1)

	y = newYard(t)
	e = y.deliver(1, "a1")
	calls := 0
	y.job = func() job.State { calls++; is := is; is.Status = job.Running; return is }
	y.watch(time.Hour, e)
	y.want(0)
	if calls != 1 {
		t.Errorf("the leader was asked %d times whether an attempt had begun", calls)
	}
}

// TestAnAttemptIsLostInTime renews, claims and stalls at random, also while an
// answer is on its way, under a store whose answers take their time and whose
// clock may jump by more than a lease. No attempt is ever lost before a lease has
// passed since it was renewed last; while the clock is sane, none is kept for
// more than two looks longer.
func TestAnAttemptIsLostInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := newYard(t)
		milliseconds := func(most int, what string) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, what)) * time.Millisecond
		}
		slowest := rapid.SampledFrom([]int{0, 10, 200, 2000}).Draw(t, "slowest")
		sane := rapid.Bool().Draw(t, "sane")
		y.watch(milliseconds(2000, "before"))
		e := y.deliver(1, "a1")
		renewed, next := y.now, y.now.Add(milliseconds(499, "phase"))
		inTime := renewed // the last renewal that the store had seen when it answered last
		renew := func() { y.renew(e); renewed = y.now }
		look := func() {
			y.now = later(y.now, next)
			y.latency, inTime = milliseconds(slowest, "latency"), renewed
			y.turn()
			next = y.now.Add(y.sweep.Rest())
			y.onWay = nil
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			until := y.now.Add(milliseconds(4000, "step"))
			for next.Before(until) && y.lost == 0 {
				look()
			}
			if y.lost > 0 {
				break
			}
			y.now = later(y.now, until)
			switch rapid.SampledFrom([]string{"renew", "renew", "renew on the way", "claim", "jump"}).Draw(t, "what") {
			case "renew":
				renew()
			case "renew on the way":
				y.onWay = renew
			case "claim":
				e.consumer += "x"
				renew()
			case "jump":
				if !sane {
					jump := rapid.IntRange(10, 3600).Draw(t, "jump") * rapid.SampledFrom([]int{-1, 1}).Draw(t, "direction")
					y.skew += time.Duration(jump) * time.Second
				}
			}
		}
		for end := y.now.Add(2 * lease); y.lost == 0 && y.now.Before(end); {
			look()
		}
		took := y.now.Sub(inTime)
		if y.lost > 0 && took < lease {
			t.Fatalf("lost %v after its renewal", took)
		}
		// Of each look, both questions take their time, and so does the one
		// that was on its way when the attempt was renewed.
		if most := lease + every + 8*time.Duration(slowest)*time.Millisecond; sane && took > most {
			t.Fatalf("lost %v after its renewal, want at most %v", took, most)
		}
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
