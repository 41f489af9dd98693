package sh

import (
	"context"
	"testing"
	"time"
)

// hold runs a script that waits, until it is killed. It returns when the script
// runs.
func hold(t *testing.T, r Runner) <-chan Outcome {
	t.Helper()
	began, ended := make(chan struct{}), make(chan Outcome, 1)
	go func() {
		out, err := r.Run(context.Background(), Command{
			Script: "echo up; sleep 60 & wait", Timeout: time.Minute,
			Output: func(Stream, string) { close(began) },
		})
		if err != nil {
			t.Errorf("run: %v", err)
		}
		ended <- out
	}()
	<-began
	return ended
}

// One guard is enough for many runs, and what it knows it kills when nobody is
// there to tell it more.
func TestGuardIsShared(t *testing.T) {
	t.Parallel()
	r := Runner{Dir: t.TempDir(), Guard: new(Guard)}
	for range 3 {
		if out, err := r.Run(t.Context(), Command{Script: "exit 3", Timeout: time.Minute}); err != nil || out.ExitCode != 3 {
			t.Errorf("%v, %v", out, err)
		}
	}
	guard := r.Guard.cmd
	first, second := hold(t, r), hold(t, r)
	if r.Guard.cmd != guard || len(r.Guard.groups) != 2 {
		t.Errorf("it is another one, or guards %v", r.Guard.groups)
	}
	r.Guard.Close() // as if this process had died
	for _, ended := range []<-chan Outcome{first, second} {
		if out := <-ended; out.Signal != "SIGKILL" {
			t.Errorf("a script ended with %v", out)
		}
	}
}

// A guard that somebody killed is followed by one that knows all that it knew.
func TestGuardThatWasKilledIsReplaced(t *testing.T) {
	t.Parallel()
	r := Runner{Dir: t.TempDir(), Guard: new(Guard)}
	runs := []<-chan Outcome{hold(t, r)}
	killed := r.Guard.cmd
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for r.Guard.cmd == killed { // it may die later than a script begins
		runs = append(runs, hold(t, r))
	}
	r.Guard.Close()
	for _, ended := range runs {
		if out := <-ended; out.Signal != "SIGKILL" {
			t.Errorf("a script ended with %v", out)
		}
	}
}
