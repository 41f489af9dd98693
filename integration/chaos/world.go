package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	randv2 "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/integration/faultproxy"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// How the programs are started.
const (
	namespace = domain.Name("chaos")
	grace     = 3 * time.Second // for what runs when one is told to end
	slots     = 4               // of a runner
	apiKey    = "of-whoever-may-do-all"
)

// patience is how long anything may take that is not measured.
const patience = time.Minute

// world is a Horus of several programs on a Redis of its own.
type world struct {
	t           *testing.T
	redis       *redistest.Server
	hand        *redis.Client // ours, past all proxies
	folder      string        // of state directories and what programs say
	supervisors []*program
	runners     []*program
	fronts      []*faultproxy.Proxy // between the supervisors and whoever calls them
	addresses   []string            // of those
	key         signing.PrivateKey
	founding    signing.Hash
	runs        string // the file in which jobs note what happens to them
	hits        []*hit
	mending     sync.WaitGroup // whatever of it takes time
	began       time.Time      // of the load
}

// newWorld starts everything: a supervisor that leads and those that stand by,
// each with a key of its own; two runners of one id, one that serves a kind, and
// one of another id. It returns when all of it is there.
func newWorld(t *testing.T, programs string, aof redistest.AOF) *world {
	t.Helper()
	w := &world{t: t, folder: t.ArtifactDir(), redis: redistest.Start(t, redistest.Options{AOF: aof})}
	w.hand, w.runs = w.redis.Client(), filepath.Join(t.TempDir(), "runs")
	var err error
	if w.key, err = signing.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	for i := range Supervisors {
		name := fmt.Sprintf("s%d", i+1)
		port := freePort(t)
		w.fronts = append(w.fronts, faultproxy.Start(t, fmt.Sprintf("127.0.0.1:%d", port)))
		w.addresses = append(w.addresses, "http://"+w.fronts[i].Addr())
		w.supervisors = append(w.supervisors, w.program("supervisor", "supervisor "+name, name,
			"--name", name, "--port", fmt.Sprint(port), "--advertise", w.addresses[i],
			"--lease", Lease.String(), "--grace", grace.String()))
	}
	for i, args := range [Runners][]string{{"r1"}, {"r1"}, {"r2", "--kind", "sh"}, {"r3"}} {
		w.runners = append(w.runners, w.program("runner_sh", fmt.Sprintf("runner %d (%s)", i+1, args[0]), "runners",
			append(args, "--slots", fmt.Sprint(slots), "--lease", Lease.String(), "--grace", grace.String())...))
	}
	for _, p := range append(w.supervisors, w.runners...) {
		p.path = filepath.Join(programs, p.path)
	}
	w.rise()
	return w
}

// program prepares one with a connection to Redis and, by its name, a state
// directory.
func (w *world) program(path, name, state string, args ...string) *program {
	w.t.Helper()
	proxy := faultproxy.Start(w.t, w.redis.Addr())
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "HORUS_") {
			env = append(env, pair)
		}
	}
	return newProgram(w.t, w.folder, &program{
		name: name, path: path, args: args, proxy: proxy,
		env: append(env, "HORUS_REDIS_URL=redis://"+proxy.Addr(), "HORUS_NAMESPACE="+string(namespace),
			"HORUS_STATE_DIR="+w.state(state), "HORUS_ADMIN_SECRET="+apiKey),
	})
}

func (w *world) state(name string) string { return filepath.Join(w.folder, "state", name) }

// rise founds a history, admits everybody, and starts them.
func (w *world) rise() {
	w.t.Helper()
	w.start(w.supervisors[0])
	c := w.client(w.addresses[0])
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.admit(ctx, c, access.Client, "alice", w.key)
	for i := range w.supervisors[1:] {
		name := fmt.Sprintf("s%d", i+2)
		w.admit(ctx, c, access.Supervisor, name, w.keyIn(name, statedir.SupervisorKey))
	}
	w.admit(ctx, c, access.Runner, "r2", w.keyIn("runners", statedir.RunnerKey("r2")), "sh")
	for _, p := range append(w.supervisors[1:], w.runners...) {
		w.start(p)
	}
	w.eventually("every runner has joined", func(ctx context.Context) error {
		runners, err := c.Runners(ctx)
		n := 0
		for _, r := range runners {
			n += len(r.Processes)
		}
		if err == nil && n < Runners {
			err = fmt.Errorf("%d runners have joined", n)
		}
		return err
	})
	info, err := c.Info(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.founding, err = signing.ParseHash(info.Founding); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start(p *program) {
	w.t.Helper()
	if err := p.start(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) keyIn(state string, file statedir.File) signing.PrivateKey {
	w.t.Helper()
	dir, err := statedir.Open(w.state(state))
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := dir.Key(namespace, file)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

func (w *world) admit(ctx context.Context, c *client.Client, class access.Class, name string, key signing.PrivateKey, kinds ...string) {
	w.t.Helper()
	admission := client.Admission(string(namespace), class, name, key)
	admission.Kinds = kinds
	if _, err := c.AddKey(ctx, admission); err != nil {
		w.t.Fatalf("admit %s: %v", name, err)
	}
}

// client is somebody who calls the supervisors at addresses, the first of them
// first, and never gives up.
func (w *world) client(addresses ...string) *client.Client {
	w.t.Helper()
	return w.caller(nil, addresses...)
}

// caller is a client whose messages go through a transport.
func (w *world) caller(transport http.RoundTripper, addresses ...string) *client.Client {
	w.t.Helper()
	const never = 1 << 20 // attempts
	cfg := client.Config{Addresses: addresses, APIKey: apiKey, Key: w.key, Attempts: never}
	if transport != nil {
		cfg.HTTP = &http.Client{Transport: transport}
	}
	c, err := client.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// leader returns the supervisor that holds the lease; nil when nobody does, or
// nobody can tell.
func (w *world) leader() *program {
	ctx, cancel := context.WithTimeout(w.t.Context(), 200*time.Millisecond)
	defer cancel()
	name, err := w.hand.HGet(ctx, redisstore.Keys{Namespace: namespace}.Leader(), "name").Result()
	if err != nil {
		return nil
	}
	for _, p := range w.supervisors {
		if p.name == "supervisor "+name {
			return p
		}
	}
	return nil
}

// eventually waits until look returns nil.
func (w *world) eventually(what string, look func(context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := look(ctx)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			w.t.Fatalf("%s: not after %s: %v", what, patience, errors.Join(ctx.Err(), err))
		}
	}
}

// freePort returns a port above those of package redistest and below those that
// outgoing connections take.
func freePort(t testing.TB) int {
	t.Helper()
	const first, last, tries = 30000, 32700, 50
	for range tries {
		port := first + randv2.IntN(last-first+1) //nolint:gosec // any will do
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}
