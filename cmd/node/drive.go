package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
)

// Pacing of loops.
const (
	// pace is how soon a loop that found company turns again: on few cores,
	// batches form only when those who were answered get to ask again. A loop
	// that was idle never waits.
	pace = time.Millisecond
	// The pause after an error that may pass grows between these.
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second
)

// loop is something that turns.
type loop struct {
	name string
	turn func(ctx context.Context) (busy bool, err error)
	// An idle loop turns when wake receives, and every so often. Without
	// either it turns at once: its turns wait by themselves.
	wake  <-chan struct{}
	every time.Duration
	log   *slog.Logger
}

// run turns until the context ends, which is nil, or an error that will not
// pass.
func (l *loop) run(ctx context.Context) error {
	pause := minPause
	for ctx.Err() == nil {
		start := time.Now()
		busy, err := l.turn(ctx)
		switch {
		case err != nil && (ctx.Err() != nil || lasting(err)):
			return ending(ctx, err)
		case err != nil:
			l.log.WarnContext(ctx, "trying again", "loop", l.name, "error", err, "after", pause)
			sleep(ctx, pause)
			pause = min(2*pause, maxPause)
			continue
		case busy:
			sleep(ctx, pace-time.Since(start))
		case l.wake == nil:
			sleep(ctx, l.every-time.Since(start))
		default:
			l.rest(ctx)
		}
		pause = minPause
	}
	return nil
}

// rest waits until there is something to do.
func (l *loop) rest(ctx context.Context) {
	var late <-chan time.Time // never, if there is nothing to do every so often
	if l.every > 0 {
		t := time.NewTimer(l.every)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-l.wake:
	case <-late:
	case <-ctx.Done():
	}
}

// ending returns nil for an error that is only the context's end.
func ending(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end of the context is how a loop is told to end
	}
	return err
}

// lasting reports whether trying the same again cannot help.
func lasting(err error) bool {
	if errors.Is(err, eventstore.ErrConflict) {
		return true
	}
	switch domain.CodeOf(err) {
	case domain.Halted, domain.Forbidden, domain.TryAgain:
		return true
	default:
		return false
	}
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
