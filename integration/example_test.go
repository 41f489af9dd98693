package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client"
)

// counter starts the runner that is there to be copied.
func (w *world) counter() *process {
	w.t.Helper()
	return start(w.t, w.environment("HORUS_RUNNER=count", "HORUS_LEASE="+lease.String(), "HORUS_GRACE=1h"), "example_count")
}

// count submits a job for it, and returns when it is so far.
func (w *world) count(to, until int) (id string) {
	w.t.Helper()
	receipt, err := w.Submit(w.ctx(), client.NewJob(fmt.Sprint(to)).Runner("count"))
	if err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, patience, func(ctx context.Context) error {
		now, err := w.Get(ctx, receipt.ID)
		if err == nil && (now.Checkpoint == nil || now.Progress == nil || int(now.Progress.Percent)*to/100 < until) {
			err = fmt.Errorf("it is at %+v", now.Progress)
		}
		return err
	})
	return receipt.ID
}

// TestARunnerOfAUserGoesOnWhereItWas kills a runner with -9 in the middle of a
// job: the next process begins at the checkpoint. A job that is stopped ends at
// once, and a program that is told twice to end does not wait for what it runs.
func TestARunnerOfAUserGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.supervisor()
	first := w.counter()
	w.admit()
	id := w.count(50, 20)
	first.kill()
	second := w.counter()
	done, err := w.Wait(w.ctx(), id)
	var from int
	if err != nil || done.Result == nil {
		t.Fatalf("it has no result: %v, %+v", err, done)
	}
	if _, err := fmt.Sscanf(*done.Result, "counted from %d to 50", &from); err != nil || from < 10 {
		t.Errorf("the result is %q", *done.Result)
	}

	stopped := w.count(100_000, 0)
	began := time.Now()
	if err := w.Stop(w.ctx(), stopped); err != nil {
		t.Fatal(err)
	}
	if done, err := w.Wait(w.ctx(), stopped); err != nil || done.State != job.Halted || time.Since(began) > 2*time.Second {
		t.Errorf("after %s it is %s, %v", time.Since(began), done.State, err)
	}

	left := w.count(100_000, 0)
	second.signal(syscall.SIGTERM)
	w.waitForLog(second, "ends when its jobs do")
	if code, took := second.terminate(patience); code != exit.Unfinished || took > 5*time.Second {
		t.Errorf("it ended with %d after %s", code, took)
	}
	if !strings.Contains(second.out.String(), left) {
		t.Error("it does not say what it left")
	}
	w.wantTrue()
}

// TestAKilledShellRunnerLeavesNothingThatRuns kills the shell runner with -9: what
// its script had started dies with it, and the next start removes its directory.
func TestAKilledShellRunnerLeavesNothingThatRuns(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.supervisor()
	places := t.TempDir()
	shell := func() *process {
		return start(t, w.environment("TMPDIR="+places), "runner_sh", "r1", "--lease", lease.String())
	}
	first := shell()
	w.admit()
	beat := filepath.Join(t.TempDir(), "beat")
	_, err := w.Submit(w.ctx(), client.NewJob(
		`if [ "$HORUS_ATTEMPT" = 1 ]; then sh -c 'while :; do echo >>`+beat+`; sleep 0.02; done' & wait; fi`).Runner("r1"))
	if err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(beat)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	eventually(t, patience, func(context.Context) error {
		if size() < 3 {
			return fmt.Errorf("it does not run yet")
		}
		return nil
	})
	first.kill()
	eventually(t, patience, func(ctx context.Context) error {
		before := size()
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
		if after := size(); after != before {
			return fmt.Errorf("it goes on")
		}
		return nil
	})
	if left, _ := filepath.Glob(filepath.Join(places, "horus-job-*")); len(left) != 1 {
		t.Errorf("it left %v", left)
	}
	second := shell()
	w.waitForLog(second, "removed what killed runners left behind")
	if left, _ := filepath.Glob(filepath.Join(places, "horus-job-*")); len(left) != 0 {
		t.Errorf("the next start left %v", left)
	}
}
