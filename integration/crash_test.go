package integration

import (
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// TestARunnerThatIsKilledLosesItsAttemptAndNotItsJob kills a runner with -9 in
// the middle of a job. Its attempt is recorded as lost within a lease and a
// second, another process of the runner id runs the next one, and the job has
// one outcome.
func TestARunnerThatIsKilledLosesItsAttemptAndNotItsJob(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	_, first := w.up()
	receipt, err := w.Submit(w.ctx(), client.NewJob(
		`[ "$HORUS_ATTEMPT" = 1 ] && { echo begun; exec sleep 600; }; echo "attempt $HORUS_ATTEMPT"`).Runner("r1"))
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range w.Follow(w.ctx(), receipt.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Message == "begun" {
			break
		}
	}
	w.runner("r1")
	first.kill()
	killed := time.Now()

	events := w.wantOneOutcome(receipt.ID)
	var lost time.Duration
	for _, e := range events {
		if e.Type == "job.attempt_lost" {
			lost = e.At.Time().Sub(killed)
		}
	}
	t.Logf("the attempt was recorded as lost %s after its runner was killed", lost)
	if lost <= 0 || lost > lease+time.Second {
		t.Errorf("the attempt was recorded as lost %s after its runner was killed, want at most %s: %v", lost, lease+time.Second, types(events))
	}
	done, err := w.Get(w.ctx(), receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	if done.Attempt != 2 || done.Result == nil || *done.Result != "attempt 2\n" {
		t.Errorf("got attempt %d with result %v, want attempt 2 with its own", done.Attempt, done.Result)
	}
	w.wantTrue()
}

// jobs is how many a storm has.
const jobs = 200

// storm submits jobs, and does its worst while some have ended, some run, some
// wait and some are being submitted. It returns what was acknowledged.
func (w *world) storm(worst func()) []ack {
	w.t.Helper()
	const before, ended, during = 120, 40, 20
	acked := w.take(before, w.submitting(before, w.note()))
	if _, err := w.Wait(w.ctx(), acked[ended].ID); err != nil {
		w.t.Fatal(err)
	}
	acks := w.submitting(jobs-before, w.note())
	acked = append(acked, w.take(during, acks)...)
	w.t.Logf("%d jobs are acknowledged and %d have run when the worst happens", len(acked), len(w.timesRun()))
	worst()
	return append(acked, w.take(jobs-before-during, acks)...)
}

// wantAll checks that all jobs have one outcome, and that all of it is true.
func (w *world) wantAll(acked []ack) {
	w.t.Helper()
	for _, a := range acked {
		w.wantOneOutcome(a.ID)
	}
	w.wantTrue()
}

// TestASupervisorThatIsKilledLosesNothing kills a supervisor with -9 in the
// middle of 200 jobs and starts it again: every job that was acknowledged ends
// once, and nothing runs twice, because no runner was lost.
func TestASupervisorThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	acked := w.storm(func() {
		supervisor.kill()
		w.supervisor()
	})
	w.wantAll(acked)
	w.wantRunOnce(acked)
}

// wantRunOnce checks that every job ran once.
func (w *world) wantRunOnce(acked []ack) {
	w.t.Helper()
	times := w.timesRun()
	for _, a := range acked {
		if times[a.ID] != 1 {
			w.t.Errorf("job %s ran %d times", a.ID, times[a.ID])
		}
	}
	if len(times) != len(acked) {
		w.t.Errorf("%d jobs ran, %d were acknowledged", len(times), len(acked))
	}
}

// TestARedisThatIsKilledLosesNothingItPromised kills Redis with -9 in the middle
// of 200 jobs and starts it again on its append-only file. What a receipt calls
// fsync is there afterwards; what it calls everysec is there if it is older than
// the two seconds for which Redis may put off a write while the disk is busy.
func TestARedisThatIsKilledLosesNothingItPromised(t *testing.T) {
	for _, c := range []struct {
		aof        redistest.AOF
		durability string
		forgets    time.Duration // how young a job may be that is gone
	}{
		{redistest.Always, "fsync", 0},
		{redistest.EverySecond, "everysec", 2 * time.Second},
	} {
		t.Run(c.durability, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Start(t, redistest.Options{AOF: c.aof}))
			w.up()
			var killed time.Time
			acked := w.storm(func() {
				killed = time.Now()
				w.redis.Kill()
				w.redis.Restart()
			})
			kept := acked[:0]
			for _, a := range acked {
				if a.Durability != c.durability {
					t.Fatalf("the receipt says %s, want %s", a.Durability, c.durability)
				}
				if young := a.at.Before(killed) && killed.Sub(a.at) < c.forgets; young && w.isGone(a.ID) {
					t.Logf("job %s was acknowledged %s before the kill, and is gone", a.ID, killed.Sub(a.at))
					continue
				}
				kept = append(kept, a)
			}
			for _, a := range kept {
				w.wantOneOutcome(a.ID)
			}
			if declared, _ := w.gaps(); len(declared) > 0 && c.forgets > 0 {
				w.wantDeclared()
			} else {
				w.wantTrue()
			}
		})
	}
}

// TestEverythingIsKilledInOneRun kills a runner, the supervisor and Redis with
// -9, one after the other, and starts each again.
func TestEverythingIsKilledInOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{AOF: redistest.Always}))
	supervisor, runner := w.up()
	acked := w.storm(func() {
		runner.kill()
		w.runner("r1")
		supervisor.kill()
		w.redis.Kill()
		w.redis.Restart()
		w.supervisor()
	})
	w.wantAll(acked)
	for _, a := range acked {
		if n := w.timesRun()[a.ID]; n < 1 || n > 2 {
			t.Errorf("job %s ran %d times, want once, or twice if its runner was killed", a.ID, n)
		}
	}
}

// isGone reports whether nobody knows a job.
func (w *world) isGone(id string) bool {
	_, err := w.Get(w.ctx(), id)
	return domain.CodeOf(err) == domain.NotFound
}
