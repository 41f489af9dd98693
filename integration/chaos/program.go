package chaos

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/integration/faultproxy"
)

// program is one of Horus' programs under a service manager, which starts it
// again when it ends and nobody told it to.
type program struct {
	name  string
	path  string
	args  []string
	env   []string
	proxy *faultproxy.Proxy // between it and Redis
	said  *os.File          // all that it ever said

	mu sync.Mutex

	wanted  bool // it is to run
	hit     bool // something is being done to it
	process *os.Process
	gone    chan struct{} // closed when process has ended
	lives   []life
	keepers sync.WaitGroup
}

// life is one process of a program.
type life struct {
	pid  int
	code int            // -1 while it runs, or when a signal killed it
	told syscall.Signal // to end; 0 if it ended by itself
}

// startAgain is when the service manager starts what ended by itself.
const startAgain = 500 * time.Millisecond

// newProgram prepares a program; what it says goes to a file in folder.
func newProgram(t testing.TB, folder string, p *program) *program {
	t.Helper()
	said, err := os.Create(filepath.Join(folder, strings.ReplaceAll(p.name, " ", "-")+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p.said = said
	t.Cleanup(func() {
		p.tell(syscall.SIGKILL)
		p.keepers.Wait()
		if t.Failed() {
			t.Logf("%s said last:\n%s", p.name, lastLines(said))
		}
		_ = said.Close() // it was written, or the test has failed
	})
	return p
}

// lastLines is the end of what somebody said.
func lastLines(said *os.File) string {
	const most = 8 << 10
	size, err := said.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	text := make([]byte, min(size, most))
	_, err = said.ReadAt(text, size-int64(len(text)))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// start has the program run from now on.
func (p *program) start() error {
	p.mu.Lock()
	p.wanted = true
	p.mu.Unlock()
	started := make(chan error)
	p.keepers.Go(func() { p.keep(started) })
	return <-started
}

// keep runs the program for as long as it is wanted. It keeps its thread: Linux
// ends a child when the thread ends that started it, so that a test which is
// killed leaves nothing behind.
func (p *program) keep(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for first := true; ; first = false {
		cmd, gone := exec.Command(p.path, p.args...), make(chan struct{})
		cmd.Env, cmd.Stdout, cmd.Stderr = p.env, p.said, p.said
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := p.spawn(cmd, gone)
		if first {
			started <- err
		}
		if err != nil {
			return
		}
		_ = cmd.Wait() // its state says how it ended
		if !p.ended(cmd.ProcessState.ExitCode(), gone) {
			return
		}
		time.Sleep(startAgain)
	}
}

func (p *program) spawn(cmd *exec.Cmd, gone chan struct{}) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted {
		return fmt.Errorf("%s: it is not wanted any more", p.name)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.process, p.gone = cmd.Process, gone
	p.lives = append(p.lives, life{pid: cmd.Process.Pid, code: -1})
	return nil
}

// ended notes how the process ended, and reports whether to start it again.
func (p *program) ended(code int, gone chan struct{}) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lives[len(p.lives)-1].code = code
	p.process = nil
	close(gone)
	return p.wanted
}

// tell sends the process a signal, if there is one. A signal that ends it is the
// end of it being wanted.
func (p *program) tell(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ends := sig == syscall.SIGKILL || sig == syscall.SIGTERM
	if ends {
		p.wanted = false
	}
	if p.process == nil {
		return
	}
	if ends {
		p.lives[len(p.lives)-1].told = sig
	}
	_ = p.process.Signal(sig) // it may end at this moment
}

// wait returns the exit code of a process that was told to end.
func (p *program) wait(within time.Duration) (code int, err error) {
	p.mu.Lock()
	gone, last := p.gone, len(p.lives)-1
	p.mu.Unlock()
	enough := time.NewTimer(within)
	defer enough.Stop()
	select {
	case <-gone:
	case <-enough.C:
		return 0, fmt.Errorf("%s has not ended after %s", p.name, within)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lives[last].code, nil
}

// seize reports whether nothing is being done to the program, which runs, and
// from now on something is.
func (p *program) seize() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hit || p.process == nil {
		return false
	}
	p.hit = true
	return true
}

func (p *program) leaveAlone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hit = false
}

// pid is the process's number; 0 if there is none.
func (p *program) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return 0
	}
	return p.process.Pid
}

// past returns all its processes so far.
func (p *program) past() []life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lives)
}
