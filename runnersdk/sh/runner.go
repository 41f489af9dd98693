package sh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/herocode/horus/domain"
)

const (
	minLimit  = 64          // bytes: room for a mark and a few words beside it
	maxStderr = 4 << 10     // bytes of Outcome.Stderr: a sentence and a stack
	drainTime = time.Second // to read what is in the pipes when all are dead
)

// Stream tells the two outputs of a script apart. The numbers are those of the
// file descriptors.
type Stream uint8

// The streams.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// String returns "stdout" or "stderr".
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	}
	return fmt.Sprintf("stream %d", uint8(s))
}

// Command is one run of a shell script.
type Command struct {
	Script  string            // required; may be long, holds no NUL
	Env     map[string]string // variables of the job; never PATH, LD_* or HORUS_*
	JobID   string            // given to the script as HORUS_JOB_ID
	Attempt int               // given to the script as HORUS_ATTEMPT
	Timeout time.Duration     // required, more than 0: TERM to the whole group, KILL after Grace

	// Output gets each line as it comes, without its newline; nil drops them.
	// It is called by one goroutine at a time and never after Run returned. A
	// slow Output delays the return of Run, never the script.
	Output func(stream Stream, line string)

	// Checkpoint is what the file of HORUS_CHECKPOINT holds when the script
	// begins; when it is nil there is none.
	Checkpoint []byte
	// Saved gets the content of that file when the script changed it, and
	// Progress the last line of that of HORUS_PROGRESS: see the package comment.
	// nil drops them. Each is called by one goroutine at a time, beside Output,
	// and never after Run returned. A content of more than 64 KiB is cut off
	// one byte behind that: Saved is to refuse it.
	Saved    func(checkpoint []byte)
	Progress func(percent int, text string)
}

// Runner says how scripts are run. Its zero value works; a Runner may be used
// for many runs at the same time.
type Runner struct {
	Shell     string        // path of the shell; /bin/sh if empty
	Dir       string        // where the private directories are made; os.TempDir() if empty
	Grace     time.Duration // between TERM and KILL; 5 s if zero
	MaxOutput int           // bytes delivered of each stream, as written; 1 MiB if zero
	MaxLine   int           // bytes of a line, without its mark; 16 KiB if zero
	MaxResult int           // bytes of Outcome.Result, its mark included; 256 KiB if zero
	Guard     *Guard        // kills what scripts started when this process dies; nil: each run has one, which takes a millisecond
	PassEnv   []string      // variables of this process the script may see; PATH, HOME, LANG, LC_ALL and TZ if nil
}

// Run runs c and returns when its whole process group has ended or been killed,
// its output is delivered, and its directory is gone. The end of ctx ends the script as
// the timeout does.
//
// A nil error means that the script ran: the Outcome says how it ended, badly
// or well. An error means that it never started, because c or r is not valid
// ([domain.Invalid]), ctx had ended before, or the system refused; or, should
// the system not say how it ended, that nobody knows.
func (r Runner) Run(ctx context.Context, c Command) (Outcome, error) {
	r = r.withDefaults()
	if err := errors.Join(r.check(), c.check()); err != nil {
		return Outcome{}, err
	}
	if ctx.Err() != nil {
		return Outcome{}, fmt.Errorf("start script: %w", context.Cause(ctx))
	}
	place, err := makePlace(r.Dir)
	if err != nil {
		return Outcome{}, fmt.Errorf("make private directory: %w", err)
	}
	out, err := r.runIn(ctx, place, c)
	out.Residue = place.remove()
	return out, err
}

// runIn is Run between the making and the removal of the private directory.
func (r Runner) runIn(ctx context.Context, p place, c Command) (Outcome, error) {
	cmd, err := r.command(p, c)
	if err != nil {
		return Outcome{}, fmt.Errorf("start script: %w", err)
	}
	notes, err := openNotes(p.root, &c)
	if err != nil {
		return Outcome{}, fmt.Errorf("write the last checkpoint: %w", err)
	}
	l, err := listen(r, c.Output)
	if err != nil {
		return Outcome{}, fmt.Errorf("open output: %w", err)
	}
	cmd.Stdout, cmd.Stderr = l.stdout.w, l.stderr.w
	guard := r.Guard
	if guard == nil {
		guard = new(Guard)
		defer guard.Close()
	}
	g, err := start(cmd, guard)
	if err != nil {
		l.abandon()
		return Outcome{}, fmt.Errorf("start script: %w", err)
	}
	out := Outcome{Started: time.Now()}
	l.start()
	notes.start()
	out.TimedOut, out.Cancelled = g.supervise(ctx, c.Timeout, r.Grace, l.silent)
	notes.finish()
	l.finish(drainTime)
	out.Ended = time.Now()
	out.Result = l.stdout.captured.text()
	out.Stderr = l.stderr.captured.text()
	out.ExitCode, out.Signal, err = g.status()
	if err != nil {
		return out, fmt.Errorf("wait for script: %w", err)
	}
	return out, nil
}

func (r Runner) withDefaults() Runner {
	r.Shell = cmp.Or(r.Shell, "/bin/sh")
	r.Grace = cmp.Or(r.Grace, 5*time.Second)
	r.MaxOutput = cmp.Or(r.MaxOutput, 1<<20)
	r.MaxLine = cmp.Or(r.MaxLine, 16<<10)
	r.MaxResult = cmp.Or(r.MaxResult, 256<<10)
	if r.PassEnv == nil {
		r.PassEnv = []string{"PATH", "HOME", "LANG", "LC_ALL", "TZ"}
	}
	return r
}

func (r Runner) check() error {
	switch {
	case r.Grace < 0:
		return domain.Errorf(domain.Invalid, "config", "Grace is negative")
	case min(r.MaxOutput, r.MaxLine, r.MaxResult) < minLimit:
		return domain.Errorf(domain.Invalid, "config",
			"MaxOutput, MaxLine and MaxResult must be at least %d", minLimit)
	}
	return checkPassEnv(r.PassEnv)
}

// command prepares the shell, without its output. "--" keeps a
// script that begins with a dash from being read as an option.
func (r Runner) command(p place, c Command) (*exec.Cmd, error) {
	if err := unix.Access(r.Shell, unix.X_OK); err != nil {
		return nil, fmt.Errorf("the shell %s: %w", r.Shell, err)
	}
	args := []string{r.Shell, "-c", "--", c.Script}
	if len(c.Script) > maxArgument {
		file := filepath.Join(p.root, "script")
		if err := os.WriteFile(file, []byte(c.Script), 0o600); err != nil {
			return nil, fmt.Errorf("write script: %w", err)
		}
		args = []string{r.Shell, file}
	}
	return &exec.Cmd{
		Path: r.Shell,
		Args: args,
		Dir:  p.work,
		Env:  environ(r.PassEnv, p, c),
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:    true, // a group of its own, and no terminal to read from
			Pdeathsig: syscall.SIGKILL,
		},
	}, nil
}
