package sh_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/herocode/horus/runnersdk/sh"
)

// never is a grace that is long enough to show in the outcome: the processes
// of a script that waits for it come to their end first.
const never = 20 * time.Second

// idle is a child that can be ended as soon as it is ready. (What a shell with
// a trap forks loses a TERM that comes before its exec.)
const idle = "echo ready; exec sleep 60"

func TestStop(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		script string // prints "ready", and is then cancelled
		grace  time.Duration
		want   sh.Outcome
	}{
		{
			name: "shell alone", script: "echo ready; exec sleep 60", grace: never,
			want: sh.Outcome{ExitCode: -1, Signal: "SIGTERM", Result: "ready\n"},
		},
		{
			name: "grandchildren", script: "sh -c 'sh -c \"echo ready; sleep 60\" & sleep 60' & wait", grace: never,
			want: sh.Outcome{ExitCode: -1, Signal: "SIGTERM", Result: "ready\n"},
		},
		{
			name: "script that puts things in order", grace: never,
			script: "trap 'echo bye; exit 7' TERM; sh -c \"$idle\" & wait",
			want:   sh.Outcome{ExitCode: 7, Result: "ready\nbye\n"},
		},
		{
			name: "child that puts things in order after its shell is dead", grace: never,
			script: `sh -c 'trap "sleep 0.2; echo bye; exit" TERM; sh -c "$idle" & wait' & wait`,
			want:   sh.Outcome{ExitCode: -1, Signal: "SIGTERM", Result: "ready\nbye\n"},
		},
		{
			name: "success on TERM is no success", grace: never,
			script: "trap 'exit 0' TERM; sh -c \"$idle\" & wait",
			want:   sh.Outcome{Result: "ready\n"},
		},
		{
			name: "script that ignores TERM", grace: 50 * time.Millisecond,
			script: "trap '' TERM; echo ready; while :; do sleep 60; done",
			want:   sh.Outcome{ExitCode: -1, Signal: "SIGKILL", Result: "ready\n"},
		},
		{
			name: "stopped script", grace: never,
			script: `trap 'exit 3' TERM; sh -c 'kill -STOP $PPID; echo ready; exec sleep 60' & wait`,
			want:   sh.Outcome{ExitCode: 3, Result: "ready\n"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := runner(t)
			r.Grace = tt.grace
			path, dead := fifo(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got, err := r.Run(ctx, sh.Command{
				Script:  holdFIFO + tt.script,
				Env:     map[string]string{"FIFO": path, "idle": idle},
				Timeout: time.Minute,
				Output: func(_ sh.Stream, line string) {
					if line == "ready" {
						cancel()
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			<-dead
			tt.want.Cancelled = true
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(sh.Outcome{}, "Started", "Ended")); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			if got.Succeeded() {
				t.Error("a cancelled script succeeded")
			}
		})
	}
}

func TestTimeoutKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	path, dead := fifo(t)
	out, _ := run(t, runner(t), sh.Command{
		Script:  holdFIFO + "sh -c 'sleep 60 & sleep 60' & wait",
		Env:     map[string]string{"FIFO": path},
		Timeout: 500 * time.Millisecond,
	})
	<-dead
	if got, want := out.String(), "timed out: killed by SIGTERM"; got != want || out.Succeeded() {
		t.Errorf("outcome %q, want %q", got, want)
	}
}

func TestBackgroundProcessEndsWithItsShell(t *testing.T) {
	t.Parallel()
	path, dead := fifo(t)
	out, _ := run(t, runner(t), sh.Command{
		Script: holdFIFO + "trap '' TERM; sleep 60 & echo done",
		Env:    map[string]string{"FIFO": path},
	})
	<-dead
	if out.Result != "done\n" || !out.Succeeded() {
		t.Errorf("outcome %v, result %q", out, out.Result)
	}
}

// A process in a session of its own is out of reach, but it cannot hold up Run,
// even while it goes on printing.
func TestProcessThatLeftTheGroupDoesNotHoldRun(t *testing.T) {
	t.Parallel()
	path, dead := fifo(t)
	out, _ := run(t, runner(t), sh.Command{
		Script: holdFIFO + "mkfifo started; setsid sh -c 'echo >started; exec yes' & read up <started; exit 5",
		Env:    map[string]string{"FIFO": path},
		Output: func(sh.Stream, string) {},
	})
	<-dead // of SIGPIPE: nobody reads its output any more
	if out.ExitCode != 5 {
		t.Errorf("outcome %v, want exit status 5", out)
	}
}

// The kernel kills the shell of a runner that was itself killed, and the guard
// what that shell had started. The private directory is left, and removed by
// whoever cleans up; those of the living stay.
func TestKilledRunnerLeavesNothingThatLives(t *testing.T) {
	t.Parallel()
	path, places := filepath.Join(t.TempDir(), "fifo"), t.TempDir()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), victimFIFO+"="+path, "TMPDIR="+places)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	script := bufio.NewReader(f)
	if line, err := script.ReadString('\n'); line != "up\n" {
		t.Fatalf("read %q, %v", line, err)
	}
	wantCleaned(t, places, 0, 1) // it lives
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // it was killed, that is no news
	if rest, err := script.ReadString('\n'); rest != "" || !errors.Is(err, io.EOF) {
		t.Errorf("the script outlived its runner: %q, %v", rest, err)
	}
	wantCleaned(t, places, 1, 0)
}

// wantCleaned cleans up, and compares how many places it removed and left.
func wantCleaned(t *testing.T, dir string, removed, left int) {
	t.Helper()
	got, err := sh.Runner{Dir: dir}.Clean()
	if err != nil || got != removed {
		t.Errorf("%d places were removed, want %d: %v", got, removed, err)
	}
	if there, _ := filepath.Glob(filepath.Join(dir, "*")); len(there) != left {
		t.Errorf("%v are left, want %d", there, left)
	}
}

func TestCleanLeavesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"horus-job-unlocked", "horus-jobs", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "horus-job-file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "other"), filepath.Join(dir, "horus-job-link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other", "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantCleaned(t, dir, 0, 5)
}

// Cleaning up while places are made takes none from whoever makes it.
func TestCleanBesideRuns(t *testing.T) {
	t.Parallel()
	r := runner(t)
	ctx, stop := context.WithCancel(t.Context())
	cleaned := make(chan int)
	go func() {
		all := 0
		for ctx.Err() == nil {
			n, _ := r.Clean() // what is being removed by its owner may be gone before it is looked at
			all += n
		}
		cleaned <- all
	}()
	for range 50 {
		run(t, r, sh.Command{Script: ": >file; test -f file -a -e ../lock"})
	}
	stop()
	t.Logf("%d were taken before they were locked", <-cleaned)
}
