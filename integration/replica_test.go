package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// replicated makes a world whose supervisors ask for one replica, which follows.
func replicated(t *testing.T) (w *world, replica *redistest.Server, supervisor *process) {
	t.Helper()
	w = newWorld(t, redistest.Start(t, redistest.Options{AOF: redistest.EverySecond}))
	replica = redistest.Start(t, redistest.Options{})
	replica.Follow(w.redis)
	supervisor = w.supervisor("--durability", "replicated:1")
	w.runner("r1")
	w.admit()
	return w, replica, supervisor
}

// wantCode fails the test unless err has the code.
func wantCode(t *testing.T, what string, err error, code domain.Code) {
	t.Helper()
	if err == nil || domain.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

// TestWhatNoReplicaHasIsNotAcknowledged freezes the replica that a supervisor
// asked for. Whoever submits hears within two waits for it that the job is not
// durable, and again when it asks again; what runs goes on; and once the replica
// is back, the same again tells the truth.
func TestWhatNoReplicaHasIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	w, replica, supervisor := replicated(t)
	acked := w.finish(5)
	for _, a := range acked {
		if a.Durability != "replicated:1" {
			t.Fatalf("the receipt says %s", a.Durability)
		}
	}
	replica.Pause()
	once := w.caller(1, w.url())
	job := w.note().ID("frozen")
	for range 2 {
		began := time.Now()
		_, err := once.Submit(w.ctx(), job)
		wantCode(t, "submit while the replica is frozen", err, domain.NotDurable)
		if took := time.Since(began); took > 5*time.Second { // two waits of a second, on a loaded machine
			t.Errorf("the answer took %s", took)
		}
	}
	_, err := once.Submit(w.ctx(), client.NewJob("echo another").ID("frozen").Runner("r1"))
	wantCode(t, "another job of an id that a failover may free", err, domain.NotDurable)
	if old, err := once.Submit(w.ctx(), w.note().ID("old")); err == nil {
		t.Errorf("a job was acknowledged: %+v", old)
	}
	w.wantOneOutcome("frozen") // runners, views and queues go on
	w.wantConcern("fewer than 1 replicas have the end of the log")
	if lag := w.metrics()["horus_undurable_events"]; lag < 1 {
		t.Errorf("horus_undurable_events is %v", lag)
	}
	if _, err := w.Info(w.ctx()); err != nil {
		t.Errorf("system.info while the replica is frozen: %v", err)
	}

	replica.Unpause()
	receipt, err := w.Submit(w.ctx(), job)
	if err != nil || !receipt.Duplicate || receipt.Durability != "replicated:1" {
		t.Errorf("the same again: got %+v, %v; want what it is by now", receipt, err)
	}
	w.waitForLog(supervisor, "enough replicas have the end of the log again")
	eventually(t, patience, func(ctx context.Context) error {
		_, body, err := fetch(ctx, w.url()+"/readyz")
		if err == nil && body != "ready\n" {
			err = fmt.Errorf("/readyz still says %q", body)
		}
		return err
	})
	w.finish(30)
	w.wantTrue()
}

// wantConcern waits until /readyz says a sentence, and is ready all the same.
func (w *world) wantConcern(words string) {
	w.t.Helper()
	eventually(w.t, patience, func(ctx context.Context) error {
		code, body, err := fetch(ctx, w.url()+"/readyz")
		if err == nil && (code != http.StatusOK || !strings.Contains(body, words)) {
			err = fmt.Errorf("/readyz: %d %q", code, body)
		}
		return err
	})
}

