package runnersdk

import (
	"context"
	"sync"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// stops remembers the attempts that are to be stopped: an entry may come behind
// the notice that stops it.
type stops struct {
	mu sync.Mutex

	places map[attemptName]queue.EntryID // of the event that says so
	order  []attemptName                 // oldest first
}

type attemptName struct {
	job     string
	attempt int
}

// maxStops bounds what is remembered. A notice that was forgotten costs a stop
// half a minute: then the supervisor ends the attempt by itself.
const maxStops = 4096

func (s *stops) add(name attemptName, place queue.EntryID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == nil {
		s.places = map[attemptName]queue.EntryID{}
	}
	if _, known := s.places[name]; !known {
		s.order = append(s.order, name)
	}
	s.places[name] = place
	if len(s.order) > maxStops {
		delete(s.places, s.order[0])
		s.order = s.order[1:]
	}
}

// names reports whether an attempt is to be stopped: one that was granted before
// that was said. A log that lost its tail gives numbers of attempts again.
func (s *stops) names(a *attempt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, ok := s.places[attemptName{a.job.ID, a.job.Attempt}]
	return ok && a.id.Compare(place) < 0
}

// hearStop stops an attempt, if the notice proves that somebody asked for that,
// or keeps it from beginning. An error means that it could not be judged yet.
func (r *Runner) hearStop(ctx context.Context, p signing.Proof) error {
	if err := r.trust.reach(ctx, p.Seal.Statements); err != nil {
		return err
	}
	e, err := r.trust.prove(p)
	if err != nil {
		r.logger.WarnContext(ctx, "passed over a notice to stop a job that proves nothing", "error", err)
		return nil
	}
	stopping, ok := e.Data.(job.Stopping)
	if !ok || e.Aggregate.Kind != event.Job {
		r.logger.WarnContext(ctx, "passed over a notice to stop a job: it shows another event", "event", e.Type)
		return nil
	}
	r.trust.saw(&p.Seal)
	r.stops.add(attemptName{e.Aggregate.ID, int(stopping.Attempt)}, queue.EntryID{Term: p.Seal.Term, Seq: p.Seq})
	for _, a := range r.hands.all() {
		if r.stops.names(a) {
			r.halt(ctx, a)
		}
	}
	return nil
}

// halt stops an attempt because somebody asked for that.
func (r *Runner) halt(ctx context.Context, a *attempt) {
	if a.stop(ErrStopped) {
		r.logger.InfoContext(ctx, "stopped an attempt: somebody asked for that", "job", a.job.ID, "attempt", a.job.Attempt)
	}
}
