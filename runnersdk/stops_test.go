package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// stopJob has somebody ask for an attempt to be stopped.
func (w *world) stopJob(id string, attempt uint32) {
	w.stopBy(w.Commit(queuetest.JobAggregate(id), job.Stopping{Attempt: attempt}))
}

func (w *world) stopBy(p signing.Proof) {
	w.notify(queue.Notice{Kind: queue.NoticeStop, Proof: p})
}

func TestStopEndsTheAttempt(t *testing.T) {
	tests := []struct {
		name    string
		handler Handler
		want    string
	}{
		{
			name: "with an error",
			handler: func(ctx context.Context, _ *Job) (string, error) {
				<-ctx.Done()
				return "half", context.Cause(ctx)
			},
			want: "j1 stopped: half",
		},
		{
			name: "with a failure",
			handler: func(ctx context.Context, _ *Job) (string, error) {
				<-ctx.Done()
				return "", &Failure{Message: "killed", Result: "some"}
			},
			want: "j1 stopped: some",
		},
		{
			name: "with its work done: that is first",
			handler: func(ctx context.Context, _ *Job) (string, error) {
				<-ctx.Done()
				return "all", nil
			},
			want: "j1 completed: all",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				var cause error
				s := w.serve(w.config(&logs{}), func(ctx context.Context, j *Job) (string, error) {
					result, err := test.handler(ctx, j)
					cause = context.Cause(ctx)
					return result, err
				})
				w.submit("j1", "p")
				time.Sleep(2 * time.Second)
				w.stopJob("j1", 1)
				synctest.Wait()
				s.expect("j1 started", test.want) // no time has passed
				if !errors.Is(cause, ErrStopped) {
					t.Errorf("the handler was told %v", cause)
				}
				s.stop()
				if err := <-s.done; err != nil {
					t.Errorf("run: %v", err)
				}
			})
		})
	}
}

// An attempt whose notice came before its entry does not begin.
func TestStopKeepsAnAttemptFromBeginning(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(context.Context, *Job) (string, error) { return "it began", nil })
		late := d.Assign(queuetest.Sign(queuetest.Document("j1", "p"), d.client))
		d.stopJob("j1", 1)
		d.turn()
		d.put(late)
		d.turn()
		d.expect("j1 stopped: ")
		if held := d.hands.all(); len(held) > 0 || d.hands.free() != 4 {
			t.Errorf("%d are held, %d slots are free", len(held), d.hands.free())
		}
	})
}

// One that waits for a slot need not wait to be stopped.
func TestStopOfAnAttemptThatWaitsForASlot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		logs := &logs{}
		c := w.config(logs)
		c.Slots = 1
		r, err := New(c, func(context.Context, *Job) (string, error) { <-gate; return "", nil })
		if err != nil {
			t.Fatal(err)
		}
		waits := &attempt{id: queue.EntryID{Term: 7, Seq: 9}, outbox: r.outbox, now: r.config.Now, job: &Job{ID: "j2", Attempt: 1}}
		runs := &attempt{job: &Job{ID: "j1", Attempt: 1}}
		r.hands.hold(runs)
		r.hands.hold(waits)
		r.stops.add(attemptName{"j2", 1}, queue.EntryID{Term: 7, Seq: 10})
		r.halt(t.Context(), waits)
		if r.outbox.size() != 1 {
			t.Error("it does not say that it stopped")
		}
		if next := r.hands.next(); next != waits || next.begin(nil, nil) {
			t.Error("it begins when a slot is free")
		}
		if r.outbox.size() != 1 {
			t.Error("it says it twice")
		}
	})
}

// Numbers of attempts are given again when a log lost its end: a notice is about
// the attempt that was granted before it.
func TestStopIsNotForALaterGrant(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.stopJob("j1", 1)
		d.turn()
		d.submit("j1", "p")
		d.turn()
		d.expect("j1 completed: p")
	})
}

