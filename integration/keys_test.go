package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// elsewhere is the same system as another machine sees it: with a state
// directory of its own, and the first one's API key.
func (w *world) elsewhere() *world {
	w.t.Helper()
	other := *w
	other.dir, other.port = filepath.Join(w.t.TempDir(), "state"), freePort(w.t)
	from, err := os.ReadFile(filepath.Join(w.dir, string(w.ns), string(statedir.APIKey)))
	if err != nil {
		w.t.Fatal(err)
	}
	dir, err := statedir.Open(other.dir)
	if err == nil {
		err = dir.Write(w.ns, statedir.APIKey, strings.TrimSpace(string(from)))
	}
	if err == nil {
		err = dir.Write(w.ns, statedir.Address, w.url())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return &other
}

// keyID returns the id of a key of the state directory.
func (w *world) keyID(file statedir.File) string {
	w.t.Helper()
	dir, err := statedir.Open(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := dir.Load(w.ns, file)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(key.Public().ID())
}

// founding returns the fingerprint that the state directory remembers.
func (w *world) founding() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, string(w.ns), "trust"))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// queue submits jobs for a runner that nobody started yet.
func (w *world) queue(n int, job client.Job) []ack {
	w.t.Helper()
	return w.take(n, w.submitting(n, job))
}

// callers submits without a pause from so many callers until stop is called,
// which returns what was acknowledged and the longest time in which nothing was.
func (w *world) callers(n int, job client.Job) (stop func() (acked []ack, pause time.Duration)) {
	ctx, cancel := context.WithCancel(w.ctx())
	var all sync.WaitGroup
	acks := make(chan ack, 1000)
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				receipt, err := w.Submit(w.t.Context(), job)
				acks <- ack{receipt, time.Now(), err}
			}
		})
	}
	gathered := make(chan []ack)
	go func() {
		var acked []ack
		for a := range acks {
			acked = append(acked, a)
		}
		gathered <- acked
	}()
	return func() ([]ack, time.Duration) {
		w.t.Helper()
		cancel()
		all.Wait()
		close(acks)
		acked := <-gathered
		var pause time.Duration
		for i, a := range acked {
			if a.err != nil {
				w.t.Errorf("submit: %v", a.err)
			}
			if i > 0 {
				pause = max(pause, a.at.Sub(acked[i-1].at))
			}
		}
		return acked, pause
	}
}

// TestTheSupervisorsKeyIsRotatedUnderLoad has a new key take the place of the
// leader's while 20 callers submit and a runner works. Nobody's call fails, the
// runner goes on, and jobs that were queued under the old key run when their
// runner comes, though that key has ended by then.
func TestTheSupervisorsKeyIsRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, runner := w.up()
	early := w.queue(5, w.note().Runner("late"))
	old := w.keyID(statedir.SupervisorKey)
	stop := w.callers(20, w.note())
	w.waitForRuns(20)

	const keep = 2 * time.Second
	out := w.horus(0, "keys", "rotate", "--class", "supervisor", "--keep", keep.String())
	ended := time.Now().Add(keep)
	fresh := w.keyID(statedir.SupervisorKey)
	if fresh == old || !strings.Contains(out, fresh+" is in use") || !strings.Contains(out, old) {
		t.Errorf("rotated %s to %s: %s", old, fresh, out)
	}
	w.waitForRuns(len(w.timesRun()) + 20)
	acked, pause := stop()
	t.Logf("%d jobs were acknowledged; the longest pause was %s", len(acked), pause)
	if pause > takeover {
		t.Errorf("nothing was acknowledged for %s", pause)
	}
	eventually(t, patience, func(context.Context) error {
		if time.Now().Before(ended) {
			return fmt.Errorf("the old key holds until %s", ended)
		}
		return nil
	})
	w.runner("late")
	for _, a := range early {
		if events := w.wantOneOutcome(a.ID); len(events) != 3 {
			t.Errorf("a job of the old key took the way %v", types(events))
		}
	}
	w.wantAll(acked)
	w.wantRunOnce(append(acked, early...))
	for _, p := range []*process{supervisor, runner} {
		select {
		case <-p.gone:
			t.Errorf("%s ended", p.name)
		default:
		}
	}
	if n := strings.Count(supervisor.out.String(), "msg=leading"); n != 2 {
		t.Errorf("the supervisor led %d terms, want 2", n)
	}
	w.wantKey(old, wire.KeyStateEnded)
	w.wantKey(fresh, wire.KeyStateHolds)
}

