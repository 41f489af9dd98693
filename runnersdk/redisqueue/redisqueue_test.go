package redisqueue_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

// supervisor does with bare commands what a supervisor does.
type supervisor struct {
	t      *testing.T
	keys   queue.Keys
	client *redis.Client
	states uint64
}

func (s *supervisor) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Errorf("arrange the other end: %v", err)
	}
}

func (s *supervisor) MakeQueue(q job.Queue) {
	err := s.client.XGroupCreateMkStream(s.t.Context(), s.keys.Jobs(q), queue.Group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		s.must(err)
	}
}

func (s *supervisor) DropQueue(q job.Queue) {
	s.must(s.client.Del(s.t.Context(), s.keys.Jobs(q)).Err())
}

func (s *supervisor) Put(q job.Queue, id queue.EntryID, fields map[string]string) {
	s.must(s.client.XAdd(s.t.Context(), &redis.XAddArgs{Stream: s.keys.Jobs(q), ID: id.String(), Values: fields}).Err())
}

func (s *supervisor) Remove(q job.Queue, id queue.EntryID) {
	s.must(s.client.XAck(s.t.Context(), s.keys.Jobs(q), queue.Group, id.String()).Err())
	s.must(s.client.XDel(s.t.Context(), s.keys.Jobs(q), id.String()).Err())
}

func (s *supervisor) Give(q job.Queue, id queue.EntryID, process string) {
	s.must(s.client.XClaim(s.t.Context(), &redis.XClaimArgs{
		Stream: s.keys.Jobs(q), Group: queue.Group, Consumer: process, Messages: []string{id.String()},
	}).Err())
}

func (s *supervisor) Owner(q job.Queue, id queue.EntryID) string {
	pending, err := s.client.XPendingExt(s.t.Context(), &redis.XPendingExtArgs{
		Stream: s.keys.Jobs(q), Group: queue.Group, Start: id.String(), End: id.String(), Count: 1,
	}).Result()
	s.must(err)
	if len(pending) == 0 {
		return ""
	}
	return pending[0].Consumer
}

func (s *supervisor) Notify(id domain.Name, fields map[string]string) {
	s.must(s.client.XAdd(s.t.Context(), &redis.XAddArgs{Stream: s.keys.Control(id), Values: fields}).Err())
}

func (s *supervisor) State(value string) {
	s.states++
	s.must(s.client.HSet(s.t.Context(), s.keys.Statements(), queue.StatementField(s.states), value).Err())
}

func (s *supervisor) SetMode(field, mode string) {
	if mode == "" {
		s.must(s.client.HDel(s.t.Context(), s.keys.Modes(), field).Err())
		return
	}
	s.must(s.client.HSet(s.t.Context(), s.keys.Modes(), field, mode).Err())
}

func (s *supervisor) Beats() map[string]string {
	beats, err := s.client.HGetAll(s.t.Context(), s.keys.Beats()).Result()
	s.must(err)
	return beats
}

func (s *supervisor) Inbox() []runner.Signed {
	messages, err := s.client.XRange(s.t.Context(), s.keys.Inbox(), "-", "+").Result()
	s.must(err)
	var bundles []runner.Signed
	for _, m := range messages {
		fields := map[string]string{}
		for name, value := range m.Values {
			fields[name], _ = value.(string)
		}
		bundle, err := queue.ParseBundle(fields)
		s.must(err)
		bundles = append(bundles, bundle)
	}
	return bundles
}

func open(t *testing.T, server *redistest.Server) (*redisqueue.Wire, *supervisor) {
	t.Helper()
	keys := queue.Keys{Namespace: domain.Name(redistest.Namespace(t))}
	wire, err := redisqueue.New(server.URL(), keys)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := wire.Reach(t.Context()); err != nil {
		t.Fatalf("reach: %v", err)
	}
	t.Cleanup(func() {
		if err := wire.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return wire, &supervisor{t: t, keys: keys, client: server.Client()}
}

func TestWire(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) (queue.Wire, queuetest.Supervisor) {
		return open(t, redistest.Shared(t))
	})
}

// A renewal is seen by whoever watches idle times.
func TestRenewResetsIdleTime(t *testing.T) {
	wire, s := open(t, redistest.Shared(t))
	q, id := job.RunnerQueue("r1"), queue.EntryID{Term: 7, Seq: 1}
	s.MakeQueue(q)
	s.Put(q, id, map[string]string{"grant": "x"})
	if _, err := wire.Take(t.Context(), "a1", []job.Queue{q}, 1, 0); err != nil {
		t.Fatal(err)
	}
	const longAgo = 600_000 // ms
	err := s.client.Do(t.Context(), "XCLAIM", s.keys.Jobs(q), queue.Group, "a1", 0, id.String(), "IDLE", longAgo, "JUSTID").Err()
	s.must(err)
	if _, err := wire.Renew(t.Context(), "a1", q, []queue.EntryID{id}); err != nil {
		t.Fatal(err)
	}
	pending, err := s.client.XPendingExt(t.Context(), &redis.XPendingExtArgs{
		Stream: s.keys.Jobs(q), Group: queue.Group, Start: "-", End: "+", Count: 1,
	}).Result()
	s.must(err)
	if idle := pending[0].Idle; idle >= longAgo*time.Millisecond {
		t.Errorf("idle for %s after the renewal", idle)
	}
	if pending[0].RetryCount != 1 {
		t.Errorf("a renewal counted as delivery %d", pending[0].RetryCount)
	}
}

func TestReachSaysWhatIsWrong(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	if err := server.Client().ConfigSet(t.Context(), "requirepass", "secret").Err(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, url string
		code      domain.Code
	}{
		{name: "nobody there", url: "redis://127.0.0.1:1", code: domain.TryAgain},
		{name: "no password", url: "redis://" + server.Addr(), code: domain.Forbidden},
		{name: "another password", url: "redis://:guess@" + server.Addr(), code: domain.Forbidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			wire, err := redisqueue.New(test.url, queue.Keys{Namespace: "n"})
			if err != nil {
				t.Fatal(err)
			}
			err = wire.Reach(ctx)
			if domain.CodeOf(err) != test.code {
				t.Errorf("error %v has the code %s, want %s", err, domain.CodeOf(err), test.code)
			}
			if err != nil && strings.Contains(err.Error(), "guess") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestURLThatIsNone(t *testing.T) {
	_, err := redisqueue.New("redis://:guess@[bad", queue.Keys{Namespace: "n"})
	if domain.CodeOf(err) != domain.Invalid || strings.Contains(err.Error(), "guess") {
		t.Errorf("new: %v", err)
	}
}

// A server that hangs costs an answer, not the process: the call comes back,
// and what it delivered is pending.
func TestLostAnswerIsPending(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	wire, s := open(t, server)
	q := job.RunnerQueue("r1")
	s.MakeQueue(q)
	s.Put(q, queue.EntryID{Term: 7, Seq: 1}, map[string]string{"grant": "x"})
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := wire.Take(ctx, "a1", []job.Queue{q}, 1, 0)
	server.Unpause()
	if err == nil || errors.Is(err, queue.ErrNoQueue) {
		t.Fatalf("take from a server that hangs: %v", err)
	}
	for {
		entries, err := wire.Pending(t.Context(), "a1", q, queue.EntryID{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 1 {
			return // a loop: the server reads the command after it answers this one, perhaps
		}
	}
}
