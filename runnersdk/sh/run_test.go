package sh_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/runnersdk/sh"
)

func TestOutcomeOfScripts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		script string
		want   sh.Outcome
		lines  printed
	}{
		{name: "nothing", script: "", want: sh.Outcome{}},
		{
			name: "success", script: "echo hello",
			want:  sh.Outcome{Result: "hello\n"},
			lines: printed{sh.Stdout: {"hello"}},
		},
		{
			name: "failure", script: "echo no >&2; exit 3",
			want:  sh.Outcome{ExitCode: 3, Stderr: "no\n"},
			lines: printed{sh.Stderr: {"no"}},
		},
		{
			name: "exit status as a signal would give is still an exit status", script: "exit 137",
			want: sh.Outcome{ExitCode: 137},
		},
		{
			name: "signal to the shell itself", script: "kill -SEGV $$",
			want: sh.Outcome{ExitCode: -1, Signal: "SIGSEGV"},
		},
		{
			name: "signal to a child is told by the shell", script: "exec 2>/dev/null; sh -c 'kill -9 $$'; exit $?",
			want: sh.Outcome{ExitCode: 137},
		},
		{
			name: "command not found", script: "exec /nonexistent/program 2>/dev/null",
			want: sh.Outcome{ExitCode: 127},
		},
		{
			name: "last line without a newline", script: `printf 'a\nb'`,
			want:  sh.Outcome{Result: "a\nb"},
			lines: printed{sh.Stdout: {"a", "b"}},
		},
		{
			name: "empty lines are lines", script: `printf '\n\n'`,
			want:  sh.Outcome{Result: "\n\n"},
			lines: printed{sh.Stdout: {"", ""}},
		},
		{
			name: "standard input is empty", script: "cat; readlink /proc/self/fd/0",
			want:  sh.Outcome{Result: "/dev/null\n"},
			lines: printed{sh.Stdout: {"/dev/null"}},
		},
		{
			name: "session and group of its own", script: "read -r p c s pp pgrp sid rest </proc/self/stat; test $$ = $pgrp -a $$ = $sid",
			want: sh.Outcome{},
		},
		{
			name: "no terminal to ask on", script: "( : </dev/tty ) 2>/dev/null || echo none",
			want:  sh.Outcome{Result: "none\n"},
			lines: printed{sh.Stdout: {"none"}},
		},
		{
			name: "escape sequences are text, NUL is none", script: `printf '\033]0;x\007\000ok\r\n'`,
			want:  sh.Outcome{Result: "\x1b]0;x\a\ufffdok\r\n"},
			lines: printed{sh.Stdout: {"\x1b]0;x\a\ufffdok"}},
		},
		{
			name: "invalid UTF-8", script: `printf 'a\377b\303'`,
			want:  sh.Outcome{Result: "a\ufffdb\ufffd"},
			lines: printed{sh.Stdout: {"a\ufffdb\ufffd"}},
		},
		{
			name: "directory that its owner locked", script: "mkdir -p a/b; : >a/b/c; chmod 0 a/b a .",
			want: sh.Outcome{},
		},
		{
			name: "script that begins like an option", script: "-x 2>/dev/null; echo $?",
			want:  sh.Outcome{Result: "127\n"},
			lines: printed{sh.Stdout: {"127"}},
		},
		{
			name: "script too long for an argument", script: "echo long\n" + strings.Repeat("# filler\n", 1<<15),
			want:  sh.Outcome{Result: "long\n"},
			lines: printed{sh.Stdout: {"long"}},
		},
		{
			name: "script one byte too long for an argument", script: "exit 4;" + strings.Repeat(" ", 128<<10-7),
			want: sh.Outcome{ExitCode: 4},
		},
		{
			name: "script as long as an argument may be", script: "exit 4;" + strings.Repeat(" ", 128<<10-8),
			want: sh.Outcome{ExitCode: 4},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, lines := run(t, runner(t), sh.Command{Script: tt.script})
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(sh.Outcome{}, "Started", "Ended")); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.lines, lines, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvironmentIsAnAllowList(t *testing.T) {
	t.Setenv("SH_TEST_SECRET", "hunter2")
	t.Setenv("SH_TEST_SHARED", "yes")
	t.Setenv("HORUS_REDIS_URL", "redis://user:password@localhost")
	t.Setenv("TZ", "UTC")
	t.Setenv("TMPDIR", t.TempDir())

	r := runner(t)
	r.PassEnv = []string{"TZ", "SH_TEST_SHARED", "SH_TEST_UNSET"}
	out, _ := run(t, r, sh.Command{
		Script: `test "$TMPDIR" = "$(/bin/pwd)" && unset TMPDIR &&
			HORUS_CHECKPOINT=NOTES${HORUS_CHECKPOINT#"${PWD%/work}"} HORUS_PROGRESS=NOTES${HORUS_PROGRESS#"${PWD%/work}"} exec /usr/bin/env -u PWD -u OLDPWD -u SHLVL -u _`,
		Env:     map[string]string{"GREETING": "a=b \"c\"\n$d", "TZ": "Europe/Brussels"},
		JobID:   "j-1",
		Attempt: 2,
	})
	want := "SH_TEST_SHARED=yes\nGREETING=a=b \"c\"\n$d\nTZ=Europe/Brussels\nHORUS_JOB_ID=j-1\nHORUS_ATTEMPT=2\nHORUS_CHECKPOINT=NOTES/checkpoint\nHORUS_PROGRESS=NOTES/progress\n"
	sorted := cmpopts.SortSlices(strings.Compare)
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(out.Result, "\n"), sorted); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

// A descriptor may come without close-on-exec from whoever started this
// process; the script must not see it.
func TestNoDescriptorIsInherited(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	leaky, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leaky)

	out, _ := run(t, runner(t), sh.Command{Script: "for f in /proc/$$/fd/*; do echo ${f##*/} $(readlink $f); done"})
	if strings.Contains(out.Result, "secret") {
		t.Errorf("the script sees:\n%s", out.Result)
	}
}

func TestLinesComeWhileTheScriptRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answer")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	// The script goes on only after its first line has been delivered.
	out, _ := run(t, runner(t), sh.Command{
		Script: `echo ready; read answer <"$FIFO"; echo "$answer"`,
		Env:    map[string]string{"FIFO": path},
		Output: func(_ sh.Stream, line string) {
			if line == "ready" {
				if err := os.WriteFile(path, []byte("go\n"), 0o600); err != nil {
					t.Error(err)
				}
			}
		},
	})
	if out.Result != "ready\ngo\n" {
		t.Errorf("Result = %q", out.Result)
	}
}

// Output blocks until the script is dead, which shows that the script, which
// prints more than a pipe holds, did not wait for it.
func TestSlowOutputDoesNotHoldTheScript(t *testing.T) {
	t.Parallel()
	path, dead := fifo(t)
	var lines int
	out, _ := run(t, runner(t), sh.Command{
		Script: holdFIFO + "yes 0123456789 | head -n 40000",
		Env:    map[string]string{"FIFO": path},
		Output: func(sh.Stream, string) {
			<-dead
			lines++
		},
	})
	if lines != 40000 || !out.Succeeded() {
		t.Errorf("%d lines, %v; want 40000, exit status 0", lines, out)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	ok := sh.Command{Script: "touch ran", Timeout: time.Minute}
	with := func(change func(*sh.Command)) sh.Command {
		c := ok
		change(&c)
		return c
	}
	env := func(name, value string) sh.Command {
		return with(func(c *sh.Command) { c.Env = map[string]string{name: value} })
	}
	tests := []struct {
		name    string
		runner  sh.Runner
		command sh.Command
		reason  string
	}{
		{name: "no timeout", command: with(func(c *sh.Command) { c.Timeout = 0 }), reason: "timeout"},
		{name: "NUL in script", command: with(func(c *sh.Command) { c.Script = "a\x00b" }), reason: "payload"},
		{name: "NUL in job id", command: with(func(c *sh.Command) { c.JobID = "a\x00b" }), reason: "id"},
		{name: "PATH", command: env("PATH", "/tmp"), reason: "env"},
		{name: "LD_PRELOAD", command: env("LD_PRELOAD", "x.so"), reason: "env"},
		{name: "HORUS_JOB_ID", command: env("HORUS_JOB_ID", "other"), reason: "env"},
		{name: "empty name", command: env("", "x"), reason: "env"},
		{name: "= in name", command: env("A=B", "x"), reason: "env"},
		{name: "NUL in name", command: env("A\x00", "x"), reason: "env"},
		{name: "NUL in value", command: env("A", "\x00"), reason: "env"},
		{name: "negative grace", runner: sh.Runner{Grace: -1}, command: ok, reason: "config"},
		{name: "limit too small", runner: sh.Runner{MaxLine: 63}, command: ok, reason: "config"},
		{name: "secrets passed", runner: sh.Runner{PassEnv: []string{"HORUS_SECRET"}}, command: ok, reason: "config"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.runner.Dir = runner(t).Dir
			_, err := tt.runner.Run(t.Context(), tt.command)
			if domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != tt.reason {
				t.Errorf("Run: %v (%v, %q), want invalid %q", err, domain.CodeOf(err), domain.ReasonOf(err), tt.reason)
			}
		})
	}
}

func TestScriptThatCannotStart(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancelCause(t.Context())
	errStopped := errors.New("runner is stopping")
	cancel(errStopped)
	tests := []struct {
		name  string
		ctx   context.Context
		set   func(*sh.Runner)
		want  error
		words string
	}{
		{
			name: "no shell", ctx: t.Context(), set: func(r *sh.Runner) { r.Shell = "/nonexistent/sh" },
			want: syscall.ENOENT, words: "/nonexistent/sh",
		},
		{
			name: "shell is no program", ctx: t.Context(), set: func(r *sh.Runner) { r.Shell = "/etc/passwd" },
			want: syscall.EACCES, words: "/etc/passwd",
		},
		{
			name: "no place", ctx: t.Context(), set: func(r *sh.Runner) { r.Dir = "/nonexistent/dir" },
			want: syscall.ENOENT, words: "/nonexistent/dir",
		},
		{name: "context ended", ctx: ended, set: func(*sh.Runner) {}, want: errStopped, words: "start script"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := runner(t)
			tt.set(&r)
			_, err := r.Run(tt.ctx, sh.Command{Timeout: time.Minute})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("Run: %v, want %v with %q", err, tt.want, tt.words)
			}
		})
	}
}
