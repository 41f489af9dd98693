// Package redelivery finds attempts whose runner is gone. A runner keeps an
// entry by resetting its idle time; this loop watches the idle times on the
// leader's own monotonic clock, because the store's clock may jump, and has the
// leader record attempt_lost for an entry that nobody renewed for a lease.
//
// A crash between finding and recording leaves nothing behind: the next leader
// begins to watch anew, so an attempt may get up to one lease more, never less.
package redelivery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/runnersdk/queue"
)

// Delivery is an entry that a process holds.
type Delivery struct {
	ID       queue.EntryID
	Consumer string
	Idle     time.Duration // since it was delivered or renewed, by the store's clock
}

// Deliveries shows what is delivered.
type Deliveries interface {
	// Pending returns, for each queue, what is delivered and not finished.
	Pending(ctx context.Context, queues []job.Queue) ([][]Delivery, error)
	// Adrift returns, for each queue, entries that were delivered and that
	// nobody holds: no runner will ever get them, or end them.
	Adrift(ctx context.Context, queues []job.Queue) ([][]queue.EntryID, error)
	// Retire forgets processes of which nothing was heard for so long and that
	// hold nothing.
	Retire(ctx context.Context, queues []job.Queue, silent time.Duration) error
}

// Ledger is what the sweep asks of the leader and its log.
type Ledger interface {
	Execute(ctx context.Context, w eventstore.Work) error
}

// Every is how often deliveries are looked at, besides when a lease is over: an
// attempt is found lost within its lease and that, and how long the store takes
// to answer a few times.
const Every = 500 * time.Millisecond

const (
	// least is how long a sweep rests at least.
	least = 10 * time.Millisecond
	// together is how many queues one question is about: many are looked at in
	// few round trips, and Redis is not busy for long.
	together = 100
)

// jitter is how much an idle time may grow otherwise than our clock did and
// still be that of an entry nobody touched: rounding, and clocks that are being
// set right slowly.
const jitter = 50 * time.Millisecond

// Config is what a sweep needs; all fields are required.
type Config struct {
	Deliveries Deliveries
	Ledger     Ledger
	Log        eventstore.Log
	// Busy returns the queues in which attempts stand, from memory: of many
	// queues most are empty, and not looked at.
	Busy func() []job.Queue
	// Job returns how a job is, as the leader has it.
	Job    func(context.Context, job.ID) (job.State, error)
	Lease  time.Duration
	Clock  func() time.Time
	Logger *slog.Logger
}

// Sweep is the loop that watches deliveries.
type Sweep struct {
	cfg   Config
	last  time.Time // of the last whole look
	blind bool      // the deliveries could not be read since
	held  map[place]hold
	due   time.Time // when the first lease is over, unless it is renewed; zero if nothing is held

	tended time.Time // when it was last looked for what nobody holds
	retire time.Time // when processes were last forgotten
}

type place struct {
	queue job.Queue
	id    queue.EntryID
}

// hold is what is known of one delivery. All times are by our clock.
type hold struct {
	consumer string
	idle     time.Duration // as it was read
	asked    time.Time     // when the question was sent that idle answered
	seen     time.Time     // when the answer was there
	renewed  time.Time     // not before it was
	taken    time.Time     // when it was seen first with this consumer
	ask      time.Time     // when it is asked whether it was begun; zero once it was
	settled  bool          // nothing is open under this entry any more
}

// New returns a sweep that has seen nothing yet.
func New(cfg Config) *Sweep { return &Sweep{cfg: cfg, held: map[place]hold{}} }

// Rest returns how long the caller may wait until the next Turn.
func (s *Sweep) Rest() time.Duration {
	now := s.cfg.Clock()
	rest := Every - now.Sub(s.last)
	if !s.due.IsZero() {
		rest = min(rest, s.due.Sub(now))
	}
	return max(rest, least)
}

