package integration

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program of ours that runs on its own.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	out  output
	gone chan struct{} // closed when it has ended
}

// output is what a process writes. It is safe for concurrent use.
type output struct {
	mu sync.Mutex

	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// environment is the test's own without Horus' variables, and more.
func environment(more ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "HORUS_") && !strings.HasPrefix(pair, "RUST_LOG=") {
			env = append(env, pair)
		}
	}
	return append(env, more...)
}

// start starts a program, which is killed when the test ends and shown when the
// test failed.
func start(t *testing.T, env []string, program string, args ...string) *process {
	t.Helper()
	mustBuild(t)
	p := &process{t: t, name: program, gone: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(programs, program), args...)
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait() // its state says how it ended
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone already
		<-p.gone
		if t.Failed() {
			t.Logf("%s %s said:\n%s", program, strings.Join(args, " "), p.out.String())
		}
	})
	return p
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.gone
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("send %s to %s: %v", sig, p.name, err)
	}
}

// terminate asks the process to end, and returns its exit code and how long it
// took.
func (p *process) terminate(within time.Duration) (code int, took time.Duration) {
	p.t.Helper()
	began := time.Now()
	p.signal(syscall.SIGTERM)
	return p.wait(within), time.Since(began)
}

// wait returns the exit code of a process that ends by itself.
func (p *process) wait(within time.Duration) (code int) {
	p.t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	select {
	case <-p.gone:
	case <-deadline.C:
		p.t.Fatalf("%s has not ended after %s", p.name, within)
	}
	return p.cmd.ProcessState.ExitCode()
}

// eventually calls look until it returns nil, and fails the test when that
// takes too long.
func eventually(t *testing.T, within time.Duration, look func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := until(ctx, look); err != nil {
		t.Fatalf("after %s: %v", within, err)
	}
}

// until calls look until it returns nil, or the context ends.
func until(ctx context.Context, look func(context.Context) error) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := look(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
