package integration

import (
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/rpcapi/client"
)

// TestASupervisorThatIsToldToStopRepeatsNothing sends SIGTERM to a supervisor
// under load. It ends well and within its grace; the next one goes on, and no
// job is lost or runs twice.
func TestASupervisorThatIsToldToStopRepeatsNothing(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	const grace = 5 * time.Second
	supervisor := w.supervisor("--grace", grace.String())
	w.runner("r1")
	w.admit()
	acked := w.storm(func() {
		if code, took := supervisor.terminate(patience); code != 0 || took > grace {
			t.Errorf("the supervisor ended with exit code %d after %s, want 0 within %s", code, took, grace)
		}
		w.supervisor()
	})
	w.wantAll(acked)
	w.wantRunOnce(acked)
}

// TestARunnerThatIsToldToStopEndsItsJobs sends SIGTERM to a runner with a job
// in its hands: the job ends, and no attempt is lost.
func TestARunnerThatIsToldToStopEndsItsJobs(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	_, runner := w.up()
	receipt, err := w.Submit(w.ctx(), client.NewJob(`echo begun; sleep 1; echo ended`).Runner("r1"))
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
	if code, _ := runner.terminate(patience); code != 0 {
		t.Errorf("the runner ended with exit code %d", code)
	}
	events := w.wantOneOutcome(receipt.ID)
	if len(events) != 3 {
		t.Errorf("want a job that was submitted, started and completed, got %v", types(events))
	}
	w.wantTrue()
}

// takeover is how long nobody may lead after a leader was killed: its beat must
// stand still for two seconds.
const takeover = 4 * time.Second

// TestAStandByTakesOver has a second supervisor stand by. It answers soon after
// the first was killed with -9, and at once after the first was told to stop.
// Clients that know both addresses notice a pause at most. The two share a state
// directory, as on one machine; it stands for two that hold the same key.
func TestAStandByTakesOver(t *testing.T) {
	w := onShared(t)
	first := w.supervisor("--name", "first")
	w.runner("r1")
	w.admit()
	port := freePort(t)
	second := w.standBy(port, "--name", "second")
	w.waitForLog(second, "standing by")
	w.connect(w.url(), urlOf(port))

	var took time.Duration
	acked := w.storm(func() {
		began := time.Now()
		first.kill()
		w.ready(port, patience)
		took = time.Since(began)
	})
	t.Logf("the stand-by led %s after the leader was killed", took)
	if took > takeover {
		t.Errorf("the stand-by led %s after the leader was killed, want at most %s", took, takeover)
	}
	w.wantLeader("second")

	third := w.standBy(w.port, "--name", "third")
	w.waitForLog(third, "standing by")
	acked = append(acked, w.storm(func() {
		began := time.Now()
		second.signal(syscall.SIGTERM)
		w.ready(w.port, patience)
		took = time.Since(began)
		if code := second.wait(patience); code != 0 {
			t.Errorf("the supervisor ended with exit code %d", code)
		}
	})...)
	t.Logf("the stand-by led %s after the leader was told to stop", took)
	// The lease is given back when the calls on their way were answered.
	if took > 2*time.Second {
		t.Errorf("the stand-by led %s after the leader gave the lease back", took)
	}
	w.wantLeader("third")
	w.wantAll(acked)
	w.wantRunOnce(acked)
}
