package node

import (
	"context"
	"sync"
	"time"

	"github.com/herocode/horus/handlers/intake"
)

// ears know for how long what runners report was read without a break. It is
// safe for concurrent use.
type ears struct {
	scene Scene
	gap   time.Duration // the longest that is no break

	mu sync.Mutex

	since time.Time // zero while nothing is read
	last  time.Time // when something was read last
}

// newEars returns ears that have heard nothing yet. Who reads an empty inbox
// waits a second for something to come, which is no break, however short a lease
// is.
func newEars(scene Scene, lease time.Duration) *ears {
	return &ears{scene: scene, gap: lease/3 + intake.ReadWait}
}

// listen makes a turn that reads reports one that is heard of.
func (e *ears) listen(turn func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	return func(ctx context.Context) (busy bool, err error) {
		busy, err = turn(ctx)
		e.note(err == nil)
		return busy, err
	}
}

func (e *ears) note(read bool) {
	now := e.scene.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !read:
		e.since = time.Time{}
	case e.since.IsZero() || now.Sub(e.last) > e.gap:
		e.since = now
	}
	e.last = now
}

// heard returns for how long reports have been read.
func (e *ears) heard() time.Duration {
	now := e.scene.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.since.IsZero() || now.Sub(e.last) > e.gap {
		return 0
	}
	return now.Sub(e.since)
}
