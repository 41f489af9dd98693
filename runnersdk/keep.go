package runnersdk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
)

// keep renews the leases of all that is held, when it is time. An attempt that
// is not ours any more is stopped, and so is one whose lease was not renewed
// for as long as it lasts: by then its supervisor may have given it away.
//
// A renewal touches only what the process owns, so one that was paused, or cut
// off, can take nothing back.
func (r *Runner) keep(ctx context.Context) (n int, err error) {
	now := r.config.Now()
	if now.Before(r.nextRenewal()) {
		return 0, nil
	}
	for _, q := range r.queues {
		renewed, failed := r.renewQueue(ctx, q)
		n, err = n+renewed, errors.Join(err, failed)
	}
	r.expire(ctx)
	r.kept, r.blip = now, err != nil
	return n, err
}

// nextRenewal returns when leases are to be renewed: three times in one, and
// sooner after a blip, which shall not cost the lease.
func (r *Runner) nextRenewal() time.Time {
	if r.blip {
		return r.kept.Add(r.lease() / 12)
	}
	return r.kept.Add(r.lease() / 3)
}

func (r *Runner) renewQueue(ctx context.Context, q job.Queue) (n int, err error) {
	asked := r.config.Now()
	held, ids := r.hands.of(q)
	held, ids = r.giveUp(ctx, held, ids, asked)
	if len(held) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience(held, asked))
	defer cancel()
	kept, err := r.config.Wire.Renew(ctx, r.config.Process, q, ids)
	if err != nil && !errors.Is(err, queue.ErrNoQueue) {
		return 0, err
	}
	for _, a := range held {
		if slices.Contains(kept, a.id) {
			a.renewed = asked
		} else {
			r.lose(ctx, a, "it is no longer this process' entry")
		}
	}
	return len(kept), nil
}

// giveUp leaves out the attempts whose handlers do not return although their
// contexts ended stopTime ago: nobody shall wait for ever for a handler that
// listens to nobody. Its supervisor finds that attempt lost; its slot stays taken.
func (r *Runner) giveUp(ctx context.Context, held []*attempt, ids []queue.EntryID, now time.Time) ([]*attempt, []queue.EntryID) {
	var kept []*attempt
	var keptIDs []queue.EntryID
	for i, a := range held {
		switch {
		case a.given || !a.hangs():
		case a.ended.IsZero():
			a.ended = now
		case now.Sub(a.ended) >= stopTime:
			a.given = true
			r.logger.ErrorContext(ctx, "a handler goes on although its context ended: its attempt is given up, its slot is taken until it returns",
				"job", a.job.ID, "attempt", a.job.Attempt, "ended", now.Sub(a.ended).Round(time.Second).String()+" ago")
		}
		if !a.given {
			kept, keptIDs = append(kept, a), append(keptIDs, ids[i])
		}
	}
	return kept, keptIDs
}

// patience returns how long an answer may take: not longer than the lease of
// any attempt lasts.
func (r *Runner) patience(held []*attempt, now time.Time) time.Duration {
	least := r.lease() / 6
	for _, a := range held {
		if left := r.lease() - now.Sub(a.renewed); left > 0 {
			least = min(least, left)
		}
	}
	return least
}

// expire stops what could not be renewed for a whole lease.
func (r *Runner) expire(ctx context.Context) {
	now := r.config.Now()
	for _, a := range r.hands.all() {
		if !a.given && now.Sub(a.renewed) >= r.lease() {
			r.lose(ctx, a, "its lease could not be renewed")
		}
	}
}

// lose stops an attempt unless it ended already. What stands in its way is the
// handler: its slot is free when it returns.
func (r *Runner) lose(ctx context.Context, a *attempt, why string) {
	if a.stop(ErrLost) {
		r.logger.WarnContext(ctx, "stopped an attempt", "job", a.job.ID, "attempt", a.job.Attempt, "why", why)
	}
}

// nextKeep returns when keep is to be called again: when leases are renewed, or
// when the first one would end before.
func (r *Runner) nextKeep() time.Time {
	next := r.nextRenewal()
	for _, a := range r.hands.all() {
		if end := a.renewed.Add(r.lease()); end.After(r.config.Now()) && end.Before(next) {
			next = end
		}
	}
	return next
}