func TestStopIsProved(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(w *world) signing.Proof
	}{
		{name: "sealed by another", spoil: func(w *world) signing.Proof {
			good := w.Supervisor
			w.Supervisor = queuetest.Key(w.t, "mallory")
			p := w.Commit(queuetest.JobAggregate("j1"), job.Stopping{Attempt: 1})
			w.Supervisor = good
			return p
		}},
		{name: "of another event", spoil: func(w *world) signing.Proof {
			return w.Commit(queuetest.JobAggregate("j1"), job.Started{Attempt: 1, Process: myProcess})
		}},
		{name: "with another event in its place", spoil: func(w *world) signing.Proof {
			p := w.Commit(queuetest.JobAggregate("j7"), job.Stopping{Attempt: 1})
			p.Event = event.Append(nil, w.Header(queuetest.JobAggregate("j1")), job.Stopping{Attempt: 1})
			return p
		}},
		{name: "of another attempt", spoil: func(w *world) signing.Proof {
			return w.Commit(queuetest.JobAggregate("j1"), job.Stopping{Attempt: 2})
		}},
		{name: "of another job", spoil: func(w *world) signing.Proof {
			return w.Commit(queuetest.JobAggregate("j2"), job.Stopping{Attempt: 1})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				gate := make(chan struct{})
				s := w.serve(w.config(&logs{}), func(ctx context.Context, _ *Job) (string, error) {
					<-gate
					return "", ctx.Err()
				})
				w.submit("j1", "p")
				time.Sleep(2 * time.Second)
				w.stopBy(test.spoil(w))
				time.Sleep(time.Second)
				close(gate)
				synctest.Wait()
				s.expect("j1 started", "j1 completed: ")
				s.end()
			})
		})
	}
}

// A stop is heard while the runner waits for its last jobs, too.
func TestStopIsHeardDuringGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.config(&logs{})
		c.Grace = time.Hour
		var told error
		s := w.serve(c, longJob(&told))
		w.submit("j1", "p")
		time.Sleep(2 * time.Second)
		s.stop()
		time.Sleep(10 * time.Second)
		w.stopJob("j1", 1)
		time.Sleep(time.Second)
		s.expect("j1 started", "j1 stopped: ", "leave")
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestStopsAreBounded(t *testing.T) {
	var s stops
	for i := range 3 * maxStops {
		s.add(attemptName{fmt.Sprint(i), 1}, queue.EntryID{Seq: 10})
	}
	if len(s.places) != maxStops || len(s.order) != maxStops {
		t.Errorf("%d are remembered", len(s.places))
	}
	newest := &attempt{job: &Job{ID: fmt.Sprint(3*maxStops - 1), Attempt: 1}, id: queue.EntryID{Seq: 9}}
	if !s.names(newest) {
		t.Error("the newest was forgotten")
	}
}

// A handler that listens to nobody keeps its slot, and no lease.
func TestHandlerThatHangsLosesItsLease(t *testing.T) {
	tests := []struct {
		name string
		end  func(w *world)
		wait time.Duration
		want []string // when it returns at last
	}{
		{
			name: "when it was stopped", end: func(w *world) { w.stopJob("j1", 1) },
			want: []string{"j1 stopped: "},
		},
		{
			name: "when its time is over", wait: time.Minute, end: func(*world) {},
			want: []string{"j1 timeout: late"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				logs := &logs{}
				gate := make(chan struct{})
				s := w.serve(w.config(logs), func(context.Context, *Job) (string, error) {
					<-gate
					return "", errors.New("late")
				})
				id := w.submit("j1", "p")
				time.Sleep(2*time.Second + test.wait)
				test.end(w)
				time.Sleep(stopTime + 5*time.Second)
				before := w.wire.Renewals(id)
				time.Sleep(time.Minute)
				if after := w.wire.Renewals(id); after != before {
					t.Errorf("its lease was renewed %d times more", after-before)
				}
				if logs.count("its attempt is given up") != 1 {
					t.Error("the log does not say so once")
				}
				if free := s.hands.free(); free != 3 {
					t.Errorf("%d slots are free", free)
				}
				close(gate)
				synctest.Wait()
				s.expect(append([]string{"j1 started"}, test.want...)...)
				if free := s.hands.free(); free != 4 {
					t.Errorf("%d slots are free when it returned", free)
				}
				s.end()
			})
		})
	}
}
