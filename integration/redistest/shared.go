package redistest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// shared is the server that the tests of this process use together. It lives
// between the begin and the end of [Around], whichever test needs it first.
//
//nolint:gochecknoglobals // one a process is what it is for
var shared sharedServer

type sharedServer struct {
	mu sync.Mutex

	open     bool // within Around
	instance instance
	err      error // of the one attempt to start
}

// get starts the server when it is needed for the first time.
func (s *sharedServer) get(ctx context.Context) (instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil, errors.New("nobody would stop it: add func TestMain(m *testing.M) { redistest.Around(m).Run() }")
	}
	if s.instance == nil && s.err == nil {
		s.instance, s.err = s.start(ctx)
	}
	return s.instance, s.err
}

func (*sharedServer) start(ctx context.Context) (instance, error) {
	chosen, err := choice()
	if err != nil {
		return nil, fmt.Errorf("find one: %w", err)
	}
	return launch(ctx, chosen, Options{})
}

func (s *sharedServer) setOpen(open bool) (last instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, s.open, s.instance, s.err = s.instance, open, nil, nil
	return last
}

// Runner runs a package's tests, as [testing.M] does.
type Runner interface{ Run() int }

// Around returns a Runner that runs m and then stops the server that the tests
// shared. It is for TestMain.
func Around(m Runner) Runner { return around{m} }

type around struct{ inner Runner }

// Run returns the exit code: that of the tests, or 1 where they passed and the
// server could not be removed.
func (a around) Run() int {
	shared.setOpen(true)
	code := a.inner.Run()
	if in := shared.setOpen(false); in != nil {
		if err := remove(in); err != nil {
			fmt.Fprintf(os.Stderr, "redistest: remove the shared Redis: %v\n", err)
			return max(code, 1)
		}
	}
	return code
}

// Shared returns the server that the tests of this binary share. Its tests run
// inside [Around], keep to a [Namespace], and neither kill the server nor
// change its settings.
func Shared(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), launchTimeout)
	defer cancel()
	in, err := shared.get(ctx)
	if err != nil {
		t.Fatalf("share a Redis: %v", err)
	}
	return &Server{t: t, instance: in, shared: true}
}

// Namespace returns a name that no other test has, nor any other run, fit for
// the first part of a key. Keys that begin with it and a colon are removed when
// t ends, where the server is not ours to throw away.
func Namespace(t testing.TB) string {
	t.Helper()
	namespace := namespaceFor(t.Name(), rand.Text())
	t.Cleanup(func() {
		chosen, err := choice()
		if err != nil {
			return // Start or Shared said so
		}
		r, ok := chosen.(remote)
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), launchTimeout)
		defer cancel()
		if err := r.forget(ctx, namespace); err != nil {
			t.Errorf("remove the keys of %s: %v", namespace, err)
		}
	})
	return namespace
}

// namespaceFor says whose the keys are and makes them unique: at most 64
// characters of the sort that every name in Horus is made of.
func namespaceFor(test, unique string) string {
	const readable, random = 32, 12
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(test), "-")
	name = name[:min(len(name), readable)]
	return "t-" + strings.ToLower(unique[:random]) + "-" + strings.Trim(name, "-")
}
