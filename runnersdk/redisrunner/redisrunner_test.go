package redisrunner_test

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

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
	"github.com/herocode/horus/runnersdk/redisqueue"
	"github.com/herocode/horus/runnersdk/redisqueue/redisqueuetest"
	"github.com/herocode/horus/runnersdk/redisrunner"
)

// asRunner is set in a copy of the test program that is a runner.
const asRunner = "REDISRUNNER_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asRunner) != "" {
		os.Exit(redisrunner.Main(redisrunner.Config{}, work))
	}
	os.Exit(redistest.Around(m).Run())
}

// work says that it runs, and ends when it is told to; a job that is deaf does
// not hear that.
func work(ctx context.Context, j *runnersdk.Job) (string, error) {
	switch j.Payload {
	case "wait":
		j.Progress(1, "waiting")
		<-ctx.Done()
		return "", context.Cause(ctx)
	case "deaf":
		j.Progress(1, "waiting")
		select {}
	case "brief":
		j.Progress(1, "waiting")
		time.Sleep(time.Second)
	}
	return strings.ToUpper(j.Payload), nil
}

// program is a runner that runs on its own, and the supervisor that it has.
type program struct {
	*redisqueuetest.Supervisor
	t   *testing.T
	cmd *exec.Cmd
	key signing.PublicKey
	log output
}

// output is what a program writes.
type output struct {
	mu sync.Mutex

	text  bytes.Buffer
	wrote chan struct{} // closed when there is more; nil while nobody waits
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wrote != nil {
		close(o.wrote)
		o.wrote = nil
	}
	return o.text.Write(p)
}

// has reports whether a text was written; if not, more is closed when there is
// something new.
func (o *output) has(text string) (ok bool, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wrote == nil {
		o.wrote = make(chan struct{})
	}
	return strings.Contains(o.text.String(), text), o.wrote
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts a program that is configured by its environment alone.
func start(t *testing.T, environment ...string) *program {
	t.Helper()
	server := redistest.Shared(t)
	p := &program{Supervisor: redisqueuetest.Found(t, server.Client(), domain.Name(redistest.Namespace(t))), t: t}
	state := t.TempDir()
	dir, err := statedir.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	key, err := dir.Key(p.Namespace, statedir.RunnerKey("r1"))
	if err != nil {
		t.Fatal(err)
	}
	p.key = key.Public()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), asRunner+"=1", "HORUS_RUNNER=r1", "HORUS_REDIS_URL="+server.URL(),
		"HORUS_NAMESPACE="+string(p.Namespace), "HORUS_STATE_DIR="+state)
	p.cmd.Env = append(p.cmd.Env, environment...)
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone
		if t.Failed() {
			t.Logf("the program said:\n%s", p.log.String())
		}
	})
	return p
}

// begin submits a job and waits until it runs.
func (p *program) begin(id, payload string) {
	p.t.Helper()
	p.Submit(id, payload)
	p.Until(p.key, func(r runner.Report) bool {
		said, ok := r.(runner.Progress)
		return ok && said.Job.String() == id
	})
}

// awaits returns when the program has written a text.
func (p *program) awaits(text string) {
	p.t.Helper()
	for {
		ok, more := p.log.has(text)
		if ok {
			return
		}
		select {
		case <-more:
		case <-p.t.Context().Done():
			p.t.Fatalf("it never said %q", text)
		}
	}
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the program's end.
func (p *program) ends(code int, says string) {
	p.t.Helper()
	_ = p.cmd.Wait() // its state says how
	if got := p.cmd.ProcessState.ExitCode(); got != code || !strings.Contains(p.log.String(), says) {
		p.t.Errorf("it ended with %d, want %d, and %q in its log", got, code, says)
	}
}

func TestProgramOfTheEnvironment(t *testing.T) {
	t.Parallel()
	p := start(t, "HORUS_SLOTS=2", "HORUS_GRACE=")
	if _, join := p.Welcome(p.key); join.Slots != 2 {
		t.Errorf("it joined with %+v", join)
	}
	p.Submit("j1", "hello")
	if got := p.Result(p.key); got != "HELLO" {
		t.Errorf("the result is %q", got)
	}
	p.signal(syscall.SIGTERM)
	p.ends(exit.Good, "trusting the first founding")
}

// The first signal lets running jobs end.
func TestFirstSignalWaits(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.Welcome(p.key)
	p.begin("j1", "brief")
	p.signal(syscall.SIGINT)
	if got := p.Result(p.key); got != "BRIEF" {
		t.Errorf("the result is %q", got)
	}
	p.ends(exit.Good, "")
}

// The second ends them, and the exit code says that something is left.
func TestSecondSignalDoesNotWait(t *testing.T) {
	t.Parallel()
	p := start(t, "HORUS_GRACE=1h")
	p.Welcome(p.key)
	p.begin("j1", "wait")
	p.signal(syscall.SIGTERM)
	p.awaits("takes no more") // two of one kind that are not taken yet are one
	p.Submit("j2", "not taken any more")
	p.signal(syscall.SIGTERM)
	p.Until(p.key, func(r runner.Report) bool { _, left := r.(runner.Leave); return left })
	p.ends(exit.Unfinished, "interrupted, and will be run again: 1 (j1)")
}

// A third kills, whatever the handlers do.
func TestThirdSignalKills(t *testing.T) {
	t.Parallel()
	p := start(t, "HORUS_GRACE=1h")
	p.Welcome(p.key)
	p.begin("j1", "deaf")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = p.cmd.Wait() // its state says how
	}()
	for killed := false; !killed; { // signals that come together are one
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
			killed = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	if state, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %s", p.cmd.ProcessState)
	}
}

