package repair

import (
	"context"
	"errors"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
)

// Hold takes the lease, does the work while its beat goes on, and gives the
// lease back. Work's context ends when the lease was lost. The error is work's,
// the lease's, or [domain.Conflict] when a supervisor leads: it would not know
// what happened to its log.
//
// A crash leaves a lease whose beat stands still, as after any crash of a
// leader.
func Hold(ctx context.Context, lease eventstore.Lease, name domain.Name, work func(ctx context.Context, term uint64) error) (err error) {
	term, err := take(ctx, lease, name)
	if err != nil {
		return err
	}
	held, lost := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		beat(held, lease, term, lost)
	}()
	defer func() {
		lost(nil)
		<-beating
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventstore.TakeAfter)
		defer cancel()
		if e := lease.Release(release, term); e != nil && err == nil {
			err = e
		}
	}()
	if err := work(held, term); err != nil {
		return errors.Join(err, context.Cause(held))
	}
	return nil
}

// take waits for a lease that nobody raises, for as long as it takes to be sure.
func take(ctx context.Context, lease eventstore.Lease, name domain.Name) (term uint64, err error) {
	candidate := eventstore.Candidate{Lease: lease, Name: name, Clock: time.Now}
	tick := time.NewTicker(eventstore.BeatEvery)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 2*eventstore.TakeAfter; {
		if term, err = candidate.Try(ctx); term > 0 || err != nil {
			return term, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 0, domain.Errorf(domain.Conflict, "led", "supervisor %s leads: stop all supervisors first", candidate.Leading())
}

// beat raises the beat until the context ends, or ends it when the term is over.
func beat(ctx context.Context, lease eventstore.Lease, term uint64, lost context.CancelCauseFunc) {
	tick := time.NewTicker(eventstore.BeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := lease.Beat(ctx, term); errors.Is(err, eventstore.ErrConflict) {
			lost(err)
			return
		}
	}
}
