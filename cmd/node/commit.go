package node

import (
	"context"
	"errors"
	"time"

	"github.com/herocode/horus/eventstore"
)

// assureEvery is how often replicas that lag are asked again while nothing new
// is appended.
const assureEvery = 500 * time.Millisecond

// commit returns a turn that appends, and remembers why Redis refuses to.
func (s *supervisor) commit(r *reign) func(context.Context) (bool, error) {
	return func(ctx context.Context) (busy bool, err error) {
		busy, err = r.leader.Turn(ctx)
		s.health.appended(err)
		return busy, err
	}
}

// assure returns a turn that asks how far the log is durable, and says when it
// is not any more, and when it is again.
func (s *supervisor) assure(r *reign) func(context.Context) (bool, error) {
	return func(ctx context.Context) (busy bool, err error) {
		busy, err = r.leader.Assure(ctx)
		short := errors.Is(err, eventstore.ErrNotDurable)
		if err != nil && !short {
			return busy, err
		}
		switch changed := s.health.lag(short); {
		case changed && short:
			s.cfg.Log.WarnContext(ctx, "too few replicas have the end of the log: whoever submits is told that the job is not durable",
				"events", r.leader.Undurable())
		case changed:
			s.cfg.Log.InfoContext(ctx, "enough replicas have the end of the log again")
		}
		return busy, nil // it is asked again when something is appended, or in a moment
	}
}
