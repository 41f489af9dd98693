package integration

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/integration/crashpoint"
	"github.com/herocode/horus/runnersdk/queue"
)

// crashing is the folder, below that of the programs, of those that can be
// killed at a point.
const crashing = "crashing"

// builtCrashing builds them when the first test needs them.
var builtCrashing = sync.OnceValue(func() error {
	folder := filepath.Join(programs, crashing) + string(filepath.Separator)
	cmd := exec.Command("go", "build", "-tags", "crashpoints", "-o", folder, "./cmd/supervisor", "./cmd/runner_sh")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs with crash points: %w\n%s", err, out)
	}
	return nil
})

// startCrashing starts a program that ends as planned.
func (w *world) startCrashing(program string, plan crashpoint.Plan, args ...string) *process {
	w.t.Helper()
	if err := builtCrashing(); err != nil {
		w.t.Fatal(err)
	}
	env := w.environment(crashpoint.Variable + "=" + plan.String())
	return start(w.t, env, filepath.Join(crashing, program), args...)
}

// wantKilled waits until a process was killed at its point.
func (w *world) wantKilled(p *process, plan crashpoint.Plan) {
	w.t.Helper()
	p.wait(patience)
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGKILL || !strings.Contains(p.out.String(), plan.String()+": killed\n") {
		w.t.Fatalf("%s ended with %v; it should have been killed at %s", p.name, p.cmd.ProcessState, plan)
	}
}

// plans is every point in some order, each at some early passage.
func plans(random *rand.Rand, points []crashpoint.Point) []crashpoint.Plan {
	const latest = 16
	plans := make([]crashpoint.Plan, len(points))
	for i, at := range random.Perm(len(points)) {
		plans[i] = crashpoint.Plan{Point: points[at], Passage: 1 + random.Int64N(latest)}
		switch plans[i].Point {
		case crashpoint.QueueReconciled, crashpoint.TakeoverTaken, crashpoint.TakeoverBegun:
			plans[i].Passage = 1 // they are passed once a term
		}
	}
	return plans
}

// random returns what makes the plans of a seed.
func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// TestASupervisorIsKilledAtEveryPoint kills one supervisor after the other, each
// at another point, while callers submit. Another one always stands by, takes
// over, and is killed in its turn, some while they recover from the kill before.
// Nothing is lost, nothing ends twice, and others were told of all of it.
func TestASupervisorIsKilledAtEveryPoint(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := onShared(t)
			w.topic = "everything=*;from=start"
			healthy, _ := w.up()
			ports := [2]int{w.port, freePort(t)}
			w.connect(urlOf(ports[0]), urlOf(ports[1]))
			plans := plans(random(seed), crashpoint.Supervisor())

			supervisor := func(i int) *process { // the one before the last is gone, so its port is free
				args := []string{"--port", fmt.Sprint(ports[(i+1)%2]), "--lease", lease.String(), "--name", nth(i)}
				if i == len(plans) {
					return start(t, w.environment(), "supervisor", args...)
				}
				return w.startCrashing("supervisor", plans[i], args...)
			}
			leads := supervisor(0)
			w.waitForLog(leads, "standing by")
			load := w.begin(12, w.note())
			healthy.signal(syscall.SIGTERM)
			healthy.wait(patience)
			began := time.Now()
			for i, plan := range plans {
				w.waitForLease(nth(i)) // or the next one might be faster
				next := supervisor(i + 1)
				w.wantKilled(leads, plan)
				t.Logf("killed at %s after %s", plan, time.Since(began).Round(time.Millisecond))
				if began = time.Now(); i+1 < len(plans) && plans[i+1].Point == crashpoint.QueueReconciled {
					w.dropQueue() // so that there is something to put in order
				}
				leads = next
			}
			load.wantPromises()
			w.wantTold("everything")
		})
	}
}

// nth names a supervisor.
func nth(i int) string { return fmt.Sprintf("s%d", i) }

// waitForLease returns when a supervisor took the lease, even if it died of it.
func (w *world) waitForLease(name string) {
	w.t.Helper()
	key, client := redisstore.Keys{Namespace: w.ns}.Leader(), w.redis.Client()
	eventually(w.t, patience, func(ctx context.Context) error {
		holder, err := client.HGet(ctx, key, "name").Result()
		if err == nil && holder != name {
			err = fmt.Errorf("%q holds the lease, not %s", holder, name)
		}
		return err
	})
}

// dropQueue deletes the runner's work queue with all that waits or runs.
func (w *world) dropQueue() {
	w.t.Helper()
	key := queue.Keys{Namespace: w.ns}.Jobs(job.RunnerQueue("r1"))
	if err := w.redis.Client().Del(w.t.Context(), key).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// TestARunnerIsKilledAtEveryPoint kills one process of a runner id after the
// other, each at another point, while callers submit. What they held is recorded
// as lost and runs elsewhere, and every job ends once.
func TestARunnerIsKilledAtEveryPoint(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := onShared(t)
			w.up()
			random := random(seed)
			load := w.begin(16, w.note().MaxAttempts(25)) // each kill may cost several jobs an attempt
			for range 2 {
				for _, plan := range plans(random, crashpoint.Runner()) {
					p := w.startCrashing("runner_sh", plan, "r1", "--slots", "2", "--lease", lease.String())
					w.wantKilled(p, plan)
					t.Logf("killed at %s", plan)
				}
			}
			load.wantPromises()
		})
	}
}

// TestProgramsHaveNoCrashPoints looks for them in what users get, and, so that
// it would find them, in what only tests run.
func TestProgramsHaveNoCrashPoints(t *testing.T) {
	t.Parallel()
	mustBuild(t)
	if err := builtCrashing(); err != nil {
		t.Fatal(err)
	}
	traces := []string{crashpoint.Variable, module + "integration/crashpoint"}
	for program, want := range map[string]bool{
		"horus": false, "supervisor": false, "runner_sh": false,
		crashing + "/supervisor": true, crashing + "/runner_sh": true,
	} {
		text, err := os.ReadFile(filepath.Join(programs, program))
		if err != nil {
			t.Fatal(err)
		}
		for _, trace := range traces {
			if found := bytes.Contains(text, []byte(trace)); found != want {
				t.Errorf("%s contains %s: %v", program, trace, found)
			}
		}
	}
}
