package runnersdk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
)

func TestPausedQueueOrRunnerTakesNothing(t *testing.T) {
	for _, field := range []string{queue.ModeOfRunner(me), queue.ModeOf(job.RunnerQueue(me))} {
		for _, word := range []string{"paused", "a word of tomorrow"} {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.wire.SetMode(field, word)
				s := w.serve(w.config(&logs{}), echo)
				id := w.submit("j1", "p")
				time.Sleep(time.Minute)
				if owner := w.wire.Owner(job.RunnerQueue(me), id); owner != "" {
					t.Errorf("%s %s: a job was taken", field, word)
				}
				w.wire.SetMode(field, "")
				time.Sleep(time.Second)
				s.expect("j1 completed: p")
				w.wire.SetMode(field, word)
				time.Sleep(time.Second)
				w.submit("j2", "p")
				time.Sleep(time.Minute)
				s.expect()
				s.stop()
				if err := <-s.done; err != nil {
					t.Errorf("run: %v", err)
				}
			})
		}
	}
}

// What waits in a queue that was drained is worked off.
func TestDrainedQueueIsServed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.wire.SetMode(queue.ModeOf(job.RunnerQueue(me)), "drained")
		d := w.begin(echo)
		d.submit("j1", "p")
		d.turn()
		d.expect("j1 completed: p")
	})
}

// A pause takes nothing back: what an answer that was lost had delivered is run,
// since nobody else can before its lease is over, and that costs an attempt.
func TestPauseKeepsWhatWasDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Take" {
				return true, errors.New("the answer is lost")
			}
			return true, nil
		})
		d.submit("j1", "p")
		if _, err := d.Turn(t.Context()); err == nil {
			t.Error("a lost answer is no error")
		}
		d.wire.SetMode(queue.ModeOfRunner(me), "paused")
		d.submit("j2", "p")
		time.Sleep(time.Second)
		d.turn()
		d.expect("j1 completed: p")
	})
}

// Nothing is taken before it is known whether it may be.
func TestModesThatCannotBeReadDelayAClaim(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		fail := true
		w.wire.OnCall(func(method string) (bool, error) {
			if method == "Modes" && fail {
				return false, errors.New("no answer")
			}
			return true, nil
		})
		w.submit("j1", "p")
		r, err := New(w.config(&logs{}), echo)
		if err != nil {
			t.Fatal(err)
		}
		d := &turns{world: w, Runner: r}
		for range 3 {
			if _, err := d.Turn(t.Context()); err == nil {
				t.Error("no error")
			}
			time.Sleep(time.Second)
		}
		fail = false
		d.turn()
		d.expect("join")
	})
}

func TestDrainedRunnerFinishesAndEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		logs := &logs{}
		s := w.serve(w.config(logs), func(context.Context, *Job) (string, error) {
			time.Sleep(30 * time.Second) // longer than Grace
			return "done", nil
		})
		w.submit("j1", "p")
		time.Sleep(2 * time.Second)
		w.wire.SetMode(queue.ModeOfRunner(me), "drained")
		time.Sleep(time.Second)
		late := w.submit("j2", "p")
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
		s.expect("j1 started", "j1 completed: done", "leave")
		if owner := w.wire.Owner(job.RunnerQueue(me), late); owner != "" {
			t.Error("it took a job after it was drained")
		}
		if !logs.has("this process ends when what it holds is done") {
			t.Error("nobody says why it ends")
		}
		s.stop()
	})
}

// Who resumes an id before its processes have ended keeps them.
func TestResumedRunnerStays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		d := begin(t, func(context.Context, *Job) (string, error) { <-gate; return "", nil })
		d.submit("j1", "p")
		d.turn()
		d.wire.SetMode(queue.ModeOfRunner(me), "drained")
		time.Sleep(time.Second)
		d.submit("j2", "p")
		d.turn()
		d.wire.SetMode(queue.ModeOfRunner(me), "")
		time.Sleep(time.Second)
		d.turn()
		gate <- struct{}{}
		synctest.Wait()
		d.turn()
		d.expect("j1 started", "j1 completed: ")
		close(gate)
		time.Sleep(time.Second)
		d.turn()
		d.expect("j2 completed: ")
	})
}

