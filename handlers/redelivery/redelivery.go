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
	"log/slog"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
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
	// Queues returns every queue that ever had an entry.
	Queues(ctx context.Context) ([]job.Queue, error)
	// Pending returns what is delivered and not finished.
	Pending(ctx context.Context, q job.Queue) ([]Delivery, error)
}

// Ledger is what the sweep asks of the leader and its log.
type Ledger interface {
	Execute(ctx context.Context, w eventstore.Work) error
}

// Every is how often deliveries are looked at: an attempt is found lost within
// its lease and twice that.
const Every = 500 * time.Millisecond

// jitter is how much earlier than it was an estimated renewal must be to count
// as a new one: the round trips of two sweeps.
const jitter = 50 * time.Millisecond

// Config is what a sweep needs; all fields are required.
type Config struct {
	Deliveries Deliveries
	Ledger     Ledger
	Log        eventstore.Log
	Namespace  domain.Name
	Partition  uint16
	Lease      time.Duration
	Clock      func() time.Time
	Lost       func() // called for every attempt that was found lost
	Logger     *slog.Logger
}

// Sweep is the loop that watches deliveries.
type Sweep struct {
	cfg   Config
	last  time.Time // of the last look
	held  map[place]hold
	since time.Time // of the first look: what is older starts anew here
}

type place struct {
	queue job.Queue
	id    queue.EntryID
}

// hold is what is known of one delivery.
type hold struct {
	consumer string
	renewed  time.Time // by our clock
	seen     time.Time
}

// New returns a sweep that has seen nothing yet.
func New(cfg Config) *Sweep { return &Sweep{cfg: cfg, held: map[place]hold{}} }

// Turn looks at all deliveries once. The caller paces it by [Every].
func (s *Sweep) Turn(ctx context.Context) (busy bool, err error) {
	queues, err := s.cfg.Deliveries.Queues(ctx)
	if err != nil {
		return false, err
	}
	for _, q := range queues {
		pending, err := s.cfg.Deliveries.Pending(ctx, q)
		if err != nil {
			return false, err
		}
		now := s.cfg.Clock()
		for _, d := range pending {
			if !s.overdue(q, d, now) {
				continue
			}
			if err := s.lose(ctx, q, d); err != nil {
				return false, err
			}
		}
	}
	s.tidy()
	return false, nil
}

// overdue takes one look at a delivery and reports whether its lease is over.
//
// now-idle is when the entry was renewed, if the store's clock can be trusted
// about a duration that short. It counts when it lies after what is known and
// within what we watched ourselves; a clock that jumped forward makes it lie
// before, one that jumped back makes the lease end later by the jump, once.
func (s *Sweep) overdue(q job.Queue, d Delivery, now time.Time) bool {
	at := place{q, d.ID}
	h, known := s.held[at]
	if !known || h.consumer != d.Consumer {
		h = hold{consumer: d.Consumer, renewed: now}
		if s.last.After(s.since) && d.Idle < now.Sub(s.last) {
			h.renewed = now.Add(-d.Idle)
		}
	}
	if renewed := now.Add(-d.Idle); known && d.Idle <= now.Sub(h.seen) && renewed.After(h.renewed.Add(jitter)) {
		h.renewed = renewed
	}
	h.seen = now
	s.held[at] = h
	return now.Sub(h.renewed) >= s.cfg.Lease
}

// tidy forgets what is not delivered any more.
func (s *Sweep) tidy() {
	now := s.cfg.Clock()
	if s.since.IsZero() {
		s.since = now
	}
	for at, h := range s.held {
		if h.seen.Before(s.last) {
			delete(s.held, at)
		}
	}
	s.last = now
}

// lose has the leader record that an attempt is lost.
func (s *Sweep) lose(ctx context.Context, q job.Queue, d Delivery) error {
	raws, err := s.cfg.Log.Get(ctx, []uint64{d.ID.Seq})
	if err != nil {
		return err
	}
	granting, err := history.ParseEntry(d.ID.Seq, raws[0].Event)
	if err != nil {
		return err
	}
	id, err := job.ParseID(granting.Aggregate.ID)
	if err != nil {
		return err
	}
	err = s.cfg.Ledger.Execute(ctx, LoseWork(id, job.LostLease, granting))
	switch domain.CodeOf(err) {
	case domain.Stale, domain.NotFound:
		return nil // it ended meanwhile
	default:
		if err != nil {
			return err
		}
	}
	s.cfg.Lost()
	s.cfg.Logger.Warn("attempt lost: its runner stopped renewing it",
		"job", id.String(), "queue", q.String(), "consumer", d.Consumer)
	return nil
}

// LoseWork asks for an attempt to be recorded as lost.
func LoseWork(id job.ID, reason job.LossReason, granting history.Entry) eventstore.Work {
	return eventstore.Work{
		Aggregates: eventstore.Jobs(id),
		Decide: func(tx *eventstore.Tx) error {
			by := eventstore.By{Actor: event.BySystem("redelivery")}
			_, err := tx.DecideJob(id, by, job.Lose{Token: granting.Hash, Reason: reason, At: tx.Now()})
			return err
		},
	}
}
