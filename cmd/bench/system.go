package bench

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

const (
	runnerID     = "bench"
	slots        = 256
	signers      = 16 // keys of clients that sign jobs
	shortPayload = 200
)

// system is a supervisor and a runner in this process. Each has connections of
// its own, and nothing else in common.
type system struct {
	ns      domain.Name
	redis   *server
	dir     string
	state   statedir.Dir
	api     *rpcapi.API // for callers in this process
	url     string      // for callers over HTTP
	http    *http.Client
	secret  string
	signers []signing.PrivateKey
	stop    context.CancelFunc
	running *errgroup.Group
	failed  <-chan struct{} // closed when the supervisor or the runner ended
}

// options of a system. The zero value runs jobs with a handler that does
// nothing.
type options struct {
	handler    runnersdk.Handler
	idle       bool // has no runner: jobs stay queued
	slots      int  // of the runner; slots if zero
	durability eventstore.Durability
	through    string // URL at which the supervisor reaches Redis; as everybody else if empty
}

// roomy are limits that let a fast machine's callers in, who are all one API
// key. Calls are counted as ever.
func roomy() rpcapi.Limits {
	const calls = 1_000_000 // a second
	return rpcapi.Limits{CallsPerSecond: calls}
}

// startSystem starts a system in a namespace of its own that is ready to run
// jobs.
func startSystem(ctx context.Context, at *server, o options) (s *system, err error) {
	s = &system{redis: at, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxCallers, DisableCompression: true}}}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	s.ns = domain.Name("horus-bench-" + hex.EncodeToString(random[:]))
	if s.dir, err = os.MkdirTemp("", "horus-bench-"); err != nil {
		return nil, fmt.Errorf("make a state directory: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // close ends it, in its order
	s.stop = stop
	s.running, running = errgroup.WithContext(running)
	s.failed = running.Done()
	if err = s.supervise(running, o); err == nil {
		err = s.admit(ctx)
	}
	if err == nil && !o.idle {
		err = s.run(ctx, running, o)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// supervise starts the supervisor and returns when it answers calls.
func (s *system) supervise(ctx context.Context, o options) (err error) {
	if s.state, err = statedir.Open(s.dir); err != nil {
		return err
	}
	listening := make(chan string, 1)
	s.running.Go(func() error {
		return node.Run(ctx, node.Config{
			RedisURL: cmp.Or(o.through, s.redis.url), Namespace: s.ns, Name: "bench", State: s.state, Unsigned: rpcapi.Countersign,
			Durability: o.durability, Limits: roomy(),
			Serving: func(api *rpcapi.API) { s.api = api }, Listening: func(url string) { listening <- url },
		})
	})
	select {
	case s.url = <-listening:
		return nil
	case <-ctx.Done():
		return errors.New("the supervisor did not start")
	}
}

// admit admits the keys of clients.
func (s *system) admit(ctx context.Context) (err error) {
	if s.secret, err = s.state.Read(s.ns, statedir.APIKey); err != nil {
		return err
	}
	c, err := s.client(s.url, signing.PrivateKey{})
	if err != nil {
		return err
	}
	for i := range signers {
		key, err := signing.GenerateKey(strings.NewReader(fmt.Sprintf("%032d", i)))
		if err != nil {
			return err
		}
		if _, err := c.AddKey(ctx, client.Admission(string(s.ns), access.Client, fmt.Sprint("client-", i), key)); err != nil {
			return fmt.Errorf("admit the key of a client: %w", err)
		}
		s.signers = append(s.signers, key)
	}
	return nil
}

// client returns a client of a supervisor that signs with a key, unless it is
// zero.
func (s *system) client(url string, key signing.PrivateKey) (*client.Client, error) {
	return client.New(client.Config{Addresses: []string{url}, APIKey: s.secret, Key: key})
}

// run starts the runner and returns when it has run a job.
func (s *system) run(ctx, running context.Context, o options) error {
	if o.handler == nil {
		o.handler = nothing
	}
	line, err := redisqueue.New(s.redis.url, queue.Keys{Namespace: s.ns})
	if err != nil {
		return err
	}
	key, err := s.state.Key(s.ns, statedir.RunnerKey(runnerID))
	if err != nil {
		return err
	}
	s.running.Go(func() error {
		err := runnersdk.Serve(running, runnersdk.Config{
			Runner: runnerID, Key: key, Wire: line, Slots: cmp.Or(o.slots, slots), Namespace: s.ns,
		}, o.handler)
		return errors.Join(err, line.Close())
	})
	first, err := s.messages(load{jobs: 1})
	if err != nil {
		return err
	}
	return s.submitAll(ctx, first, 1, s.inProcess, job.Done)
}

func nothing(context.Context, *runnersdk.Job) (string, error) { return "", nil }

// close stops the system and removes what it wrote.
func (s *system) close() error { return errors.Join(s.end(), s.forget()) }

// end stops the supervisor and the runner.
func (s *system) end() error {
	s.stop()
	err := s.running.Wait()
	if _, left := errors.AsType[*runnersdk.Unfinished](err); left {
		return nil // jobs that nobody needs
	}
	return err
}

// forget removes what the system wrote, in Redis and elsewhere.
func (s *system) forget() error {
	s.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), startTime) // also when the run was interrupted
	defer cancel()
	return errors.Join(s.redis.forget(ctx, string(s.ns)), os.RemoveAll(s.dir))
}

// patience bounds how long submitted jobs may take to be where they go.
const patience = 5 * time.Minute

// await returns when so many jobs are in a state, as whoever reads sees it.
func (s *system) await(ctx context.Context, state job.Status, want int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		n, err := s.count(ctx, state)
		if err != nil || n >= want {
			return err
		}
		select {
		case <-look.C:
		case <-s.failed:
			return errors.New("the supervisor or the runner ended")
		}
	}
}

// count returns how many jobs the read models have in a state.
func (s *system) count(ctx context.Context, state job.Status) (int64, error) {
	n, err := s.redis.client.ZCard(ctx, fmt.Sprintf("%s:{p000}:v1:state:%s", s.ns, state)).Result()
	if err != nil {
		return 0, fmt.Errorf("count jobs: %w", err)
	}
	return n, nil
}

// load is what callers submit.
type load struct {
	jobs     int
	together int    // jobs in a message; 0: one
	form     form   // of a message with several
	signed   signed // by whom
	payload  int    // bytes; 0: shortPayload
}

func (l load) payloadText() string {
	return strings.Repeat("x", cmp.Or(l.payload, shortPayload))
}
