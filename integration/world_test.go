package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// The shortest lease there is, so that a lost attempt is found soon.
const lease = 3 * time.Second

// patience is how long anything may take that is not measured.
const patience = 60 * time.Second

// world is a Horus of several processes: one namespace of a Redis, and one state
// directory.
type world struct {
	t     *testing.T
	redis *redistest.Server
	ns    domain.Name
	dir   string // the state directory
	port  int    // of the supervisor
	runs  string // the file in which jobs note that they ran
	topic string // that supervisors fill; none if empty
	hand  *redis.Client
	// URLs of the Redis as supervisors and runners reach it.
	supervisors, runners string
	*client.Client
}

// onShared makes a world on the Redis that tests share.
func onShared(t *testing.T) *world { return newWorld(t, redistest.Shared(t)) }

func newWorld(t *testing.T, server *redistest.Server) *world {
	t.Helper()
	folder := t.TempDir()
	return &world{
		t: t, redis: server, hand: server.Client(), ns: domain.Name(redistest.Namespace(t)),
		dir: filepath.Join(folder, "state"), port: freePort(t), runs: filepath.Join(folder, "runs"),
		supervisors: server.URL(), runners: server.URL(),
	}
}

// freePort returns a port below those that outgoing connections take, and below
// those of package redistest.
func freePort(t *testing.T) int {
	t.Helper()
	const first, last, tries = 10000, 14999, 50
	for range tries {
		port := first + rand.IntN(last-first+1)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func (w *world) url() string { return urlOf(w.port) }

func (w *world) environment(more ...string) []string {
	return append(environment(
		"HORUS_REDIS_URL="+w.redis.URL(), "HORUS_NAMESPACE="+string(w.ns), "HORUS_STATE_DIR="+w.dir, "HORUS_TOPIC="+w.topic), more...)
}

// up starts a supervisor that leads, and a runner r1, and admits a client.
func (w *world) up() (supervisor, runner *process) {
	w.t.Helper()
	supervisor = w.supervisor()
	runner = w.runner("r1")
	w.admit()
	return supervisor, runner
}

// supervisor starts one at the world's port, and returns when it leads.
func (w *world) supervisor(args ...string) *process {
	w.t.Helper()
	p := w.standBy(w.port, args...)
	w.ready(w.port, patience)
	return p
}

// standBy starts a supervisor at a port, and does not wait for it to lead.
func (w *world) standBy(port int, args ...string) *process {
	w.t.Helper()
	args = append([]string{"--port", fmt.Sprint(port), "--lease", lease.String()}, args...)
	return start(w.t, w.environment("HORUS_REDIS_URL="+w.supervisors), "supervisor", args...)
}

// ready returns when the supervisor at a port leads.
func (w *world) ready(port int, within time.Duration) {
	w.t.Helper()
	eventually(w.t, within, func(ctx context.Context) error {
		code, body, err := fetch(ctx, urlOf(port)+"/readyz")
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("/readyz: %d %s", code, body)
		}
		return err
	})
}

func fetch(ctx context.Context, url string) (code int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// runner starts a process of a runner id.
func (w *world) runner(id string, args ...string) *process {
	w.t.Helper()
	args = append([]string{id, "--slots", "4", "--lease", lease.String()}, args...)
	return start(w.t, w.environment("HORUS_REDIS_URL="+w.runners), "runner_sh", args...)
}

// admit has the client's key admitted with the program horus, and connects.
func (w *world) admit() {
	w.t.Helper()
	w.horus(0, "keys", "add")
	w.connect(w.url())
}

// connect makes the client, which asks for as long as a test has patience.
func (w *world) connect(addresses ...string) {
	w.t.Helper()
	w.Client = w.caller(1000, addresses...)
}

// state is the state directory.
func (w *world) state() statedir.Dir { return stateOf(w.t, w.dir) }

// stateOf is the state directory with a path.
func stateOf(t *testing.T, path string) statedir.Dir {
	t.Helper()
	dir, err := statedir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// caller returns a client that sends each call so often.
func (w *world) caller(attempts int, addresses ...string) *client.Client {
	w.t.Helper()
	dir := w.state()
	secret, err := dir.Read(w.ns, statedir.APIKey)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := dir.Key(w.ns, statedir.ClientKey)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := client.New(client.Config{Addresses: addresses, APIKey: secret, Key: key, Attempts: attempts})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// horus runs the command line, fails the test unless it ends with the exit code,
// and returns what it printed.
func (w *world) horus(code int, args ...string) string {
	w.t.Helper()
	mustBuild(w.t)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "horus"), args...)
	cmd.Env = w.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		w.t.Fatalf("horus %s: %v", strings.Join(args, " "), err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		w.t.Fatalf("horus %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr.String())
	}
	return string(stdout)
}

// ctx ends when nobody has patience any more.
func (w *world) ctx() context.Context {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// note is a job that takes a moment and notes that it ran to its end.
func (w *world) note() client.Job {
	return client.NewJob(`sleep 0.02; echo "$HORUS_JOB_ID" >>` + w.runs).Runner("r1")
}

// ack is an acknowledged submit.
type ack struct {
	wire.Receipt
	at  time.Time
	err error
}

// submitting submits jobs, several at a time, and returns what is acknowledged
// as it is.
func (w *world) submitting(n int, job client.Job) <-chan ack {
	const together = 8
	ctx := w.ctx()
	acks, tickets := make(chan ack, n), make(chan struct{}, n)
	for range n {
		tickets <- struct{}{}
	}
	close(tickets)
	for range together {
		go func() {
			for range tickets {
				receipt, err := w.Submit(ctx, job)
				acks <- ack{receipt, time.Now(), err}
			}
		}()
	}
	return acks
}

// take receives n acknowledgements.
func (w *world) take(n int, acks <-chan ack) []ack {
	w.t.Helper()
	taken := make([]ack, n)
	for i := range taken {
		taken[i] = <-acks
		if taken[i].err != nil {
			w.t.Fatalf("submit: %v", taken[i].err)
		}
	}
	return taken
}

// timesRun counts how often each job ran to its end.
func (w *world) timesRun() map[string]int {
	w.t.Helper()
	data, err := os.ReadFile(w.runs)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	times := map[string]int{}
	for id := range strings.FieldsSeq(string(data)) {
		times[id]++
	}
	return times
}

// wantOneOutcome waits for a job and checks that its history has one outcome,
// which is good. It returns the history.
func (w *world) wantOneOutcome(id string) []wire.Event {
	w.t.Helper()
	ctx := w.ctx()
	done, err := w.Wait(ctx, id)
	if err != nil {
		w.t.Fatalf("wait for job %s: %v", id, err)
	}
	if done.State.String() != "completed" {
		w.t.Errorf("job %s: %s, %v", id, done.State, done.Error)
	}
	events, err := w.History(ctx, id)
	if err != nil {
		w.t.Fatalf("history of job %s: %v", id, err)
	}
	outcomes := 0
	for _, e := range events {
		if e.Type == "job.completed" || e.Type == "job.failed" {
			outcomes++
		}
	}
	if outcomes != 1 {
		w.t.Errorf("job %s has %d outcomes: %v", id, outcomes, types(events))
	}
	return events
}

// types are the names of events.
func types(events []wire.Event) []string {
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = e.Type
	}
	return names
}

// wantTrue checks the history, and that the read models are what follows from
// it.
func (w *world) wantTrue() {
	w.t.Helper()
	if out := w.horus(0, "audit", "verify"); !strings.HasPrefix(out, "valid up to seq ") {
		w.t.Errorf("horus audit verify: %s", out)
	}
	w.wantEqual()
}

// wantEqual checks that the read models are what follows from the history.
func (w *world) wantEqual() {
	w.t.Helper()
	if out := w.horus(0, "rebuild"); !strings.HasPrefix(out, "equal: ") {
		w.t.Errorf("horus rebuild: %s", out)
	}
}
