package timers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/timers"
)

func TestAScheduledJobIsQueuedWhenItIsDue(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":60`)
	h.watch(59999 * time.Millisecond)
	h.want("j1", "submitted")
	h.watch(2 * time.Millisecond)
	h.want("j1", "submitted queued")
	h.watch(time.Hour)
	h.want("j1", "submitted queued")
	if h.fired["scheduled"] != 1 || len(h.fired) != 1 {
		t.Errorf("fired %v", h.fired)
	}
}

func TestATimerThatComesFirstIsNotWaitedFor(t *testing.T) {
	h := open(t)
	h.submit("late", `,"delay":3600`)
	h.watch(10 * time.Second)
	h.submit("soon", `,"delay":1`)
	h.watch(time.Second)
	h.want("soon", "submitted queued")
	h.want("late", "submitted")
}

// What waits costs nothing.
func TestNobodyLooksWhileNothingIsDue(t *testing.T) {
	h := open(t)
	for n := range 100 {
		h.submit(fmt.Sprintf("j%d", n), `,"delay":86400`)
	}
	h.watch(time.Second)
	h.looks = 0
	h.watch(time.Hour)
	if h.looks < 59 || h.looks > 61 {
		t.Errorf("the views were looked at %d times in an hour, want once a minute", h.looks)
	}
}

func TestWhatWasDueWhileNobodyLedFiresOnce(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":60`)
	h.submit("j2", `,"delay":60,"expires_at":"2026-01-02T12:05:00Z"`)
	h.Pass(time.Hour)
	h.lead()
	h.watch(time.Minute)
	h.want("j1", "submitted queued")
	h.want("j2", "submitted failed")
	if h.fired["scheduled"] != 1 || h.fired[timers.Expired] != 1 {
		t.Errorf("fired %v", h.fired)
	}
}

// The views show what was decided a moment later. Whoever looks again meanwhile
// asks again, and nothing happens; nor does he ask on and on.
func TestViewsThatAreBehindDoubleNothing(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":1`)
	h.Pass(time.Second)
	h.looks = 0
	for range 100 {
		if _, err := h.Timers.Turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.Pass(min(h.Rest(), 10*time.Millisecond))
	}
	if h.looks > 2 {
		t.Errorf("the views were looked at %d times while they were behind", h.looks)
	}
	h.fold()
	h.watch(time.Minute)
	h.want("j1", "submitted queued")
}

// A leader that dies between a decision and the views leaves a timer that they
// still show to whoever does not bring them up to date first.
func TestATakeOverDoublesNothing(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":1`)
	h.Pass(time.Second)
	before := h.views
	if _, err := h.Timers.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.lead()
	h.views = before // as if nobody had
	h.turn()
	h.want("j1", "submitted queued")
	if h.fired["scheduled"] != 0 {
		t.Errorf("fired %v", h.fired)
	}
}

func TestManyTimersOfOneInstantAllFire(t *testing.T) {
	h := open(t)
	const many = 2500
	for n := range many {
		h.submit(fmt.Sprintf("j%d", n), `,"delay":60`)
	}
	h.watch(time.Minute)
	h.watch(10 * time.Millisecond)
	if h.fired["scheduled"] != many || h.looks > 10 {
		t.Errorf("%d of %d fired in %d looks", h.fired["scheduled"], many, h.looks)
	}
}

func TestAFailedAttemptIsTriedAgainWhenItsBackOffIsOver(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"retry_on":["error"],"backoff":{"initial_ms":10000}`)
	h.ask("j1", func(tx *eventstore.Tx) job.Command {
		start := job.Start{Token: h.job("j1").Token, Process: "p", By: event.ByRunner("r1")}
		return job.Finish{Start: start, Failure: job.FailedError, At: tx.Now()}
	})
	h.watch(4999 * time.Millisecond)
	h.want("j1", "submitted started attempt_failed")
	h.watch(5002 * time.Millisecond)
	h.want("j1", "submitted started attempt_failed queued")
}

func TestAnAttemptWhoseRunnerDoesNotEndItIsGivenUp(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"timeout":60,"retry_on":["timeout"],"max_attempts":2`)
	for _, want := range []string{"attempt_lost queued", "attempt_lost queued started attempt_lost failed"} {
		h.start("j1")
		h.watch(time.Minute + job.TimeoutSlack - time.Millisecond)
		if h.job("j1").Status != job.Running {
			t.Errorf("the job is %s before its time", h.job("j1").Status)
		}
		h.watch(2 * time.Millisecond)
		h.want("j1", "submitted started "+want)
	}
	if h.fired[timers.Timeout] != 2 {
		t.Errorf("fired %v", h.fired)
	}
}

