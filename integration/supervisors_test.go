package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// member is one of several supervisors.
type member struct {
	*process
	name string
	port int
}

// trio starts three supervisors of one state directory, of which the first, with
// arguments of its own, leads, and a runner; the client knows all of them.
func (w *world) trio(args ...string) []*member {
	w.t.Helper()
	members := []*member{{name: "first", port: w.port}, {name: "second", port: freePort(w.t)}, {name: "third", port: freePort(w.t)}}
	addresses := make([]string, len(members))
	for i, m := range members {
		if i == 0 {
			m.process = w.supervisor(append([]string{"--name", m.name}, args...)...)
		} else {
			m.process = w.standBy(m.port, "--name", m.name)
			w.waitForLog(m.process, "standing by")
		}
		addresses[i] = urlOf(m.port)
	}
	w.runner("r1")
	w.admit()
	w.connect(addresses...)
	return members
}

// only returns a client of one supervisor, which asks once.
func (w *world) only(m *member) *client.Client {
	w.t.Helper()
	return w.caller(1, urlOf(m.port))
}

// leader returns who leads of those that run.
func (w *world) leader(members []*member) *member {
	w.t.Helper()
	var found *member
	eventually(w.t, patience, func(ctx context.Context) error {
		for _, m := range members {
			if code, _, err := fetch(ctx, urlOf(m.port)+"/readyz"); err == nil && code == http.StatusOK {
				found = m
				return nil
			}
		}
		return errors.New("nobody leads")
	})
	return found
}