// A process that is started while its id is drained, as a service manager does
// with one that ended, waits and is no news to anybody.
func TestDrainedRunnerDoesNotJoin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.wire.SetMode(queue.ModeOfRunner(me), "drained")
		logs := &logs{}
		r, err := New(w.config(logs), echo)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(time.Hour)
		if got := story(w.reports()); len(got) != 0 {
			t.Errorf("it reported %v", got)
		}
		if !logs.has("waiting until it is resumed") {
			t.Error("nobody says what it waits for")
		}
		w.wire.SetMode(queue.ModeOfRunner(me), "")
		time.Sleep(time.Second)
		if got := story(w.reports()); len(got) != 1 || got[0] != "join" {
			t.Errorf("resumed, it reported %v", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// A process that had said that it leaves when its id was resumed stayed, took
// nothing, and was heard by nobody any more. The simulation found it.
func TestResumedTooLateItEndsAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.wire.SetMode(queue.ModeOfRunner(me), "drained")
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Send" {
				return false, errors.New("no answer")
			}
			return true, nil
		})
		time.Sleep(time.Second)
		_, _ = d.Turn(t.Context())
		d.wire.SetMode(queue.ModeOfRunner(me), "")
		time.Sleep(time.Second)
		d.wire.OnCall(nil)
		var err error
		for range 3 {
			_, err = d.Turn(t.Context())
			time.Sleep(time.Second)
		}
		if !errors.Is(err, ErrDrained) {
			t.Errorf("turn: %v", err)
		}
		d.expect("leave")
	})
}

func TestDrainedTurnsLeaveOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.wire.SetMode(queue.ModeOfRunner(me), "drained")
		time.Sleep(time.Second)
		var err error
		for range 3 {
			_, err = d.Turn(t.Context())
		}
		if !errors.Is(err, ErrDrained) {
			t.Errorf("turn: %v", err)
		}
		d.expect("leave")
	})
}

func TestBeatsGoOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		gate := make(chan struct{})
		s := w.serve(w.config(&logs{}), func(context.Context, *Job) (string, error) { <-gate; return "", nil })
		expect := func(free string) {
			t.Helper()
			before := w.wire.Beats()["r1/a1"]
			time.Sleep(queue.BeatEvery + idleTime)
			after := w.wire.Beats()["r1/a1"]
			if after == before || !strings.HasSuffix(after, " "+free) {
				t.Errorf("the beat went from %q to %q, want %s free slots", before, after, free)
			}
		}
		expect("4")
		for _, id := range []string{"j1", "j2", "j3", "j4"} {
			w.submit(id, "p")
		}
		expect("0")
		w.wire.SetMode(queue.ModeOfRunner(me), "paused")
		expect("0")
		s.stop() // and it waits for its jobs
		expect("0")
		close(gate)
		if err := <-s.done; err != nil {
			t.Errorf("run: %v", err)
		}
		last := w.wire.Beats()
		time.Sleep(time.Minute)
		if diff := cmp.Diff(last, w.wire.Beats()); diff != "" {
			t.Errorf("it shows that it lives after its end:\n%s", diff)
		}
	})
}

// A beat that was lost is sent again, and no process that did not join shows
// that it lives: nobody would ever take its field away.
func TestBeatsBeginWithJoining(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		r, err := New(w.config(&logs{}), echo)
		if err != nil {
			t.Fatal(err)
		}
		d := &turns{world: w, Runner: r}
		d.turn()
		time.Sleep(queue.BeatEvery)
		d.turn()
		if got := w.wire.Beats(); len(got) > 0 {
			t.Errorf("beats before it joined: %v", got)
		}
		w.wire.OnCall(func(method string) (bool, error) {
			if method == "Beat" {
				return false, errors.New("no answer")
			}
			return true, nil
		})
		w.welcome()
		for range 3 {
			_, _ = d.Turn(t.Context())
			synctest.Wait()
		}
		w.wire.OnCall(nil)
		d.turn()
		if got := w.wire.Beats()["r1/a1"]; !strings.HasSuffix(got, " 4") {
			t.Errorf("the beat is %q", got)
		}
		w.reports()
	})
}
