package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// readyLine is in the log of every version of redis-server that has loaded its
// data and listens.
const readyLine = "Ready to accept connections"

// instance is one running Redis.
type instance interface {
	fmt.Stringer // what it is and where: "container redis:8-alpine at 127.0.0.1:20411"
	url() string
	signal(context.Context, signal) error // returns, for a KILL or a TERM, when it is gone
	restart(context.Context) error
	readFile(ctx context.Context, name string) ([]byte, error)
	writeFiles(ctx context.Context, files map[string][]byte) error // while it is stopped
	remove(context.Context) error
}

// signal is one of the four that a test sends; docker and kill(1) spell them
// alike.
type signal string

const (
	sigKill     signal = "KILL"
	sigEnd      signal = "TERM"
	sigStop     signal = "STOP"
	sigContinue signal = "CONT"
)

// backend is one way to get a Redis.
type backend interface {
	launch(context.Context, Options) (instance, error)
}

// way is a backend that may not exist on this machine.
type way struct {
	name string // as HORUS_TEST_BACKEND spells it
	find func() (backend, error)
}

// choice finds this process's backend, once: asking an engine and pulling an
// image takes seconds.
var choice = sync.OnceValues(func() (backend, error) {
	return choose(os.Getenv("HORUS_TEST_BACKEND"), []way{
		{"container", findContainers},
		{"process", findProgram},
		{"url", findRemote},
	})
})

// choose returns the first way that exists, or, where the person insists on
// one, that one alone.
func choose(insist string, ways []way) (backend, error) {
	var errs []error
	for _, w := range ways {
		if insist != "" && insist != w.name {
			continue
		}
		b, err := w.find()
		if err == nil {
			return b, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("HORUS_TEST_BACKEND=%s: there are only container, process and url", insist)
	}
	return nil, errors.Join(errs...)
}

// launch starts an instance and names it on standard error, where a run's log
// shows which backend its tests had.
func launch(ctx context.Context, b backend, opts Options) (instance, error) {
	in, err := b.launch(ctx, opts)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "redistest: %s\n", in)
	return in, nil
}

// remove ends an instance. It has a context of its own, because a test's is
// done when its cleanup runs.
func remove(in instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), launchTimeout)
	defer cancel()
	return in.remove(ctx)
}
