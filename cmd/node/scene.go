package node

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Scene is what loops run on. Production has goroutines and the clock; whoever
// runs everything in one thread, in an order of his own, brings another one.
type Scene interface {
	// Now returns the time, with its monotonic part.
	Now() time.Time
	// Go runs f beside its caller.
	Go(f func())
	// Rest returns when something was received from wake, or it is closed, when
	// most has passed, or when ctx has ended. A nil wake never comes, and a most
	// of 0 never passes.
	Rest(ctx context.Context, wake <-chan struct{}, most time.Duration)
}

// goroutines is the scene of production.
type goroutines struct{}

// Now implements [Scene].
func (goroutines) Now() time.Time { return time.Now() }

// Go implements [Scene].
func (goroutines) Go(f func()) { go f() }

// Rest implements [Scene].
func (goroutines) Rest(ctx context.Context, wake <-chan struct{}, most time.Duration) {
	var late <-chan time.Time
	if most > 0 {
		t := time.NewTimer(most)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-wake:
	case <-late:
	case <-ctx.Done():
	}
}

// sleep waits until d has passed or the context ends.
func sleep(ctx context.Context, s Scene, d time.Duration) {
	if d > 0 {
		s.Rest(ctx, nil, d)
	}
}

// group runs functions beside each other until all have returned. The first
// error ends the context that all of them got.
type group struct {
	scene  Scene
	cancel context.CancelFunc
	idle   chan struct{} // closed when none is running

	mu sync.Mutex

	running int   // functions, and one for whoever will wait
	err     error // the first
}

// newGroup returns a group and the context of its functions.
func newGroup(ctx context.Context, s Scene) (*group, context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	return &group{scene: s, cancel: cancel, idle: make(chan struct{}), running: 1}, ctx
}

// Go runs f. All are begun before Wait is called, which is once, or by one that
// is running.
func (g *group) Go(f func() error) {
	g.mu.Lock()
	g.running++
	g.mu.Unlock()
	g.scene.Go(func() { g.ended(f()) })
}

func (g *group) ended(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil && g.err == nil {
		g.err = err
		g.cancel()
	}
	if g.running--; g.running == 0 {
		close(g.idle)
	}
}

// Wait returns the first error when all functions have returned. The group is
// over then.
func (g *group) Wait() error {
	g.ended(nil)
	g.scene.Rest(context.Background(), g.idle, 0)
	g.cancel()
	return g.err
}

// both returns a context of parent's values that ends with either: when parent
// does, or other. It is watched by a function of the group.
func (g *group) both(parent, other context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	g.Go(func() error {
		g.scene.Rest(ctx, other.Done(), 0)
		cancel()
		return nil
	})
	return ctx, cancel
}

// errOver ends a leader whose term is over.
var errOver = errors.New("the term is over")
