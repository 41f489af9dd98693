package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/herocode/horus/integration/redistest"
)

// programs is where the programs are that the tests run, once [built] returned.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "horus-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the programs:", err)
		os.Exit(1)
	}
	programs = dir
	code := redistest.Around(m).Run()
	_ = os.RemoveAll(dir) // a folder of the system's own for such things
	os.Exit(code)
}

// built builds the programs when the first test needs them.
var built = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-o", programs+string(filepath.Separator), "./cmd/horus", "./cmd/supervisor",
		"./cmd/runner_sh", "./runnersdk/example_count", "./docs/listen")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
})

// mustBuild fails the test when the programs cannot be built.
func mustBuild(t *testing.T) {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
}