func TestAStopThatNobodyAnswersIsSettled(t *testing.T) {
	h := open(t)
	h.submit("j1", "")
	h.start("j1")
	h.ask("j1", func(*eventstore.Tx) job.Command { return job.Stop{} })
	h.watch(job.StopLimit - time.Millisecond)
	h.want("j1", "submitted started stopping")
	h.watch(2 * time.Millisecond)
	h.want("j1", "submitted started stopping attempt_lost stopped")
	if last := h.entries[len(h.entries)-1]; last.Actor != "system:stop" || h.fired[timers.Stop] != 1 {
		t.Errorf("by %s, fired %v", last.Actor, h.fired)
	}
}

// A clock that was set ahead had every running attempt given up at once, and so
// did a new leader whose clock was ahead of that of the one before.
func TestNoClockAloneEndsWhatRuns(t *testing.T) {
	for name, happen := range map[string]func(h *house){
		"set ahead":  func(h *house) { h.Set(time.Hour) },
		"new leader": func(h *house) { h.Set(time.Hour); h.lead() },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.submit("j1", `,"timeout":60`)
			h.submit("j2", `,"timeout":60`)
			h.submit("later", `,"delay":7200`)
			h.start("j1")
			h.start("j2")
			h.ask("j2", func(*eventstore.Tx) job.Command { return job.Stop{} })
			h.watch(20 * time.Second)
			happen(h)
			h.watch(29 * time.Second)
			h.want("j1", "submitted started")
			h.want("j2", "submitted started stopping")
			h.submit("soon", `,"delay":5`)
			h.watch(5 * time.Second)
			h.want("soon", "submitted queued")
			h.watch(time.Minute + job.TimeoutSlack - 34*time.Second)
			h.want("j1", "submitted started attempt_lost failed")
			h.want("j2", "submitted started stopping attempt_lost stopped")
			h.want("later", "submitted")
		})
	}
}

// A clock that is set back delays, and by no more than the time that passes.
func TestAClockThatIsSetBackDelays(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":60`)
	h.watch(30 * time.Second)
	h.Set(-time.Hour)
	h.watch(59 * time.Second)
	h.want("j1", "submitted")
	h.watch(2 * time.Second)
	h.want("j1", "submitted queued")
}

// What runners reported during an outage was in an inbox that nobody had read
// when their attempts were found overdue.
func TestWhoWasNotHeardIsNotGivenUp(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"timeout":60`)
	h.submit("j2", `,"delay":120`)
	h.start("j1")
	h.heard = 0
	h.watch(3 * time.Minute)
	h.want("j1", "submitted started")
	h.want("j2", "submitted queued")
	h.heard = lease
	h.watch(lease + time.Second)
	h.want("j1", "submitted started attempt_lost failed")
}

// A job that was begun in time expired in the instant in which Redis answered
// again, before anybody had read that it runs.
func TestWhatBeganDuringAnOutageDoesNotExpire(t *testing.T) {
	h := open(t)
	h.submit("begun", `,"expires_at":"2026-01-02T12:01:00Z"`)
	h.submit("waits", `,"expires_at":"2026-01-02T12:01:00Z"`)
	h.heard = 0
	h.watch(2 * time.Minute)
	h.want("waits", "submitted")
	h.start("begun")
	h.heard = job.ExpirySlack
	h.watch(job.ExpirySlack + time.Second)
	h.want("begun", "submitted started")
	h.want("waits", "submitted failed")
}

func TestAStoreThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":1`)
	h.Pass(time.Second)
	h.trouble = errLost
	if _, err := h.Timers.Turn(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("Turn = %v", err)
	}
	h.trouble = nil
	h.watch(time.Millisecond)
	h.want("j1", "submitted queued")
}

