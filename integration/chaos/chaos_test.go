package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/herocode/horus/integration/redistest"
)

// What make chaos asks for.
var (
	duration = flag.Duration("duration", time.Minute, "how long clients submit")
	seed     = flag.Uint64("seed", 0, "of the plan; any if 0")
	report   = flag.String("report", "", "file to write the report to: JSON if it ends so, else Markdown")
)

// programs is where the programs are that the tests run, once [built] returned.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "horus-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the programs:", err)
		os.Exit(1)
	}
	programs = dir
	logging.Disable() // that nobody answers is the point
	code := redistest.Around(m).Run()
	_ = os.RemoveAll(dir) // a folder of the system's own for such things
	os.Exit(code)
}

// built builds the programs when the first test needs them.
var built = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-o", programs+string(filepath.Separator), "./cmd/supervisor", "./cmd/runner_sh")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
})

func mustBuild(t *testing.T) {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
}

// TestChaos breaks everything that can break while clients submit: nothing that
// was acknowledged is lost, and nothing ends twice. A run that fails says its
// seed, which gives the same plan again.
func TestChaos(t *testing.T) {
	t.Parallel()
	mustBuild(t)
	if *seed == 0 {
		*seed = 1 + rand.Uint64N(1_000_000)
	}
	plan := NewPlan(*seed, *duration)
	t.Logf("make chaos SEED=%d DURATION=%s gives this plan again: %d faults, appendfsync %s", plan.Seed, plan.Load, len(plan.Faults), plan.AOF)
	w := newWorld(t, programs, plan.AOF)
	l := w.begin(plan.Seed, orders())
	w.suffer(plan)
	time.Sleep(time.Until(w.began.Add(plan.Load)))
	l.end()
	r := w.judge(plan, l)
	for _, broken := range r.Broken {
		t.Error(broken)
	}
	if l.count() == 0 {
		t.Error("no job was acknowledged: nothing was tested")
	}
	if err := r.Write(*report); err != nil {
		t.Error(err)
	}
	if testing.Verbose() {
		fmt.Print(r.Markdown(), "\n", r.JSON())
	}
}
