package sim

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Break is something that is wrong with an actor on purpose, so that it can be
// seen that the checks find it. Each of its functions stands between actors and
// what they talk to.
type Break struct {
	// Store gets force, too, which writes to the log and asks nobody.
	Store  func(s eventstore.Store, force func(eventstore.Batch)) eventstore.Store
	Syncer func(eventstore.Syncer) eventstore.Syncer
	Views  func(views.Store) views.Store
	Wire   func(queue.Wire) queue.Wire
}

func (b Break) store(p *process) eventstore.Store {
	if b.Store == nil {
		return log{p}
	}
	return b.Store(log{p}, func(c eventstore.Batch) {
		entries, _ := read(c)
		p.world.server.store.Intrude(c)
		p.world.ledger.appended(p.name, 0, c, entries)
	})
}

// syncer is nil in a world without a replica.
func (b Break) syncer(p *process) eventstore.Syncer {
	switch {
	case !p.world.replicated:
		return nil
	case b.Syncer == nil:
		return syncer{p}
	}
	return b.Syncer(syncer{p})
}

func (b Break) views(p *process) views.Store {
	if b.Views == nil {
		return tables{p}
	}
	return b.Views(tables{p})
}

func (b Break) wire(p *process, id domain.Name) queue.Wire {
	if b.Wire == nil {
		return wire{p, id}
	}
	return b.Wire(wire{p, id})
}
