package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

const (
	// keepEvery is how often a leader looks at what the statements say of its
	// key: so late it takes a new one, or stops leading with one that is gone.
	keepEvery = 200 * time.Millisecond
	// endsSoon is how long before its key ends a leader begins to warn, once a
	// day.
	endsSoon  = 7 * 24 * time.Hour
	warnEvery = 24 * time.Hour
)

// keeper looks after the keys of a term: it ends the term when another key is to
// seal, when its own may not any more, and when the key of a supervisor was
// revoked whose grants the next term gives anew.
type keeper struct {
	leader interface{ Access() access.State }
	key    signing.KeyID
	house  *supervisor
	scene  Scene
	log    *slog.Logger

	seen    uint64 // statements that were looked at
	revoked int    // keys of supervisors, when the term began
	warned  time.Time
}

func (s *supervisor) keeper(l *eventstore.Leader, key signing.PublicKey) *keeper {
	k := &keeper{leader: l, key: key.ID(), house: s, scene: s.scene, log: s.cfg.Log}
	keys := l.Access()
	k.seen, k.revoked = keys.Statements, revokedSupervisors(keys)
	return k
}

// errAnew ends a term that the same supervisor follows with another one at once.
const errAnew = "anew"

// turn looks once. Its error ends the term: with the reason [errAnew], or
// [domain.Forbidden] when this supervisor may not lead any more.
func (k *keeper) turn(ctx context.Context) (busy bool, err error) {
	keys, now := k.leader.Access(), event.At(k.scene.Now())
	own, known := keys.Find(k.key)
	if !known {
		return false, nil // the founding is on its way
	}
	heir, err := k.house.heir(own)
	switch {
	case err != nil:
		return false, err
	case own.Revoked():
		return false, k.house.revoked(own)
	case !heir.IsZero():
		return false, domain.Errorf(domain.TryAgain, errAnew, "another key takes the place of this supervisor's")
	case !own.Holds(now, keys.Statements):
		return false, domain.Errorf(domain.Forbidden, "key_ended", "the key %s of this supervisor ended at %s", own.ID, own.Ends)
	}
	k.warn(ctx, own, now)
	if keys.Statements == k.seen {
		return false, nil
	}
	k.seen = keys.Statements
	if revokedSupervisors(keys) > k.revoked {
		return false, domain.Errorf(domain.TryAgain, errAnew, "a supervisor's key was revoked: what it queued is queued again")
	}
	return false, nil
}

// warn says now and then that the key ends soon.
func (k *keeper) warn(ctx context.Context, own access.Standing, now event.Time) {
	if own.Ends.IsZero() || own.Ends.Sub(now) > endsSoon || k.scene.Now().Sub(k.warned) < warnEvery {
		return
	}
	k.warned = k.scene.Now()
	what := "the key of this supervisor ends soon: run horus keys rotate --class supervisor here"
	if own.RotatedTo != "" {
		what = "another key took the place of this supervisor's, which ends soon, but is not here: put it into its file"
	}
	k.log.WarnContext(ctx, what, "key", string(own.ID), "ends", own.Ends.String(), "next", string(own.RotatedTo))
}

// ends returns when the key ends; zero: never.
func (k *keeper) ends() event.Time {
	own, _ := k.leader.Access().Find(k.key)
	return own.Ends
}

func revokedSupervisors(keys access.State) int {
	n := 0
	for _, k := range keys.Keys() {
		if k.Class == access.Supervisor && k.Revoked() {
			n++
		}
	}
	return n
}
