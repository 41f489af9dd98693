package runnersdk

import (
	"context"
	"time"

	"github.com/herocode/horus/runnersdk/queue"
)

// pulse is how far the signs of life of a process are. It is of beat.
type pulse struct {
	number uint64
	again  time.Time // when the next one is due
}

// beat shows that the process lives, when it is time: from when it joined until
// it said its last word, whether it works, waits or is paused. It counts as
// nothing to do.
func (r *Runner) beat(ctx context.Context) (n int, err error) {
	now := r.config.Now()
	if !r.joined.Load() || now.Before(r.pulse.again) {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r.pulse.number++
	err = r.config.Wire.Beat(ctx, queue.Beat{
		Runner: r.config.Runner, Process: r.config.Process, Number: r.pulse.number, Free: max(r.hands.free(), 0),
	})
	if err == nil {
		r.pulse.again = now.Add(queue.BeatEvery)
	}
	return 0, err
}

func (r *Runner) restBeating() rest {
	if !r.joined.Load() {
		return rest{nil, idleTime}
	}
	return rest{nil, r.pulse.again.Sub(r.config.Now())}
}
