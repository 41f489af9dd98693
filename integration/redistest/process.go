package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// program is the path of a redis-server on this machine.
type program string

func findProgram() (backend, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("install Debian's package redis-server, or its like: %w", err)
	}
	if err := sweepFolders(os.TempDir()); err != nil {
		return nil, fmt.Errorf("remove folders of dead tests: %w", err)
	}
	return program(path), nil
}

// folderPattern names a server's folder after the test process that made it.
const folderPattern = "redistest-%d-"

// sweepFolders removes what killed test processes left in parent.
func sweepFolders(parent string) error {
	found, err := filepath.Glob(filepath.Join(parent, "redistest-*"))
	if err != nil {
		return err
	}
	for _, dir := range found {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), folderPattern, &pid); err != nil || alive(pid) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (p program) launch(ctx context.Context, opts Options) (instance, error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf(folderPattern, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("make the server's folder: %w", err)
	}
	in := &processInstance{program: string(p), opts: opts, dir: dir}
	err = onFreePort(func(port int) error {
		in.port = port
		return in.start(ctx)
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return in, nil
}

// processInstance is a redis-server with a folder of its own.
type processInstance struct {
	program string
	opts    Options
	dir     string
	port    int
	process *os.Process
	gone    chan struct{} // closed when process has ended
}

func (in *processInstance) addr() string { return loopback(in.port) }

func (in *processInstance) url() string { return "redis://" + in.addr() + "/0" }

func (in *processInstance) String() string {
	return fmt.Sprintf("process %s at %s", in.program, in.addr())
}

func (in *processInstance) logFile() string { return filepath.Join(in.dir, "redis.log") }

// start runs the server and returns when it says that it is ready, its data
// loaded. A server that ends instead is an error that quotes its log. Asking
// at the port would not do: another server may have been faster there.
func (in *processInstance) start(ctx context.Context) error {
	if err := os.Remove(in.logFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := in.spawn(); err != nil {
		return fmt.Errorf("run %s: %w", in.program, err)
	}
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	gone := in.gone
	go func() {
		select {
		case <-gone:
			cancel(errors.New("it ended"))
		case <-alive.Done():
		}
	}()
	if err := until(alive, in.ready); err != nil {
		return errors.Join(in.explain(err), in.signal(ctx, sigKill))
	}
	return nil
}

// ready returns nil when the server's log says so.
func (in *processInstance) ready() error {
	log, err := os.ReadFile(in.logFile())
	if err != nil {
		return err
	}
	if !bytes.Contains(log, []byte(readyLine)) {
		return errors.New("it starts")
	}
	return nil
}

// explain adds the server's log to err.
func (in *processInstance) explain(err error) error {
	log, readErr := os.ReadFile(in.logFile())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if bytes.Contains(log, []byte("Address already in use")) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return fmt.Errorf("run %s: %w; its log:\n%s", in.program, err, log)
}

// spawn starts the process and waits for it in a goroutine that keeps its
// thread: Linux ends the server when the thread that started it ends, so the
// thread must live as long as the server, and a test that is killed leaves no
// server behind.
func (in *processInstance) spawn() error {
	args := []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(in.port),
		"--dir", in.dir, "--logfile", in.logFile(), "--daemonize", "no",
	}
	cmd := exec.Command(in.program, append(args, in.opts.arguments()...)...)
	cmd.SysProcAttr = endWithParent()
	started, gone := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(gone)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed servers are the point
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	in.process, in.gone = cmd.Process, gone
	return nil
}

func (in *processInstance) signal(ctx context.Context, sig signal) error {
	numbers := map[signal]syscall.Signal{
		sigKill: syscall.SIGKILL, sigEnd: syscall.SIGTERM, sigStop: syscall.SIGSTOP, sigContinue: syscall.SIGCONT,
	}
	err := in.process.Signal(numbers[sig])
	if sig != sigKill && sig != sigEnd {
		return err
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-in.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (in *processInstance) restart(ctx context.Context) error {
	if err := in.signal(ctx, sigKill); err != nil {
		return err
	}
	return in.start(ctx)
}

func (in *processInstance) remove(ctx context.Context) error {
	return errors.Join(in.signal(ctx, sigKill), os.RemoveAll(in.dir))
}
