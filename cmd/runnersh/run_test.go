package runnersh_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/cmd/runnersh"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk/redisqueue/redisqueuetest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

// service is a shell runner under a supervisor made by hand.
type service struct {
	*redisqueuetest.Supervisor
	dir  statedir.Dir
	key  signing.PublicKey
	stop context.CancelFunc
	done chan error
}

// begin starts a runner that was not there before.
func begin(t *testing.T, server *redistest.Server) *service {
	t.Helper()
	s := &service{
		Supervisor: redisqueuetest.Found(t, server.Client(), domain.Name(redistest.Namespace(t))),
		done:       make(chan error, 1),
	}
	state := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() {
		s.done <- runnersh.Run(ctx, runnersh.Config{Runner: "r1", RedisURL: server.URL(), Namespace: s.Namespace, State: state})
	}()
	var err error
	if s.dir, err = statedir.Open(state); err != nil {
		t.Fatal(err)
	}
	key, err := s.dir.Key(s.Namespace, statedir.RunnerKey("r1"))
	if err != nil {
		t.Fatal(err)
	}
	s.key = key.Public()
	return s
}

// From the first start to the last word, on a real Redis.
func TestShellRunner(t *testing.T) {
	s := begin(t, redistest.Shared(t))
	if _, join := s.Welcome(s.key); join.Slots != 1 || len(join.Kinds) != 0 {
		t.Fatalf("it joined with %+v", join)
	}
	if pinned, err := s.dir.Pinned(s.Namespace); err != nil || pinned.IsZero() {
		t.Errorf("the founding was not pinned: %v, %v", pinned, err)
	}

	s.Submit("j1", "pwd; echo $HORUS_JOB_ID >&2")
	var log, result string
	for result == "" {
		for _, report := range s.Next(s.key).Reports {
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

	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("run: %v", err)
	}
	last := s.Next(s.key)
	if _, ok := last.Reports[0].(runner.Leave); !ok || len(last.Reports) != 1 {
		t.Errorf("its last word was %+v", last.Reports)
	}
}

// A Redis that is killed and comes back finds the runner waiting for it.
func TestRedisIsKilledAndComesBack(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
	s := begin(t, server)
	s.Welcome(s.key)
	s.Submit("j1", "printf before")
	if got := s.Result(s.key); got != "before" {
		t.Errorf("result %q", got)
	}
	server.Kill()
	server.Restart()
	s.Client = server.Client()
	s.Submit("j2", "printf after")
	if got := s.Result(s.key); got != "after" {
		t.Errorf("result %q", got)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestAnotherFoundingThanThePinnedOne(t *testing.T) {
	server := redistest.Shared(t)
	s := redisqueuetest.Found(t, server.Client(), domain.Name(redistest.Namespace(t)))
	state := t.TempDir()
	dir, err := statedir.Open(state)
	if err == nil {
		err = dir.Pin(s.Namespace, signing.Hash{1})
	}
	if err != nil {
		t.Fatal(err)
	}
	err = runnersh.Run(t.Context(), runnersh.Config{Runner: "r1", RedisURL: server.URL(), Namespace: s.Namespace, State: state})
	if domain.CodeOf(err) != domain.Forbidden {
		t.Errorf("run: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(state, "*", ".*")); len(left) > 0 {
		t.Errorf("files were left behind: %v", left)
	}
}

// What a script says of itself on the way reaches the supervisor, and a stop
// reaches the script.
func TestScriptIsStopped(t *testing.T) {
	s := begin(t, redistest.Shared(t))
	s.Welcome(s.key)
	s.Submit("j1", `trap 'echo 3 >"$HORUS_CHECKPOINT"; echo bye; exit 1' TERM
		echo 2 >"$HORUS_CHECKPOINT"; echo "20 files" >"$HORUS_PROGRESS"; while :; do sleep 0.1; done`)
	var told []string
	s.Until(s.key, func(r runner.Report) bool {
		switch r := r.(type) {
		case runner.Checkpoint:
			if told = append(told, "checkpoint "+string(r.Data)); string(r.Data) == "2\n" {
				s.Stop("j1")
			}
		case runner.Progress:
			told = append(told, fmt.Sprint("progress ", r.Percent, " ", r.Text))
		case runner.Stopped:
			told = append(told, "stopped "+r.Result)
			return true
		case runner.Join, runner.Leave, runner.Started, runner.Log, runner.Completed, runner.Failed, runner.Refused:
		}
		return false
	})
	sort.Strings(told) // progress and checkpoint are looked at one after the other
	if diff := cmp.Diff([]string{"checkpoint 2\n", "checkpoint 3\n", "progress 20 files", "stopped bye\n"}, told); diff != "" {
		t.Errorf("it reported (-want +got):\n%s", diff)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("run: %v", err)
	}
}
