// Package redistest gives a test a real Redis that belongs to nobody else.
//
// Where the Redis comes from is decided once a process, in this order: a
// container when a Docker engine answers and has or can pull an image; the
// redis-server on the PATH; the server that HORUS_TEST_REDIS_URL names. Where
// there is none of the three the test fails and says so: it is never skipped.
// HORUS_TEST_BACKEND=container|process|url insists on one of them.
//
// Every server listens on a free port of its own, so test binaries run side by
// side, and nothing is ever flushed. A test that breaks its server takes a
// private one:
//
//	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
//	append(server.URL())
//	server.Kill()    // as kill -9 does
//	server.Restart() // same address; what the append-only file kept is there
//
// A test that only uses one shares it with the others of its binary, and stays
// within a namespace:
//
//	func TestMain(m *testing.M) { redistest.Around(m).Run() }
//	...
//	server, ns := redistest.Shared(t), redistest.Namespace(t)
package redistest

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// launchTimeout bounds a start, a restart and a removal: generous, because a
// loaded machine of two cores may start several servers at once.
const launchTimeout = 60 * time.Second

// AOF says when the server's append-only file is synced to disk.
type AOF string

// The zero AOF is no append-only file: a server that is killed comes back
// empty.
const (
	NoAOF       AOF = ""
	EverySecond AOF = "everysec"
	Always      AOF = "always"
)

// Options describe a server. The zero value is a Redis that keeps nothing.
type Options struct {
	AOF  AOF      // append-only file; none if zero
	Args []string // more of redis-server's arguments, as "--maxmemory", "64mb"
}

// arguments returns what every way of starting redis-server has in common.
// There are no snapshots: what survives a kill is what the AOF promises.
func (o Options) arguments() []string {
	args := []string{"--save", ""}
	if o.AOF != NoAOF {
		args = append(args, "--appendonly", "yes", "--appendfsync", string(o.AOF))
	}
	return append(args, o.Args...)
}

func (o Options) isZero() bool { return o.AOF == NoAOF && len(o.Args) == 0 }

// Server is a running Redis as one test sees it. Its methods fail that test
// when they cannot do what they say, so they belong to the test's goroutine.
type Server struct {
	t        testing.TB
	instance instance
	shared   bool
}

// Start starts a server for t alone, and removes it and its data when t ends.
// It returns when the server answers.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	chosen, err := choice()
	if err != nil {
		t.Fatalf("find a Redis for the test: %v", err)
	}
	return startOn(t, chosen, opts)
}

func startOn(t testing.TB, b backend, opts Options) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), launchTimeout)
	defer cancel()
	in, err := launch(ctx, b, opts)
	if err != nil {
		t.Fatalf("start a Redis for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := remove(in); err != nil {
			t.Errorf("remove the test's Redis: %v", err)
		}
	})
	return &Server{t: t, instance: in}
}

// URL returns the server's address as a redis:// URL. It outlives Restart.
func (s *Server) URL() string { return s.instance.url() }

// String says what the server is and where: "process /usr/bin/redis-server at
// 127.0.0.1:20411".
func (s *Server) String() string { return s.instance.String() }

// Addr returns the server's address as host:port.
func (s *Server) Addr() string {
	s.t.Helper()
	return s.options().Addr
}

// Client returns a client that looks at the server, or arranges something on
// it, and is closed when the test ends. It repeats no command; code under test
// makes a client of its own.
func (s *Server) Client() *redis.Client {
	s.t.Helper()
	client := redis.NewClient(s.options())
	s.t.Cleanup(func() { _ = client.Close() }) // a killed server's client cannot close well
	return client
}

func (s *Server) options() *redis.Options {
	s.t.Helper()
	opts, err := clientOptions(s.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	return opts
}

// Kill ends the server as kill -9 does, and returns when it is gone.
func (s *Server) Kill() { s.t.Helper(); s.signal("kill", sigKill) }

// Terminate ends the server as SIGTERM does, and returns when it is gone: it
// writes what it has not written yet, so all that it acknowledged is there
// after [Server.Restart] if it has an append-only file.
func (s *Server) Terminate() { s.t.Helper(); s.signal("terminate", sigEnd) }

// Pause freezes the server: connections stay open and nothing answers.
func (s *Server) Pause() { s.t.Helper(); s.signal("pause", sigStop) }

// Unpause lets a paused server go on where it stood.
func (s *Server) Unpause() { s.t.Helper(); s.signal("unpause", sigContinue) }

// Restart starts the server again after [Server.Kill] or [Server.Terminate], at
// the same address and on the files that it left, and returns when it has loaded
// them. One that still runs is killed first.
func (s *Server) Restart() {
	s.t.Helper()
	s.mustOwn("restart")
	ctx, cancel := context.WithTimeout(s.t.Context(), launchTimeout)
	defer cancel()
	if err := s.instance.restart(ctx); err != nil {
		s.t.Fatalf("restart the test's Redis: %v", err)
	}
}

func (s *Server) signal(verb string, sig signal) {
	s.t.Helper()
	s.mustOwn(verb)
	ctx, cancel := context.WithTimeout(s.t.Context(), launchTimeout)
	defer cancel()
	if err := s.instance.signal(ctx, sig); err != nil {
		s.t.Fatalf("%s the test's Redis: %v", verb, err)
	}
}

func (s *Server) mustOwn(verb string) {
	s.t.Helper()
	if s.shared {
		s.t.Fatalf("%s the shared Redis: other tests use it; take one with Start", verb)
	}
}