func TestProgramThatCannotStart(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "r1.key")
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, set string
		code      int
		says      string
	}{
		{name: "no runner id", set: "HORUS_RUNNER=", code: exit.Settings, says: "HORUS_RUNNER"},
		{name: "a number that is none", set: "HORUS_SLOTS=many", code: exit.Settings, says: "HORUS_SLOTS"},
		{name: "a duration that is none", set: "HORUS_LEASE=9", code: exit.Settings, says: "HORUS_LEASE"},
		{name: "a kind that is no name", set: "HORUS_KIND=sh,SH", code: exit.Settings, says: "HORUS_KIND"},
		{name: "a lease that is too short", set: "HORUS_LEASE=1s", code: exit.Settings, says: "3s"},
		{name: "a level that is none", set: "HORUS_LOG=loud", code: exit.Settings, says: "HORUS_LOG"},
		{name: "a fingerprint that is none", set: "HORUS_TRUST=me", code: exit.Settings, says: "HORUS_TRUST"},
		{name: "a key that is none", set: "HORUS_KEY_FILE=" + key, code: exit.Settings, says: key},
		{name: "a URL that is none", set: "HORUS_REDIS_URL=localhost", code: exit.Usage, says: "redis://[user:password@]host:port[/db]\nName another with HORUS_REDIS_URL"},
		{name: "another founding", set: "HORUS_TRUST=" + strings.Repeat("0a", 32), code: exit.NotAllowed, says: "is trusted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, test.set)
			p.ends(test.code, test.says)
		})
	}
}

// Who asks for help had a runner instead, that joined and took jobs.
func TestHelpRunsNothing(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-h", "--help"} {
		cmd := exec.Command(os.Args[0], flag)
		cmd.Env = append(os.Environ(), asRunner+"=1", "HORUS_RUNNER=r1", "HORUS_REDIS_URL=redis://127.0.0.1:1")
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), "HORUS_REDIS_URL  the Redis that the supervisor uses") {
			t.Errorf("%s: %v, %s", flag, err, out)
		}
	}
}

// Whoever cannot reach Redis is told where its address comes from.
func TestARedisThatDoesNotAnswerIsAboutRedis(t *testing.T) {
	t.Parallel()
	wire, err := redisqueue.New("redis://127.0.0.1:1", queue.Keys{Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := wire.Reach(ctx); !redisrunner.AboutRedis(err) {
		t.Errorf("it is not: %v", err)
	}
	if redisrunner.AboutRedis(nil) || redisrunner.AboutRedis(domain.Errorf(domain.Forbidden, "redis_auth", "no")) {
		t.Error("everything is")
	}
}

// Whoever brings a key and knows the founding needs no state directory.
func TestKeyFileAndTrust(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	s := redisqueuetest.Found(t, server.Client(), domain.Name(redistest.Namespace(t)))
	key := queuetest.Key(t, "runner")
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, state := filepath.Join(dir, "r1.key"), filepath.Join(dir, "state")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- redisrunner.Serve(ctx, redisrunner.Config{
			Runner: "r1", RedisURL: server.URL(), Namespace: s.Namespace, State: state, KeyFile: file, Trust: s.Founding,
		}, work)
	}()
	s.Welcome(key.Public())
	s.Submit("j1", "hello")
	if got := s.Result(key.Public()); got != "HELLO" {
		t.Errorf("the result is %q", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it made a state directory: %v", err)
	}
}
