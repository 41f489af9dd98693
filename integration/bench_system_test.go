package integration

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/cmd/supervise"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

const (
	benchRunner  = "bench"
	benchSlots   = 256
	benchClients = 16 // keys that sign jobs
	benchPayload = 200
)

// benchRedis starts a Redis as deploy/redis says it should be.
func benchRedis(b *testing.B) *redistest.Server {
	return redistest.Start(b, redistest.Options{
		AOF: redistest.EverySecond, Args: []string{"--stream-node-max-bytes", "16384"},
	})
}

// system is a supervisor and a runner in this process. Each has connections of
// its own, and nothing else in common.
type system struct {
	b       *testing.B
	api     *rpcapi.API    // for callers in this process
	client  *client.Client // for callers over HTTP
	secret  string
	signers []signing.PrivateKey
	redis   *redis.Client
	done    string // name of the list of completed jobs
}

// startSystem starts a system that is ready to run jobs with a handler.
func startSystem(b *testing.B, server *redistest.Server, handler runnersdk.Handler) *system {
	b.Helper()
	supervise.TuneHeap()
	s := &system{b: b, redis: server.Client()}
	ns := domain.Name(redistest.Namespace(b))
	s.done = string(ns) + ":{p000}:v1:state:completed"
	state, err := statedir.Open(b.TempDir())
	s.must(err)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	b.Cleanup(func() { stop(); running.Wait() })
	url := make(chan string, 1)
	running.Go(func() {
		s.alive(node.Run(ctx, node.Config{
			RedisURL: server.URL(), Namespace: ns, State: state, Unsigned: rpcapi.Countersign,
			Listening: func(at string) { url <- at }, Serving: func(api *rpcapi.API) { s.api = api },
		}))
	})
	s.admit(state, ns, <-url)
	line, err := redisqueue.New(server.URL(), queue.Keys{Namespace: ns})
	s.must(err)
	key, err := state.Key(ns, statedir.RunnerKey(benchRunner))
	s.must(err)
	running.Go(func() {
		s.alive(runnersdk.Serve(ctx, runnersdk.Config{
			Runner: benchRunner, Key: key, Wire: line, Slots: benchSlots, Namespace: ns,
		}, handler))
		s.alive(line.Close())
	})
	s.run(s.texts(1, false), 1, s.inProcess) // everything is connected
	return s
}

func (s *system) must(err error) {
	s.b.Helper()
	if err != nil {
		s.b.Fatalf("set up: %v", err)
	}
}

// alive is must for goroutines.
func (s *system) alive(err error) {
	if err != nil {
		s.b.Errorf("run: %v", err)
	}
}

// admit admits the keys of clients.
func (s *system) admit(state statedir.Dir, ns domain.Name, url string) {
	s.b.Helper()
	var err error
	s.secret, err = state.Read(ns, statedir.APIKey)
	s.must(err)
	s.client, err = client.New(client.Config{Addresses: []string{url}, APIKey: s.secret})
	s.must(err)
	for i := range benchClients {
		key, err := signing.GenerateKey(strings.NewReader(fmt.Sprintf("%032d", i)))
		s.must(err)
		_, err = s.client.AddKey(s.b.Context(), client.Admission(string(ns), access.Client, fmt.Sprint("client-", i), key))
		s.must(err)
		s.signers = append(s.signers, key)
	}
}

// texts writes jobs, as clients do who sign them with all keys in turn, or not.
func (s *system) texts(n int, signed bool) []wire.JobText {
	s.b.Helper()
	pattern := client.NewJob(strings.Repeat("x", benchPayload)).Runner(benchRunner)
	texts := make([]wire.JobText, n)
	for i := range texts {
		var key signing.PrivateKey
		if signed {
			key = s.signers[i%len(s.signers)]
		}
		var err error
		texts[i], err = pattern.ID(uuid.Must(uuid.NewV7()).String()).Sign(key)
		s.must(err)
	}
	return texts
}

// submit is a way to submit a job.
type submit func(context.Context, wire.JobText) error

func (s *system) inProcess(ctx context.Context, text wire.JobText) error {
	_, err := s.api.Submit(ctx, "bench", text)
	return err
}

func (s *system) overHTTP(ctx context.Context, text wire.JobText) error {
	_, err := s.client.SubmitText(ctx, text)
	return err
}

// wait returns when a job's outcome can be read.
func (s *system) wait(id string) {
	s.b.Helper()
	call := fmt.Sprintf(`{"jsonrpc":"2.0","method":"job.wait","params":{"id":%q,"secret":%q},"id":1}`, id, s.secret)
	if answer := s.api.Server().Handle(s.b.Context(), []byte(call)); !bytes.Contains(answer, []byte(`"completed"`)) {
		s.b.Fatalf("wait for job %s: %s", id, answer)
	}
}

// run submits jobs from so many callers, each one after the other, and returns
// when the outcomes of all of them are projected.
func (s *system) run(texts []wire.JobText, callers int, submit submit) {
	s.b.Helper()
	ctx, cancel := context.WithTimeout(s.b.Context(), time.Minute)
	defer cancel()
	want := s.completed(ctx) + int64(len(texts))
	s.must(eachOf(len(texts), callers, func(i int) error { return submit(ctx, texts[i]) }))
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for s.completed(ctx) < want {
		<-look.C
	}
}

func (s *system) completed(ctx context.Context) int64 {
	s.b.Helper()
	n, err := s.redis.ZCard(ctx, s.done).Result()
	s.must(err)
	return n
}

// eachOf calls do with 0 … n-1 from so many callers, and returns the first
// error.
func eachOf(n, callers int, do func(i int) error) error {
	var next atomic.Int64
	var running sync.WaitGroup
	failed := make(chan error, callers)
	for range callers {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	running.Wait()
	close(failed)
	return <-failed
}
