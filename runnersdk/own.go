package runnersdk

import (
	"context"
	"fmt"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
)

// lookEvery is how often a process that joined looks for new statements: so late
// it finds out, when it has nothing else to do, that its key is gone.
const lookEvery = 2 * time.Second

// look reads the statements that came since the last time.
func (r *Runner) look(ctx context.Context) error {
	now := r.config.Now()
	if !r.joined.Load() || now.Before(r.join.look) {
		return nil
	}
	if err := r.trust.reach(ctx, all); err != nil {
		return err
	}
	r.join.look = now.Add(lookEvery)
	return r.checkOwn(ctx)
}

// checkOwn ends the process when its key is good for nothing any more: what it
// holds is stopped, because nobody would take its report, and others run it when
// its leases are over. A key that is not in the statements may be the one that
// its id was first used with.
func (r *Runner) checkOwn(ctx context.Context) error {
	own, statements := r.trust.standing(r.config.Key.Public().ID())
	now := event.At(r.config.Now())
	switch {
	case own.Revoked():
		return r.resign(ctx, domain.Errorf(domain.Forbidden, "key_revoked",
			"the key %s of runner %s was revoked (reason: %q): make a new one and have it admitted with horus keys add --class runner --name %s",
			own.ID, r.config.Runner, own.Reason, r.config.Runner))
	case own.Class != access.Runner || own.Holds(now, statements) && own.RotatedTo == "":
		return nil
	case !own.Ends.IsZero() && now > own.Ends:
		return r.resign(ctx, domain.Errorf(domain.Forbidden, "key_ended",
			"the key %s of runner %s ended at %s: start it again with the key that took its place (%s), or with a new one that was admitted",
			own.ID, r.config.Runner, own.Ends, own.RotatedTo))
	case own.RotatedTo != "":
		r.hint(ctx, fmt.Sprintf("the key %s took the place of this process' own, which ends at %s: start it again by then with the new one",
			own.RotatedTo, own.Ends))
	}
	return nil
}

// resign stops everything, for good.
func (r *Runner) resign(ctx context.Context, why error) error {
	for _, a := range r.hands.all() {
		r.lose(ctx, a, why.Error())
	}
	return fatalError{why}
}
