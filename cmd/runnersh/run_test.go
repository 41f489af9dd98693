package runnersh_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/runnersh"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

// supervisor is the other end, made by hand.
type supervisor struct {
	*queuetest.History
	t      *testing.T
	keys   queue.Keys
	client *redis.Client
	heard  string // place in the inbox
}

func newSupervisor(t *testing.T, server *redistest.Server) *supervisor {
	t.Helper()
	s := &supervisor{t: t, keys: queue.Keys{Namespace: domain.Name(redistest.Namespace(t))}, client: server.Client(), heard: "0"}
	s.History = queuetest.Found(t, s.keys.Namespace, func(statement string) {
		s.must(s.client.HSet(t.Context(), s.keys.Statements(), queue.StatementField(1), statement).Err())
	})
	s.must(s.client.XGroupCreateMkStream(t.Context(), s.keys.Jobs(job.RunnerQueue("r1")), queue.Group, "0").Err())
	return s
}

func (s *supervisor) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// next waits for the next bundle and checks who signed it.
func (s *supervisor) next(key signing.PublicKey) *runner.Bundle {
	s.t.Helper()
	streams, err := s.client.XRead(s.t.Context(), &redis.XReadArgs{Streams: []string{s.keys.Inbox(), s.heard}, Count: 1, Block: 0}).Result()
	s.must(err)
	message := streams[0].Messages[0]
	s.heard = message.ID
	fields := map[string]string{}
	for name, value := range message.Values {
		fields[name], _ = value.(string)
	}
	signed, err := queue.ParseBundle(fields)
	s.must(err)
	bundle, err := runner.ParseBundle(signed.Doc)
	s.must(err)
	check := signed.Check(key)
	if !signing.Verify(check.Key, check.Message, check.Signature) {
		s.t.Fatal("a bundle is not signed with the key of the state directory")
	}
	return bundle
}

// submit queues a job that nobody signed.
func (s *supervisor) submit(id, script string) {
	s.t.Helper()
	submission := job.Submission{Form: job.FormUnsigned, Doc: fmt.Appendf(nil, `{"payload":%q,"runner":"r1"}`, script)}
	_, grant := s.GrantOf(submission)
	a := queuetest.Assignment(s.Commit(queuetest.JobAggregate(id), job.Submitted{Submission: submission, Grant: grant}))
	s.must(s.client.XAdd(s.t.Context(), &redis.XAddArgs{
		Stream: s.keys.Jobs(job.RunnerQueue("r1")), ID: a.ID.String(), Values: a.Fields(),
	}).Err())
}

// outcome waits for the next result.
func (s *supervisor) outcome(key signing.PublicKey) string {
	s.t.Helper()
	for {
		for _, report := range s.next(key).Reports {
			if done, ok := report.(runner.Completed); ok {
				return done.Result
			}
		}
	}
}

// From the first start to the last word, on a real Redis.
func TestShellRunner(t *testing.T) {
	s := newSupervisor(t, redistest.Shared(t))
	state := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- runnersh.Run(ctx, runnersh.Config{
			Runner: "r1", RedisURL: redistest.Shared(t).URL(), Namespace: s.Namespace, State: state,
		})
	}()
	dir, err := statedir.Open(state)
	s.must(err)
	key, err := dir.Key(s.Namespace, statedir.RunnerKey("r1"))
	s.must(err)

	first := s.next(key.Public())
	join, ok := first.Reports[0].(runner.Join)
	if !ok || first.Number != 1 || join.Slots != 1 || len(join.Kinds) != 0 {
		t.Fatalf("it joined with %+v", first)
	}
	if pinned, err := dir.Pinned(s.Namespace); err != nil || pinned.IsZero() {
		t.Errorf("the founding was not pinned: %v, %v", pinned, err)
	}
	notice := s.Welcome("r1", first.Process, join)
	s.must(s.client.XAdd(t.Context(), &redis.XAddArgs{Stream: s.keys.Control("r1"), Values: notice.Fields()}).Err())

	s.submit("j1", "pwd; echo $HORUS_JOB_ID >&2")
	var log, result string
	for result == "" {
		for _, report := range s.next(key.Public()).Reports {
			switch r := report.(type) {
			case runner.Log:
				for _, line := range r.Lines {
					log += string(line.Stream) + ": " + line.Text + "\n"
				}
			case runner.Completed:
				result = r.Result
			default:
				t.Fatalf("it reported %+v", r)
			}
		}
	}
	work := strings.TrimSpace(result)
	if want := "stdout: " + work + "\n"; !strings.Contains(log, want) || !strings.Contains(log, "stderr: j1\n") {
		t.Errorf("log:\n%s", log)
	}
	if _, err := os.Stat(work); !os.IsNotExist(err) {
		t.Errorf("the script's directory %s is still there: %v", work, err)
	}

	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	last := s.next(key.Public())
	if _, ok := last.Reports[0].(runner.Leave); !ok || len(last.Reports) != 1 {
		t.Errorf("its last word was %+v", last.Reports)
	}
}

// A Redis that is killed and comes back finds the runner waiting for it.
func TestRedisIsKilledAndComesBack(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
	s := newSupervisor(t, server)
	state := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- runnersh.Run(ctx, runnersh.Config{Runner: "r1", RedisURL: server.URL(), Namespace: s.Namespace, State: state})
	}()
	dir, err := statedir.Open(state)
	s.must(err)
	key, err := dir.Key(s.Namespace, statedir.RunnerKey("r1"))
	s.must(err)
	first := s.next(key.Public())
	join, _ := first.Reports[0].(runner.Join)
	notice := s.Welcome("r1", first.Process, join)
	s.must(s.client.XAdd(t.Context(), &redis.XAddArgs{Stream: s.keys.Control("r1"), Values: notice.Fields()}).Err())
	s.submit("j1", "printf before")
	if got := s.outcome(key.Public()); got != "before" {
		t.Errorf("result %q", got)
	}
	server.Kill()
	server.Restart()
	s.client = server.Client()
	s.submit("j2", "printf after")
	if got := s.outcome(key.Public()); got != "after" {
		t.Errorf("result %q", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestAnotherFoundingThanThePinnedOne(t *testing.T) {
	s := newSupervisor(t, redistest.Shared(t))
	state := t.TempDir()
	dir, err := statedir.Open(state)
	s.must(err)
	s.must(dir.Pin(s.Namespace, signing.Hash{1}))
	err = runnersh.Run(t.Context(), runnersh.Config{
		Runner: "r1", RedisURL: redistest.Shared(t).URL(), Namespace: s.Namespace, State: state,
	})
	if domain.CodeOf(err) != domain.Forbidden {
		t.Errorf("run: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(state, "*", ".*")); len(left) > 0 {
		t.Errorf("files were left behind: %v", left)
	}
}