// TestAFailoverKeepsWhatWasAcknowledged kills a primary that its replica lags
// behind, and promotes the replica: what was acknowledged is there, and what was
// not is submitted again with its own id.
func TestAFailoverKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	w, replica, supervisor := replicated(t)
	acked := w.finish(20)
	replica.Pause()
	once := w.caller(1, w.url())
	unsure := w.note().ID("unsure")
	_, err := once.Submit(w.ctx(), unsure)
	wantCode(t, "submit while the replica is frozen", err, domain.NotDurable)

	supervisor.kill()
	w.redis.Kill()
	replica.Unpause()
	replica.Promote()
	w.redis, w.hand = replica, replica.Client()
	w.supervisors, w.runners = replica.URL(), replica.URL()
	promoted := w.supervisor("--durability", "replicated:1") // there is none: it starts, and says so
	w.waitForLog(promoted, "has 0 replicas that follow it, and replicated:1 needs 1")
	for _, a := range acked {
		w.wantOneOutcome(a.ID)
	}
	_, err = once.Submit(w.ctx(), unsure)
	wantCode(t, "submit where no replica is", err, domain.NotDurable)

	second := redistest.Start(t, redistest.Options{})
	second.Follow(replica)
	w.runner("r1")
	if receipt, err := w.Submit(w.ctx(), unsure); err != nil || receipt.Durability != "replicated:1" {
		t.Errorf("submit with a new replica: got %+v, %v", receipt, err)
	}
	w.wantOneOutcome("unsure")
	w.finish(10)
	if declared, _ := w.gaps(); len(declared) > 0 {
		w.wantDeclared() // the end that the replica lacked
	} else {
		w.wantTrue()
	}
}

// TestASupervisorGetsWhatItAsksFor starts supervisors that ask for more than
// their Redis is set to give, or that may not use it at all.
func TestASupervisorGetsWhatItAsksFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options redistest.Options
		asked   string
		code    int
		words   string
	}{
		"fsync of everysec": {
			options: redistest.Options{AOF: redistest.EverySecond}, asked: "fsync", code: 78,
			words: "gives everysec and fsync was asked for: set appendonly yes and appendfsync always, or ask for less",
		},
		"everysec of nothing": {
			asked: "everysec", code: 78, words: "gives memory and everysec was asked for: set appendonly yes and appendfsync everysec, or ask for less",
		},
		"a word that is none": {asked: "always", code: 78, words: "it is everysec, fsync, or replicated:1 to replicated:9"},
		"a Redis that evicts": {
			options: redistest.Options{Args: []string{"--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"}}, code: 78,
			words: "throws jobs away when its memory is full (maxmemory-policy allkeys-lru): set maxmemory-policy noeviction",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Start(t, c.options))
			p := start(t, w.environment("HORUS_DURABILITY="+c.asked), "supervisor", "--port", fmt.Sprint(w.port))
			if code := p.wait(patience); code != c.code || !strings.Contains(p.out.String(), c.words) {
				t.Errorf("exit code %d, want %d and %q in\n%s", code, c.code, c.words, p.out.String())
			}
		})
	}
	t.Run("a replica", func(t *testing.T) {
		t.Parallel()
		primary, replica := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
		replica.Follow(primary)
		w := newWorld(t, replica)
		p := start(t, w.environment(), "supervisor", "--port", fmt.Sprint(w.port))
		if code := p.wait(patience); code != 78 || !strings.Contains(p.out.String(), "and takes no writes: name that one with --redis-url") {
			t.Errorf("exit code %d\n%s", code, p.out.String())
		}
	})
}

// TestALevelThatGetsWorseIsNamed changes the settings of Redis under a supervisor
// that promised fsync, and has it connect anew.
func TestALevelThatGetsWorseIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{AOF: redistest.Always}))
	supervisor := w.supervisor("--durability", "fsync")
	w.runner("r1")
	w.admit()
	if a := w.finish(1)[0]; a.Durability != "fsync" {
		t.Fatalf("the receipt says %s", a.Durability)
	}
	w.do("CONFIG", "SET", "appendfsync", "everysec")
	w.redis.Pause() // long enough for the supervisor to lose patience with it
	w.waitForLog(supervisor, "trying again")
	w.redis.Unpause()
	w.wantConcern("durability is everysec now, and was fsync: the settings of Redis were changed")
	w.waitForLog(supervisor, "less durable than it was")
	if a := w.finish(1)[0]; a.Durability != string(eventstore.EverySecond) {
		t.Errorf("the receipt says %s", a.Durability)
	}
	info, err := w.Info(w.ctx())
	if err != nil || info.Durability != "everysec" || len(info.Concerns) == 0 {
		t.Errorf("system.info: %+v, %v", info, err)
	}
	w.wantTrue()
}
