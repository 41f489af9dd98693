package engine

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/runnersdk/queue"
)

// giveUpRevoked makes open attempts missing whose grants were sealed by a
// supervisor's key that was revoked since: no runner takes them, so their
// entries are strays. A term has one sealer, so one look into the log a term
// tells who that was.
func (e *Engine) giveUpRevoked(ctx context.Context, r *repair) error {
	keys := e.chain.State.Access
	revoked := func(k access.Standing) bool { return k.Class == access.Supervisor && k.Revoked() }
	if !slices.ContainsFunc(keys.Keys(), revoked) {
		return nil
	}
	terms := map[uint64]bool{} // whether its sealer was revoked
	spoiled := func(id queue.EntryID) (bool, error) {
		if _, seen := terms[id.Term]; !seen {
			c, err := e.commitAt(ctx, id.Seq)
			if err != nil || c == nil || c.Seal.Term != id.Term {
				return false, err // such an entry is no grant's: its queue does not have it
			}
			terms[id.Term] = keys.Revoked(c.Seal.Key)
		}
		return terms[id.Term], nil
	}
	for _, open := range r.open {
		for id, lost := range open {
			gone, err := spoiled(id)
			if err != nil {
				return err
			}
			if gone {
				r.missing = append(r.missing, lost)
				delete(open, id)
			}
		}
	}
	return nil
}