// waitForRuns waits until so many jobs have noted that they ran.
func (w *world) waitForRuns(n int) {
	w.t.Helper()
	eventually(w.t, patience, func(context.Context) error {
		if ran := len(w.timesRun()); ran < n {
			return fmt.Errorf("%d jobs have run, want %d", ran, n)
		}
		return nil
	})
}

// wantKey checks in which state a key is listed.
func (w *world) wantKey(id, state string) {
	w.t.Helper()
	list, err := w.Keys(w.ctx(), wire.KeyQuery{})
	if err != nil {
		w.t.Fatal(err)
	}
	at := slices.IndexFunc(list.Keys, func(k wire.Key) bool { return string(k.KeyID) == id })
	if at < 0 || list.Keys[at].State != state {
		w.t.Errorf("key %s should be listed as %s: %+v", id, state, list.Keys)
	}
}

// TestASupervisorsKeyIsRevoked revokes the leader's key. It stops leading at
// once, says why, and waits; another one leads, and grants anew what waited in
// queues, which costs a job none of its attempts.
func TestASupervisorsKeyIsRevoked(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	first, _ := w.up()
	other := w.elsewhere()
	other.horus(0, "keys", "add", "--class", "supervisor", "--name", "second")
	second := other.standBy(other.port, "--name", "second", "--trust", w.founding())
	w.waitForLog(second, "standing by")
	w.connect(w.url(), other.url())
	waiting := w.queue(5, w.note().Runner("late").MaxAttempts(1))

	key := w.keyID(statedir.SupervisorKey)
	w.horus(0, "keys", "revoke", key, "--reason", "its disk was sold")
	other.ready(other.port, patience)
	w.waitForLog(first, `was revoked (reason: \"its disk was sold\")`)
	w.wantKey(key, wire.KeyStateRevoked)

	acked := w.queue(20, w.note())
	w.runner("late")
	for _, a := range waiting {
		events := w.wantOneOutcome(a.ID)
		if got := types(events); !slices.Equal(got, []string{"job.submitted", "job.attempt_lost", "job.queued", "job.started", "job.completed"}) {
			t.Errorf("a job that waited took the way %v", got)
		}
	}
	w.wantAll(acked)
	w.wantRunOnce(append(acked, waiting...))
	select {
	case <-first.gone:
		t.Error("the supervisor ended; it should wait for another key")
	default:
	}
	if n := strings.Count(first.out.String(), "was revoked"); n > 3 {
		t.Errorf("the supervisor says %d times that its key was revoked", n)
	}
	// With another key it may come back.
	dir, err := statedir.Open(w.dir)
	if err == nil {
		err = dir.Remove(w.ns, statedir.SupervisorKey)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.horus(0, "keys", "add", "--class", "supervisor", "--name", "first", "--address", other.url())
	second.kill()
	w.ready(w.port, patience)
	w.wantAll(w.queue(3, w.note()))
}

// TestARunnersKeyIsRevoked revokes a key that a runner was first used with,
// while a job runs. Its process ends with words; the job is lost to it and runs
// to its end at another process with a key that is admitted.
func TestARunnersKeyIsRevoked(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	_, runner := w.up()
	latch := filepath.Join(t.TempDir(), "latch")
	job := client.NewJob(`echo begun; until test -e ` + latch + `; do sleep 0.1; done; echo "$HORUS_JOB_ID" >>` + w.runs).Runner("r1")
	receipt, err := w.Submit(w.ctx(), job)
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range w.Follow(w.ctx(), receipt.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Message == "begun" {
			break
		}
	}
	key := w.keyID(statedir.RunnerKey("r1"))
	w.horus(0, "keys", "revoke", key, "--reason", "stolen")
	if code := runner.wait(patience); code != exit.NotAllowed {
		t.Errorf("the runner ended with exit code %d, want %d", code, exit.NotAllowed)
	}
	if said := runner.out.String(); !strings.Contains(said, key) || !strings.Contains(said, "revoked") {
		t.Errorf("the runner said %s", said)
	}
	again := w.runner("r1")
	if code := again.wait(patience); code != exit.NotAllowed {
		t.Errorf("started again with the same key, the runner ended with exit code %d, want %d", code, exit.NotAllowed)
	}

	other := w.elsewhere()
	other.horus(0, "keys", "add", "--class", "runner", "--name", "r1")
	other.runner("r1")
	if err := os.WriteFile(latch, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	events := w.wantOneOutcome(receipt.ID)
	if got := types(events); !slices.Contains(got, "job.attempt_lost") {
		t.Errorf("the job took the way %v", got)
	}
	w.wantTrue()
	w.wantRunOnce([]ack{{Receipt: receipt}})
}

// TestAClientsKeyIsRevoked: from then on its jobs are refused, in words that say
// why, and what was taken before runs.
func TestAClientsKeyIsRevoked(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.up()
	acked := w.queue(3, w.note().Runner("late"))
	w.horus(0, "keys", "revoke", w.keyID(statedir.ClientKey))
	_, err := w.Submit(w.ctx(), w.note())
	if domain.CodeOf(err) != domain.Forbidden || domain.ReasonOf(err) != "key_revoked" {
		t.Errorf("submit with a revoked key: %v", err)
	}
	w.runner("late")
	w.wantAll(acked)
	w.wantRunOnce(acked)
}

// TestAllSupervisorsDisksAreGone deletes the state directory of the only
// supervisor, but for a copy of the operator's key. It admits a new one, which
// leads and goes on with what was queued; the history is one.
func TestAllSupervisorsDisksAreGone(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	founding := w.founding()
	drawer := filepath.Join(t.TempDir(), "operator.key")
	if err := os.Rename(filepath.Join(w.dir, string(w.ns), string(statedir.OperatorKey)), drawer); err != nil {
		t.Fatal(err)
	}
	acked := w.queue(20, w.note())
	acked = append(acked, w.queue(5, w.note().Runner("late"))...)
	supervisor.kill()
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}

	stranger := w.standBy(freePort(t), "--name", "stranger")
	w.waitForLog(stranger, "is not admitted")
	stranger.kill()
	w.horus(0, "keys", "add", "--class", "supervisor", "--name", "s2", "--operator", drawer)
	w.supervisor("--name", "s2", "--trust", founding)
	w.admit()
	acked = append(acked, w.queue(20, w.note())...)
	w.runner("late", "--trust", founding)
	w.wantAll(acked)
	w.wantRunOnce(acked)
	if out := w.horus(0, "audit", "verify", "--trust", founding); !strings.Contains(out, "as trusted") {
		t.Errorf("horus audit verify: %s", out)
	}
	if _, err := os.Stat(filepath.Join(w.dir, string(w.ns), string(statedir.Admission))); !os.IsNotExist(err) {
		t.Errorf("the admission is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, string(w.ns), string(statedir.OperatorKey))); !os.IsNotExist(err) {
		t.Errorf("a supervisor that founded nothing has an operator's key: %v", err)
	}
	var list wire.Keys
	if err := json.Unmarshal([]byte(w.horus(0, "keys", "list", "--class", "supervisor", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list.Keys, func(k wire.Key) bool { return string(k.KeyID) == w.keyID(statedir.SupervisorKey) })
	if at < 0 || list.Keys[at].AdmittedBy != "system:operator" || list.Keys[at].Class != access.Supervisor || list.Founding != founding {
		t.Errorf("the keys are %+v", list)
	}
}
