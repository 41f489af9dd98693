// Package stops settles the stop of what no runner was given: whoever stops a
// job that waits in its queue is told so a moment later, and does not wait for a
// runner that may never come.
//
// A job that is to be stopped is shown as such by the views in the transaction
// that tells its runners; only then is it looked whether its entry was given to
// any. One that is given out between that look and the decision was told
// before: a process that has read the notice does not begin it, any other one
// stops it when it reads it. Its entry is gone by then, so it could not keep it
// anyway, and its report is refused: the job stays stopped.
//
// While nothing is to be stopped the loop looks at nothing. A crash between
// looking and deciding leaves nothing: the next leader looks again.
package stops

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/views"
)

// Open finds what is to be stopped.
type Open interface {
	// Opened returns open attempts of jobs of a status that were submitted
	// below a place, 0 for the end, and where to go on: 0 when there is no more.
	Opened(ctx context.Context, s job.Status, below uint64, limit int) (found []jobs.Open, next uint64, err error)
}

// Queues says what was given to runners.
type Queues interface {
	Streams(ctx context.Context, queues []job.Queue) ([]views.Stream, error)
}

// Ledger is what stops ask of the leader.
type Ledger interface {
	Propose(ctx context.Context, w eventstore.Work) eventstore.Proposal
}

const (
	// Every is how often it is looked while anything is to be stopped: a job
	// that nobody was given is stopped twice as fast.
	Every = 250 * time.Millisecond
	// page is how many stops one turn is about.
	page = 100
)

// Config is what the loop needs; all fields are required.
type Config struct {
	// Stopping returns how many jobs are to be stopped, from memory.
	Stopping func() uint64
	Open     Open
	Queues   Queues
	Ledger   Ledger
	Logger   *slog.Logger
}

// Stops is the loop that settles stops.
type Stops struct {
	cfg   Config
	below uint64 // where to go on
}

// New returns a loop that has seen nothing yet.
func New(cfg Config) *Stops { return &Stops{cfg: cfg} }

// Turn looks at some of what is to be stopped, if anything is. busy says that
// there is more. The caller paces it by [Every].
func (s *Stops) Turn(ctx context.Context) (busy bool, err error) {
	if s.cfg.Stopping() == 0 {
		s.below = 0
		return false, nil
	}
	found, next, err := s.cfg.Open.Opened(ctx, job.Ending, s.below, page)
	if err != nil {
		return false, err
	}
	waiting, err := s.waiting(ctx, found)
	if err == nil && len(waiting) > 0 {
		err = s.withdraw(ctx, waiting)
	}
	if err != nil {
		return false, err
	}
	s.below = next
	return next != 0, nil
}

// waiting returns those attempts whose entries were given to nobody. What is
// behind the entry that its queue gives out next was given to nobody yet, and no
// other.
func (s *Stops) waiting(ctx context.Context, found []jobs.Open) ([]jobs.Open, error) {
	var queues []job.Queue
	for i := range found {
		if !slices.Contains(queues, found[i].Queue) {
			queues = append(queues, found[i].Queue)
		}
	}
	if len(queues) == 0 {
		return nil, nil
	}
	streams, err := s.cfg.Queues.Streams(ctx, queues)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(o jobs.Open) bool {
		st := &streams[slices.Index(queues, o.Queue)]
		return !st.Group || st.Waiting.Seq == 0 || o.Entry.Compare(st.Waiting) < 0
	}), nil
}

// withdraw records that nobody was given these attempts, unless their jobs have
// ended meanwhile.
func (s *Stops) withdraw(ctx context.Context, attempts []jobs.Open) error {
	ids := make([]job.ID, len(attempts))
	for i := range attempts {
		ids[i] = attempts[i].Job
	}
	var stopped int
	err := s.cfg.Ledger.Propose(ctx, eventstore.Work{
		Aggregates: eventstore.Jobs(ids...),
		Decide: func(tx *eventstore.Tx) error {
			stopped = 0
			for i := range attempts {
				by := eventstore.By{Actor: event.BySystem("stop")}
				happened, err := tx.DecideJob(attempts[i].Job, by, job.Withdraw{Token: attempts[i].Token})
				if err != nil && domain.CodeOf(err) != domain.Stale && domain.CodeOf(err) != domain.NotFound {
					return err
				}
				if happened {
					stopped++
				}
			}
			return nil
		},
	}).Wait(ctx)
	if err == nil && stopped > 0 {
		s.cfg.Logger.DebugContext(ctx, "stopped what no runner was given", "jobs", stopped)
	}
	return err
}
