package integration

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
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
	w.wantDeclared()
}

// TestAnEventThatIsDeletedHaltsTheSupervisor deletes the event that submitted a
// job, while the supervisor is down and the job runs. The next supervisor needs
// that event to take the job's report: it writes nothing more and says where the
// log is damaged and what to do, but reads go on, and so does all of it, without
// a restart, when somebody has put the event back.
func TestAnEventThatIsDeletedHaltsTheSupervisor(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	ended := w.take(1, w.submitting(1, w.note()))[0]
	w.wantOneOutcome(ended.ID)
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
	entries := w.entries()
	w.replace(slices.DeleteFunc(slices.Clone(entries), func(e redis.XMessage) bool {
		text, _ := e.Values["e"].(string)
		return strings.Contains(text, `"type":"job.submitted"`) && strings.Contains(text, receipt.ID)
	}))
	next := w.standBy(w.port)
	w.waitForLog(next, "horus repair")

	code, body, err := fetch(w.ctx(), w.url()+"/readyz")
	if err != nil || code != http.StatusServiceUnavailable || !strings.Contains(body, "horus repair") || !strings.Contains(body, "seq 10") {
		t.Errorf("/readyz: %d %s, %v", code, body, err)
	}
	if got := w.metrics()["horus_halted"]; got != 1 {
		t.Errorf("horus_halted is %v", got)
	}
	if _, err := w.Submit(w.ctx(), w.note()); domain.CodeOf(err) != domain.Halted || !strings.Contains(err.Error(), "horus repair") || !strings.Contains(err.Error(), "seq") {
		t.Errorf("submit: %v", err)
	}
	if view, err := w.Get(w.ctx(), ended.ID); err != nil || view.State.String() != "completed" {
		t.Errorf("a job that is whole: %+v, %v", view, err)
	}
	if _, err := w.Get(w.ctx(), receipt.ID); domain.CodeOf(err) != domain.Halted {
		t.Errorf("the job that lacks its submission: %v", err)
	}
	if info, err := w.Info(w.ctx()); err != nil || info.Role != wire.Halted {
		t.Errorf("system.info: %+v, %v", info, err)
	}

	if here := w.entries(); len(here) >= len(entries) { // the term that met the damage began
		entries = append(entries, here[len(entries)-1:]...)
	}
	w.replace(entries)
	w.ready(w.port, patience)
	w.wantOneOutcome(receipt.ID)
	w.wantTrue()
}

// entries reads the stream of the log.
func (w *world) entries() []redis.XMessage {
	w.t.Helper()
	entries, err := w.redis.Client().XRange(w.t.Context(), string(w.ns)+":{p000}:log", "-", "+").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	return entries
}

// replace makes the stream of the log hold these entries, as of one instant.
func (w *world) replace(entries []redis.XMessage) {
	w.t.Helper()
	log := string(w.ns) + ":{p000}:log"
	_, err := w.redis.Client().TxPipelined(w.t.Context(), func(pipe redis.Pipeliner) error {
		pipe.Del(w.t.Context(), log)
		for _, e := range entries {
			fields := []any{"e", e.Values["e"]}
			if seal, sealed := e.Values["s"]; sealed {
				fields = append(fields, "s", seal)
			}
			pipe.XAdd(w.t.Context(), &redis.XAddArgs{Stream: log, ID: e.ID, Values: fields})
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
