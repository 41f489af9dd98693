package sim

import (
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/runnersdk/queue"
)

// Break is something that is wrong with an actor on purpose, so that it can be
// seen that the checks find it.
type Break struct {
	Store func(eventstore.Store) eventstore.Store // between supervisors and their log
	Wire  func(queue.Wire) queue.Wire             // between runners and their supervisor
}

func (b Break) store(s eventstore.Store) eventstore.Store {
	if b.Store == nil {
		return s
	}
	return b.Store(s)
}

func (b Break) wire(x queue.Wire) queue.Wire {
	if b.Wire == nil {
		return x
	}
	return b.Wire(x)
}