// TestAnySupervisorIsCalled submits, reads, waits and administers through a
// stand-by alone: what it cannot do itself the leader does for it, and what was
// written is read at once.
func TestAnySupervisorIsCalled(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	members := w.trio("--unsigned", "countersign")
	standBy := w.only(members[1])
	ctx := w.ctx()

	info, err := standBy.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != "second" || info.Role != wire.StandsBy || info.Leader == nil || info.Leader.Name != "first" || info.Leader.Address != w.url() || info.Founding == "" {
		t.Errorf("the stand-by says %+v, led by %+v", info, info.Leader)
	}
	for i := range 20 {
		receipt, err := standBy.Submit(ctx, client.NewJob(fmt.Sprintf("echo %d", i)).Runner("r1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.only(members[1+i%2]).Get(ctx, receipt.ID); err != nil {
			t.Fatalf("read what was just submitted: %v", err)
		}
	}
	receipt, err := standBy.Submit(ctx, client.NewJob("echo one; sleep 0.5; echo two").Runner("r1"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := standBy.Wait(ctx, receipt.ID)
	if err != nil || done.State.String() != "completed" {
		t.Fatalf("%+v, %v", done, err)
	}
	if late := time.Since(done.EndedAt.Time()); late > 2*time.Second {
		t.Errorf("whoever waited at the stand-by was told %s after the job had ended", late)
	}
	logs, err := standBy.Logs(ctx, receipt.ID, 0, 10)
	if err != nil || len(logs.Lines) != 2 {
		t.Errorf("logs %+v, %v", logs, err)
	}
	if events, err := standBy.History(ctx, receipt.ID); err != nil || len(events) < 3 {
		t.Errorf("history %+v, %v", events, err)
	}
	key, err := w.state().Key("other", "some.key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := standBy.AddKey(ctx, client.Admission(string(w.ns), access.Client, "bob", key)); err != nil {
		t.Fatal(err)
	}
	keys, err := standBy.Keys(ctx, wire.KeyQuery{})
	if err != nil || !slices.ContainsFunc(keys.Keys, func(k wire.Key) bool { return k.Name == "bob" }) {
		t.Errorf("keys %+v, %v", keys, err)
	}
	if _, err := standBy.AddKey(ctx, wire.AddKey{Class: access.Client, Name: "bob", PublicKey: "zz"}); domain.CodeOf(err) != domain.Invalid {
		t.Errorf("the leader's refusal: %v", err)
	}
	var result struct {
		Success string `json:"success"`
	}
	if err := standBy.Call(ctx, "job.run", map[string]any{"job": map[string]string{"payload": "echo old", "runner": "r1"}}, &result); err != nil || result.Success != "old\n" {
		t.Errorf("job.run: %+v, %v", result, err)
	}
	w.wantTrue()
}

// stranger starts a supervisor with a state directory of its own.
func (w *world) stranger(name string) (m *member, dir string) {
	w.t.Helper()
	m = &member{name: name, port: freePort(w.t)}
	dir = filepath.Join(w.t.TempDir(), "state")
	m.process = start(w.t, append(w.environment(), "HORUS_STATE_DIR="+dir, "HORUS_ADMIN_SECRET=shared-by-all"),
		"supervisor", "--port", fmt.Sprint(m.port), "--name", name, "--lease", lease.String())
	return m, dir
}

// TestAStrangerWaitsUntilItIsAdmitted starts a supervisor whose key the history
// does not know. It says at once what to run, leaves the lead to others even
// when nobody has it, and takes it once its key is admitted, all by itself.
func TestAStrangerWaitsUntilItIsAdmitted(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	first := start(t, append(w.environment(), "HORUS_ADMIN_SECRET=shared-by-all"),
		"supervisor", "--port", fmt.Sprint(w.port), "--lease", lease.String(), "--name", "first")
	w.ready(w.port, patience)
	w.admit()
	stranger, dir := w.stranger("stranger")
	w.waitForLog(stranger.process, "horus keys add --class supervisor --name stranger")

	// It passes calls on all the same. The two have one API key in common.
	shared, err := client.New(client.Config{Addresses: []string{urlOf(stranger.port)}, APIKey: "shared-by-all", Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func(ctx context.Context) error {
		_, err := shared.Info(ctx)
		return err
	})
	own, err := os.ReadFile(filepath.Join(dir, string(w.ns), "api.key"))
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := client.New(client.Config{Addresses: []string{urlOf(stranger.port)}, APIKey: strings.TrimSpace(string(own)), Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unknown.Submit(w.ctx(), client.NewJob("x").Runner("r1")); domain.CodeOf(err) != domain.Unauthenticated || !strings.Contains(err.Error(), "same keys") {
		t.Errorf("with an API key that the leader does not know: %v", err)
	}

	leads := w.holder()
	first.kill()
	if took := w.holder(); took != leads {
		t.Errorf("the lease went from %s to %s", leads, took)
	}
	if _, err := shared.AddKey(w.ctx(), wire.AddKey{Class: access.Client, Name: "x", PublicKey: strings.Repeat("a", 64)}); domain.CodeOf(err) != domain.TryAgain || !strings.Contains(err.Error(), "first") {
		t.Errorf("while nobody leads: %v", err)
	}
	first = w.supervisor("--name", "first")
	w.horus(0, "keys", "list")
	key, err := stateOf(w.t, dir).Key(w.ns, "supervisor.key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddKey(w.ctx(), client.Admission(string(w.ns), access.Supervisor, "stranger", key)); err != nil {
		t.Fatal(err)
	}
	w.waitForLog(stranger.process, "another supervisor leads; standing by")
	first.kill()
	w.ready(stranger.port, patience)
}

// holder returns who holds the lease, and in which term.
func (w *world) holder() string {
	w.t.Helper()
	lease, err := w.redis.Client().HMGet(w.t.Context(), string(w.ns)+":{p000}:leader", "term", "name").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(lease...)
}

// TestASupervisorOfAnotherHistoryRefusesToStart has a supervisor remember
// another founding than the log's: somebody mixed up a Redis, a namespace or a
// state directory.
func TestASupervisorOfAnotherHistoryRefusesToStart(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.supervisor()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.MkdirAll(filepath.Join(dir, string(w.ns)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, string(w.ns), "trust"), []byte(strings.Repeat("ab", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := start(t, append(w.environment(), "HORUS_STATE_DIR="+dir), "supervisor", "--port", "0")
	if code := other.wait(patience); code != 77 || !strings.Contains(other.out.String(), "another founding") {
		t.Errorf("exit code %d\n%s", code, &other.out)
	}
}

// TestASupervisorWaitsForItsRedis starts a supervisor before its Redis. It is
// alive and not ready, says once what it waits for, and leads when Redis comes.
func TestASupervisorWaitsForItsRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{AOF: redistest.EverySecond}))
	w.redis.Kill()
	supervisor := w.standBy(w.port)
	w.waitForLog(supervisor, "waiting for Redis")
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/rpc": http.StatusServiceUnavailable} {
		if code, body, err := fetch(w.ctx(), w.url()+path); err != nil || code != want {
			t.Errorf("%s: %d %s, %v; want %d", path, code, body, err, want)
		}
	}
	w.redis.Restart()
	w.ready(w.port, patience)
	w.admit()
	w.take(1, w.submitting(1, w.note()))
	if n := strings.Count(supervisor.out.String(), "waiting for Redis"); n > 3 { // refused, perhaps loading, perhaps cut off
		t.Errorf("it said so %d times:\n%s", n, &supervisor.out)
	}
}
