package sh_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/herocode/horus/runnersdk/sh"
)

// victimFIFO is set in a copy of the test program that is a runner to be killed.
const victimFIFO = "SH_TEST_VICTIM_FIFO"

func TestMain(m *testing.M) {
	if fifo := os.Getenv(victimFIFO); fifo != "" {
		_, _ = sh.Runner{}.Run(context.Background(), sh.Command{
			Script:  holdFIFO + "sh -c 'sleep 60 & sleep 60' & sleep 60 & wait",
			Env:     map[string]string{"FIFO": fifo},
			Timeout: time.Hour,
		})
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// printed is what a script printed, line by line.
type printed map[sh.Stream][]string

// runner returns a runner whose directories are the test's. It fails the test
// when one of them is still there at the end.
func runner(t *testing.T) sh.Runner {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return sh.Runner{Dir: dir}
}

// run runs c, by default for at most a minute, and collects its lines.
func run(t *testing.T, r sh.Runner, c sh.Command) (sh.Outcome, printed) {
	t.Helper()
	got := printed{}
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	if c.Output == nil {
		c.Output = func(s sh.Stream, line string) { got[s] = append(got[s], line) }
	}
	out, err := r.Run(t.Context(), c)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if out.Residue != nil {
		t.Errorf("Residue: %v", out.Residue)
	}
	if out.Ended.Before(out.Started) {
		t.Errorf("ended %v before it started %v", out.Ended, out.Started)
	}
	return out, got
}

// holdFIFO makes a script, and whatever it starts from then on, hold $FIFO open
// for writing until it dies.
const holdFIFO = `exec 9>"$FIFO"; echo up >&9; `

// fifo returns the path of a new FIFO and a channel that closes when all who
// opened it for writing are dead, or fails the test after 30 s. That is the proof of death that needs no
// waiting: the kernel closes the descriptors of a process for it.
func fifo(t *testing.T) (path string, dead <-chan struct{}) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		f, err := os.Open(path) // waits for the first writer
		if err != nil {
			t.Errorf("open fifo: %v", err)
			return
		}
		defer f.Close()
		if err := f.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Error(err)
		}
		said, err := io.ReadAll(f)
		if err != nil || !bytes.HasPrefix(said, []byte("up\n")) {
			t.Errorf("fifo: read %q, %v", said, err)
		}
	}()
	return path, closed
}