// What somebody wrote into the views by hand holds nobody up for long, and keeps
// no core busy.
func TestATimerThatIsNoneHoldsNobodyUp(t *testing.T) {
	h := open(t)
	h.submit("j1", `,"delay":60`)
	for n := range 10 {
		id, err := job.ParseID(fmt.Sprintf("stranger%d", n))
		h.must(err)
		s := h.job("j1")
		s.Due = 1
		h.views[id] = s
	}
	h.watch(time.Second)
	h.looks = 0
	h.watch(58 * time.Second)
	if h.looks > 60 {
		t.Errorf("the views were looked at %d times in a minute", h.looks)
	}
	h.watch(2 * time.Second)
	h.want("j1", "submitted queued")
	if len(h.doubted) != 10 {
		t.Errorf("%d jobs were doubted, want 10", len(h.doubted))
	}
}

// TestEveryTimerFiresOnceAndInTime runs jobs of all kinds under leaders that
// change, clocks that are set and views that are behind. The history is legal at
// every place, which has it that nothing is queued before it is due and nothing
// expires early; nothing is due for long in the end.
func TestEveryTimerFiresOnceAndInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := open(t)
		for n := range rapid.IntRange(1, 12).Draw(t, "jobs") {
			members := fmt.Sprintf(`,"timeout":%d,"retry_on":["error","timeout"],"backoff":{"initial_ms":%d}`,
				rapid.IntRange(1, 60).Draw(t, "timeout"), rapid.IntRange(10, 30_000).Draw(t, "backoff"))
			if delay := rapid.IntRange(-60, 60).Draw(t, "delay"); delay > 0 {
				members += fmt.Sprintf(`,"delay":%d`, delay)
			} else if minute := rapid.IntRange(1, 30).Draw(t, "expires"); minute < 10 {
				members += fmt.Sprintf(`,"expires_at":"2026-01-02T%02d:00:00Z"`, 13+minute)
			}
			h.submit(fmt.Sprintf("j%d", n), members)
		}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			var ids []string
			for id := range h.views {
				ids = append(ids, id.String())
			}
			id := fmt.Sprintf("j%d", rapid.IntRange(0, len(ids)-1).Draw(t, "job"))
			s := h.job(id)
			start := job.Start{Token: s.Token, Process: "p", By: event.ByRunner("r1")}
			switch what := rapid.SampledFrom([]string{"watch", "watch", "lag", "start", "fail", "stop", "set", "lead"}).Draw(t, "what"); {
			case what == "watch":
				h.watch(time.Duration(rapid.IntRange(1, 60_000).Draw(t, "for")) * time.Millisecond)
			case what == "lag":
				for range 3 {
					_, err := h.Timers.Turn(context.Background())
					h.must(err)
					h.Pass(h.Rest())
				}
				h.settle()
			case what == "start" && s.Open() && s.Process == "":
				h.ask(id, func(*eventstore.Tx) job.Command { return start })
			case what == "fail" && s.Open() && s.Token != (signing.Hash{}):
				h.ask(id, func(tx *eventstore.Tx) job.Command {
					return job.Finish{Start: start, Failure: job.FailedError, At: tx.Now()}
				})
			case what == "stop":
				h.ask(id, func(*eventstore.Tx) job.Command { return job.Stop{} })
			case what == "set":
				h.Set(time.Duration(rapid.IntRange(-3600, 3600).Draw(t, "by")) * time.Second)
			case what == "lead":
				h.lead()
			}
		}
		for range 20 { // as far as attempts that nobody takes go
			h.watch(2 * time.Minute)
			for id, s := range h.views {
				if s.Status == job.Waiting && s.Next(s.Status).IsZero() {
					h.start(id.String())
				}
			}
		}
		h.watch(2 * time.Minute)
		for id, s := range h.views {
			if next := s.Next(s.Status); !next.IsZero() && next <= h.Now() {
				t.Errorf("job %s is %s, and due since %s at %s: %s", id, s.Status, next, h.Now(), h.told(id.String()))
			}
		}
	})
}
