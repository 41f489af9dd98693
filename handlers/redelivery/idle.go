package redelivery

import (
	"context"
	"time"

	"github.com/herocode/horus/domain/job"
)

// idle reports whether it is time to ask if a process that holds an attempt has
// said that it began.
func (s *Sweep) idle(q job.Queue, d Delivery, asked time.Time) bool {
	h := s.held[place{q, d.ID}]
	return !h.settled && !h.ask.IsZero() && !asked.Before(h.ask)
}

// demand gives an attempt up that a process has held, and renewed, for longer
// than it may take, without ever saying that it began: its timeout begins with
// that word, and nobody else would end it.
func (s *Sweep) demand(ctx context.Context, q job.Queue, d Delivery, asked time.Time) error {
	granting, id, err := s.grant(ctx, q, d)
	var is job.State
	if err == nil {
		is, err = s.cfg.Job(ctx, id)
	}
	at := place{q, d.ID}
	h := s.held[at]
	over := h.taken.Add(is.Timeout + job.TimeoutSlack)
	switch {
	case nothing(err) || err == nil && is.Token != granting.Hash:
		s.settle(q, d)
		return nil
	case err != nil:
		return err
	case is.Status != job.Waiting:
		h.ask = time.Time{}
	case asked.Before(over):
		h.ask = over
	default:
		return s.lose(ctx, q, d, job.LostLease, notBegun)
	}
	s.held[at] = h
	return nil
}
