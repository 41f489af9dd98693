package sh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// group is a running shell and the processes it started.
//
// A process group is named by the number of its first process, and the kernel
// may give that number away once that process is reaped and the group is empty.
// So the shell is reaped last: exited (it is a zombie, its number still ours),
// then the KILL for what it left behind, then release, then reaped.
type group struct {
	guard   *Guard
	pid     int
	exited  chan struct{} // closed when the shell has ended and is not reaped yet
	release chan struct{} // closed when the group gets no more signals
	reaped  chan struct{} // closed when state and err are final

	state *os.ProcessState
	err   error
}

// start starts cmd as the first process of a group of its own, which is guarded.
func start(cmd *exec.Cmd, guard *Guard) (*group, error) {
	// Go opens everything close-on-exec, but a descriptor that this process was
	// itself born with may not be.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("mark descriptors close-on-exec: %w", err)
	}
	g := &group{
		guard:   guard,
		exited:  make(chan struct{}),
		release: make(chan struct{}),
		reaped:  make(chan struct{}),
	}
	started := make(chan error, 1)
	go g.keep(cmd, started)
	return g, <-started
}

// keep starts the shell, waits for its end and reaps it, all on one thread: the
// parent-death signal comes when the *thread* that forked dies, so that thread
// must be no other goroutine's and must live as long as the shell.
func (g *group) keep(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := g.guard.start(cmd); err != nil {
		started <- err
		return
	}
	g.pid = cmd.Process.Pid
	started <- nil

	waitErr := awaitExit(g.pid)
	close(g.exited)
	<-g.release
	state, err := cmd.Process.Wait()
	g.state, g.err = state, errors.Join(waitErr, err)
	close(g.reaped)
}

// awaitExit blocks until pid has ended, and leaves it to be reaped.
func awaitExit(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// supervise returns when the whole group is dead, and says whether the timeout
// or the end of ctx came before the end of the shell. silent is closed when
// nobody holds the output open any more.
func (g *group) supervise(
	ctx context.Context, timeout, grace time.Duration, silent <-chan struct{},
) (timedOut, cancelled bool) {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	select {
	case <-g.exited:
	case <-deadline.C:
		timedOut = true
	case <-ctx.Done():
		cancelled = true
	}
	if timedOut || cancelled {
		g.signal(unix.SIGTERM)
		g.signal(unix.SIGCONT) // a stopped process acts on TERM only then
		g.linger(grace, silent)
	}
	g.signal(unix.SIGKILL)
	<-g.exited
	g.guard.release(g.pid)
	close(g.release)
	<-g.reaped
	return timedOut, cancelled
}

// linger waits at most grace for the group to act on TERM. The shell itself
// dies of it at once, its children may have something to put in order: they
// count as alive while they hold the output open.
func (g *group) linger(grace time.Duration, silent <-chan struct{}) {
	enough := time.NewTimer(grace)
	defer enough.Stop()
	for _, over := range []<-chan struct{}{g.exited, silent} {
		select {
		case <-over:
		case <-enough.C:
			return
		}
	}
}

// signal sends s to every process of the group. It can only fail where nobody
// is left to hear it, or all have changed to a user we may not signal; nothing
// else can be done about either.
func (g *group) signal(s syscall.Signal) { _ = unix.Kill(-g.pid, s) }

// status returns the exit status of the shell, or -1 and the signal's name.
func (g *group) status() (code int, signal string, err error) {
	if g.err != nil {
		return -1, "", g.err
	}
	if w, ok := g.state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		signal = unix.SignalName(w.Signal())
	}
	return g.state.ExitCode(), signal, nil
}