// Turn looks at all deliveries once. The caller paces it by Rest.
func (s *Sweep) Turn(ctx context.Context) (busy bool, err error) {
	queues := s.cfg.Busy()
	for some := range slices.Chunk(queues, together) {
		if err := s.look(ctx, some); err != nil {
			return false, err
		}
	}
	s.tidy()
	return false, s.tend(ctx, queues)
}

// look looks at the deliveries of some queues.
func (s *Sweep) look(ctx context.Context, queues []job.Queue) error {
	asked := s.cfg.Clock()
	pending, err := s.cfg.Deliveries.Pending(ctx, queues)
	if err != nil {
		s.blind = true
		return err
	}
	s.reconnect(asked)
	seen := s.cfg.Clock()
	for i, q := range queues {
		for _, d := range pending[i] {
			var err error
			switch {
			case s.overdue(q, d, asked, seen):
				err = s.lose(ctx, q, d, job.LostLease, notRenewed)
			case s.idle(q, d, asked):
				err = s.demand(ctx, q, d, asked)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// How often what runners did not leave behind is looked for.
const (
	retireEvery = time.Minute
	silent      = 10 * time.Minute // a process that lives reads far more often
)

// tend looks, every third of a lease, for entries that nobody holds, because
// somebody acknowledged them by hand or removed a consumer with all that it
// held. Such an attempt is lost by no fault of its job.
func (s *Sweep) tend(ctx context.Context, queues []job.Queue) error {
	now := s.cfg.Clock()
	if now.Sub(s.tended) < s.cfg.Lease/3 {
		return nil
	}
	s.tended = now
	for some := range slices.Chunk(queues, together) {
		adrift, err := s.cfg.Deliveries.Adrift(ctx, some)
		if err != nil {
			return err
		}
		for i, ids := range adrift {
			for _, id := range ids {
				if err := s.lose(ctx, some[i], Delivery{ID: id}, job.LostQueue, notHeld); err != nil {
					return err
				}
			}
		}
	}
	if now.Sub(s.retire) < retireEvery {
		return nil
	}
	s.retire = now
	for some := range slices.Chunk(queues, together) {
		if err := s.cfg.Deliveries.Retire(ctx, some, silent); err != nil {
			return err
		}
	}
	return nil
}

// reconnect begins to watch anew when nothing could be seen for as long as
// renewing takes: runners could not be heard either, and get a lease to say what
// they finished meanwhile.
func (s *Sweep) reconnect(now time.Time) {
	if s.blind && now.Sub(s.last) >= s.cfg.Lease/3 {
		clear(s.held)
	}
	s.blind = false
}

// overdue takes one look at a delivery and reports whether its lease is over.
//
// The store's clock says how long an entry is idle, and may jump. So an entry
// counts as renewed, just now, unless its idle time reaches back behind the
// last look and grew since as our own clock did. A renewal is thus taken for at
// most a look later than it was and never for earlier. A clock that jumps ahead
// makes a lease begin anew, one that was set back makes it end later by the
// jump, once.
func (s *Sweep) overdue(q job.Queue, d Delivery, asked, seen time.Time) bool {
	at := place{q, d.ID}
	h, known := s.held[at]
	least, most := asked.Sub(h.seen), seen.Sub(h.asked) // that passed between the two answers
	grown := d.Idle - h.idle
	untouched := known && h.consumer == d.Consumer && d.Idle > most && grown >= least-jitter && grown <= most+jitter
	if !untouched {
		h.renewed = seen
	}
	if !known || h.consumer != d.Consumer {
		h.taken, h.ask = seen, seen.Add(job.TimeoutSlack)
	}
	h.consumer, h.idle, h.asked, h.seen = d.Consumer, d.Idle, asked, seen
	s.held[at] = h
	// The answer speaks for no later time than that of the question: whoever
	// renewed while it was on its way may have been in time.
	return !h.settled && asked.Sub(h.renewed) >= s.cfg.Lease
}

// tidy forgets what is not delivered any more, and finds what is due next.
func (s *Sweep) tidy() {
	s.due = time.Time{}
	for at, h := range s.held {
		if h.seen.Before(s.last) {
			delete(s.held, at)
			continue
		}
		if over := h.renewed.Add(s.cfg.Lease); !h.settled && (s.due.IsZero() || over.Before(s.due)) {
			s.due = over
		}
	}
	s.last = s.cfg.Clock()
}

// Why attempts are lost, in words.
const (
	notRenewed = "attempt lost: its runner has not renewed it for a whole lease"
	notHeld    = "attempt lost: its entry in the queue was delivered, and nobody holds it"
	notBegun   = "attempt lost: its runner keeps it, and does not say that it began"
)

// lose has the leader record that an attempt is lost. An entry that nobody
// granted, or whose attempt ended meanwhile, is left to the projections, which
// own the queues: one of them must not keep the others from being looked at.
func (s *Sweep) lose(ctx context.Context, q job.Queue, d Delivery, reason job.LossReason, why string) error {
	granting, id, err := s.grant(ctx, q, d)
	var left job.State
	if err == nil {
		err = s.cfg.Ledger.Execute(ctx, eventstore.Work{
			Aggregates: eventstore.Jobs(id),
			Decide: func(tx *eventstore.Tx) error {
				defer func() { left = tx.Job(id) }()
				return lose(tx, Attempt{id, granting.Hash}, reason)
			},
		})
	}
	switch {
	case nothing(err):
		s.settle(q, d)
		s.cfg.Logger.InfoContext(ctx, "an entry that nobody renews grants nothing", "queue", q.String(), "entry", d.ID.String(), "reason", err)
		return nil
	case err != nil:
		return err
	}
	s.settle(q, d)
	s.cfg.Logger.WarnContext(ctx, why, "job", id.String(), "queue", q.String(), "consumer", d.Consumer, "lease", s.cfg.Lease, "job_is", left.Status.String())
	return nil
}

// nothing reports whether an error says that nothing is open under an entry.
func nothing(err error) bool {
	switch domain.CodeOf(err) {
	case domain.Stale, domain.NotFound, domain.Invalid, domain.TooLarge:
		return true
	default:
		return false
	}
}

// settle remembers that nothing is open under an entry any more.
func (s *Sweep) settle(q job.Queue, d Delivery) {
	at := place{q, d.ID}
	h := s.held[at]
	h.settled = true
	s.held[at] = h
}

// grant reads the event that granted an entry.
func (s *Sweep) grant(ctx context.Context, q job.Queue, d Delivery) (granting history.Entry, id job.ID, err error) {
	raws, err := s.cfg.Log.Get(ctx, []uint64{d.ID.Seq})
	if err != nil {
		return granting, id, fmt.Errorf("read the grant of entry %s in queue %s: %w", d.ID, q, err)
	}
	if granting, err = history.ParseEntry(d.ID.Seq, raws[0].Event); err != nil {
		return granting, id, err
	}
	id, err = job.ParseID(granting.Aggregate.ID)
	return granting, id, err
}

// Attempt is an attempt that is open under a grant.
type Attempt struct {
	Job   job.ID
	Token signing.Hash
}

// MaxGiveUp is how many attempts can be given up at once: each is two events of
// one commit.
const MaxGiveUp = 100

// GiveUpWork asks for at most [MaxGiveUp] attempts to be recorded as lost,
// those that are still open.
func GiveUpWork(attempts []Attempt, reason job.LossReason) eventstore.Work {
	ids := make([]job.ID, len(attempts))
	for i, a := range attempts {
		ids[i] = a.Job
	}
	return eventstore.Work{
		Aggregates: eventstore.Jobs(ids...),
		Decide: func(tx *eventstore.Tx) error {
			for _, a := range attempts {
				if err := lose(tx, a, reason); err != nil && domain.CodeOf(err) != domain.Stale {
					return err
				}
			}
			return nil
		},
	}
}

func lose(tx *eventstore.Tx, a Attempt, reason job.LossReason) error {
	by := eventstore.By{Actor: event.BySystem("redelivery")}
	_, err := tx.DecideJob(a.Job, by, job.Lose{Token: a.Token, Reason: reason, At: tx.Now()})
	return err
}
