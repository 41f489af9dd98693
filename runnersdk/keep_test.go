package runnersdk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// longJob runs until it is told to stop, and says why.
func longJob(told *error) Handler {
	return func(ctx context.Context, _ *Job) (string, error) {
		<-ctx.Done()
		*told = context.Cause(ctx)
		return "", ctx.Err()
	}
}

// sleep lets time pass in steps, with turns between them. Errors of the wire
// are what these tests are about.
func (d *turns) sleep(most time.Duration) {
	d.t.Helper()
	const step = 250 * time.Millisecond
	for ; most > 0; most -= step {
		time.Sleep(step)
		_, _ = d.Turn(d.t.Context())
		synctest.Wait()
	}
}

func TestLeaseIsRenewedEveryThird(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told error
		d := begin(t, longJob(&told))
		id := d.submit("j1", "p")
		d.turn()
		d.sleep(27 * time.Second)
		if n := d.wire.Renewals(id); n < 8 || n > 9 {
			t.Errorf("renewed %d times in three leases", n)
		}
		if told != nil {
			t.Errorf("the job was told to stop: %v", told)
		}
	})
}

func TestJobIsKilledWhenItIsNoLongerOurs(t *testing.T) {
	q := job.RunnerQueue(me)
	tests := []struct {
		name string
		take func(*turns, queue.EntryID)
	}{
		{name: "because the leader removed the entry", take: func(d *turns, id queue.EntryID) { d.wire.Remove(q, id) }},
		{name: "because another process owns it", take: func(d *turns, id queue.EntryID) { d.wire.Give(q, id, "b2") }},
		{name: "because the queue is gone", take: func(d *turns, _ queue.EntryID) { d.wire.DropQueue(q) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				var told error
				d := begin(t, longJob(&told))
				id := d.submit("j1", "p")
				d.turn()
				d.sleep(1500 * time.Millisecond)
				d.expect("j1 started")
				test.take(d, id)
				d.sleep(3 * time.Second)
				if !errors.Is(told, ErrLost) {
					t.Errorf("the job was told %v", told)
				}
				d.sleep(time.Second)
				d.expect() // its end is not ours to tell
				if len(d.hands.all()) != 0 {
					t.Error("it is still held")
				}
			})
		})
	}
}

func TestJobIsKilledAfterALeaseWithoutRenewal(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told error
		d := begin(t, longJob(&told))
		d.submit("j1", "p")
		d.turn()
		d.wire.OnCall(func(string) (bool, error) { return false, errors.New("cut off") })
		d.sleep(8500 * time.Millisecond)
		if told != nil {
			t.Errorf("killed within its lease: %v", told)
		}
		d.sleep(500 * time.Millisecond)
		if !errors.Is(told, ErrLost) {
			t.Errorf("after a lease the job was told %v", told)
		}
	})
}

func TestRenewalThatFailedIsTriedSoonAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told error
		d := begin(t, longJob(&told))
		d.submit("j1", "p")
		d.turn()
		failures := 6
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Renew" && failures > 0 {
				failures--
				return false, errors.New("a blip")
			}
			return true, nil
		})
		d.sleep(20 * time.Second)
		if told != nil || failures > 0 {
			t.Errorf("after a blip the job was told %v", told)
		}
	})
}

// A job that ended is renewed until its report arrived: nobody else is to run
// it meanwhile. Afterwards it is not, so a report that Redis forgot costs a
// lease and not the job.
func TestEndedJobIsKeptUntilItsReportArrived(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Send" {
				return false, errors.New("no room")
			}
			return true, nil
		})
		id := d.submit("j1", "p")
		d.sleep(20 * time.Second)
		if n := d.wire.Renewals(id); n < 5 {
			t.Errorf("renewed %d times in 20 seconds", n)
		}
		d.wire.OnCall(nil)
		d.turn()
		d.expect("j1 completed: p")
		before := d.wire.Renewals(id)
		d.sleep(20 * time.Second)
		if n := d.wire.Renewals(id); n != before {
			t.Errorf("renewed %d times after its report", n-before)
		}
	})
}

// A handler that ignores its context and ends well is worth a report: if the
// attempt is still open it need not run again.
func TestLostJobThatEndsWellIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(context.Context, *Job) (string, error) { time.Sleep(20 * time.Second); return "done", nil })
		id := d.submit("j1", "p")
		d.turn()
		d.sleep(2 * time.Second)
		d.wire.Give(job.RunnerQueue(me), id, "b2")
		d.sleep(20 * time.Second)
		d.expect("j1 started", "j1 completed: done")
		if !d.logs.has("stopped an attempt") {
			t.Error("it was not stopped")
		}
	})
}

// A runner was given a lease of 30 seconds and its supervisors one of three: a
// job that ran well was lost three times, and failed.
func TestShorterLeaseOfTheLeaderIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		logs := &logs{}
		c := w.config(logs)
		c.Lease = 30 * time.Second
		s := w.serve(c, func(context.Context, *Job) (string, error) { time.Sleep(time.Minute); return "done", nil })
		id := w.put(w.Assign(queuetest.Sign(`{"id":"j1","runner":"r1","payload":"p"}`, w.client)))
		time.Sleep(12 * time.Second)
		if n := w.wire.Renewals(id); n > 2 {
			t.Errorf("renewed %d times in 12 seconds of its own lease", n)
		}
		before := w.wire.Renewals(id)
		for _, word := range []string{"2999", "300001", "-3000", "soon", ""} {
			w.wire.SetMode(queue.LeaseField, word) // no lease that can be
			time.Sleep(time.Second)
		}
		if logs.has("the shorter one is kept") {
			t.Error("it kept a lease that cannot be")
		}
		w.wire.SetMode(queue.LeaseField, "3000")
		time.Sleep(9 * time.Second)
		w.wire.SetMode(queue.LeaseField, "") // whoever takes the word away lengthens nothing
		time.Sleep(9 * time.Second)
		if n := w.wire.Renewals(id) - before; n < 16 {
			t.Errorf("renewed %d times in six of the leader's leases", n)
		}
		if !logs.has("the shorter one is kept") || logs.has("nothing is paused any more") {
			t.Error("the log says nothing of the lease, or something of a pause")
		}
		w.wire.SetMode(queue.LeaseField, "300000")
		time.Sleep(time.Second)
		before = w.wire.Renewals(id)
		time.Sleep(20 * time.Second)
		if n := w.wire.Renewals(id) - before; n < 1 || n > 2 {
			t.Errorf("renewed %d times in 20 seconds; its own lease is 30", n)
		}
		time.Sleep(10 * time.Second)
		s.expect("j1 started", "j1 completed: done")
		s.stop()
		if err := <-s.done; err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	})
}

// A job whose leader is cut off is killed when the leader's lease is over.
func TestJobIsKilledAfterTheLeadersLease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told error
		w := newWorld(t)
		w.wire.SetMode(queue.LeaseField, "3000")
		d := w.begin(longJob(&told))
		d.submit("j1", "p")
		d.turn()
		d.wire.OnCall(func(string) (bool, error) { return false, errors.New("cut off") })
		d.sleep(2500 * time.Millisecond)
		if told != nil {
			t.Errorf("killed within its lease: %v", told)
		}
		d.sleep(500 * time.Millisecond)
		if !errors.Is(told, ErrLost) {
			t.Errorf("after the leader's lease the job was told %v", told)
		}
	})
}
