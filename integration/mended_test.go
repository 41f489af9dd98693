package integration

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// TestWhatSomebodyDeletesIsMadeAgain deletes one key after the other while the
// supervisor runs. Who submits meanwhile is told to ask again, and soon all is
// as it was.
func TestWhatSomebodyDeletesIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.up()
	acked := w.take(1, w.submitting(1, w.note()))
	w.wantOneOutcome(acked[0].ID)
	log := string(w.ns) + ":{p000}:log"
	for _, key := range w.keys() {
		if key == log {
			continue
		}
		if err := w.redis.Client().Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		more := w.take(1, w.submitting(1, w.note()))
		w.wantOneOutcome(more[0].ID)
		acked = append(acked, more...)
	}
	w.wantAll(acked)
}

// TestARunnerThatTheHistoryForgotBeginsAnew has Redis lose the end of the log,
// in which the runner joined. What the runner reports in its old name counts
// for nothing: it joins again, and jobs end.
func TestARunnerThatTheHistoryForgotBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{}))
	w.supervisor()
	w.admit()
	if err := w.redis.Client().Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	runner := w.runner("r1")
	before := w.take(1, w.submitting(1, w.note()))
	w.wantOneOutcome(before[0].ID)

	w.redis.Kill()
	w.redis.Restart()
	after := w.take(1, w.submitting(1, w.note()))
	w.wantOneOutcome(after[0].ID)
	w.waitForLog(runner, "beginning anew")
	done, err := w.Get(w.ctx(), after[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if done.State.String() != "completed" {
		t.Errorf("the job is %s after attempt %d, want it completed", done.State, done.Attempt)
	}
	w.wantTrue()
}

// TestAnEventThatIsDeletedStopsTheSupervisor deletes the event that submitted a
// job, while the supervisor is down and the job runs. The next supervisor needs
// that event to take the job's report: it stops and says where the log is
// damaged, and writes nothing more.
func TestAnEventThatIsDeletedStopsTheSupervisor(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	receipt, err := w.Submit(w.ctx(), client.NewJob(`echo begun; sleep 2`).Runner("r1"))
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
	supervisor.kill()
	log := string(w.ns) + ":{p000}:log"
	entries, err := w.redis.Client().XRange(t.Context(), log, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if text, _ := e.Values["e"].(string); strings.Contains(text, `"type":"job.submitted"`) {
			err = errors.Join(err, w.redis.Client().XDel(context.WithoutCancel(t.Context()), log, e.ID).Err())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	next := w.standBy(w.port)
	if code := next.wait(patience); code != 1 || !strings.Contains(next.out.String(), "the log is damaged around seq") {
		t.Errorf("the supervisor ended with exit code %d and said:\n%s", code, &next.out)
	}
}
