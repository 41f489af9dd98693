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
	// pace is how far apart busy turns are, but for the first two: on few cores,
	// batches form only when those who were answered get to ask again. The second
	// is the outcome of a job that came alone, soon after the first took its
	// submit; it waits for nobody. The loop that callers wait for is busy only with
	// much company.
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
	rest  func() time.Duration // how long it rests from now on, instead of every; nil for every
	log   *slog.Logger
	scene Scene
}

// run turns until the context ends, which is nil, or an error that will not
// pass.
func (l *loop) run(ctx context.Context) error {
	pause, said := minPause, ""
	var busied time.Time // when it was busy last, and any pause behind that was over
	for ctx.Err() == nil {
		start := l.scene.Now()
		busy, err := l.turn(ctx)
		switch {
		case err != nil && (ctx.Err() != nil || lasting(err)):
			return ending(ctx, err)
		case err != nil:
			if err.Error() != said { // what goes on for long is said once
				said = err.Error()
				l.log.WarnContext(ctx, "trying again until it works", "loop", l.name, "error", err)
			}
			sleep(ctx, l.scene, pause)
			pause = min(2*pause, maxPause)
			continue
		case said != "":
			said = ""
			l.log.InfoContext(ctx, "it works again", "loop", l.name)
		}
		switch {
		case busy:
			sleep(ctx, l.scene, pace-l.scene.Now().Sub(busied))
			busied = l.scene.Now()
		case l.rest != nil:
			l.scene.Rest(ctx, l.wake, max(l.rest(), pace))
		case l.wake == nil:
			sleep(ctx, l.scene, l.every-l.scene.Now().Sub(start))
		default:
			l.scene.Rest(ctx, l.wake, l.every) // until there is something to do
		}
		pause = minPause
	}
	return nil
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
	if errors.Is(err, eventstore.ErrConflict) || errors.Is(err, eventstore.ErrTruncated) {
		return true
	}
	switch domain.CodeOf(err) {
	case domain.Halted, domain.Forbidden, domain.TryAgain:
		return true
	default:
		return false
	}
}
