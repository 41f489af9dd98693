package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/handlers/presence"
)

// crew takes note of what the history says of processes of runners.
func (l *ledger) crew(e *history.Entry) {
	if data, ok := e.Data.(runner.Event); ok {
		id := domain.Name(e.Aggregate.ID)
		switch data := data.(type) {
		case runner.Joined:
			l.processes[runner.AggregateID(id, data.Process)] = "alive"
		case runner.Alive:
			l.processes[runner.AggregateID(id, data.Process)] = "alive"
		case runner.Silent:
			l.processes[runner.AggregateID(id, data.Process)] = "silent"
		case runner.Gone:
			l.processes[runner.AggregateID(id, data.Process)] = "gone"
		case runner.Left:
			delete(l.processes, runner.AggregateID(id, data.Process))
		case runner.Paused, runner.Drained, runner.Resumed, runner.Removed, runner.Registered:
		}
	}
}

// vigil is how long, after all else is done, it takes until every process that
// has ended is known to be gone. One that ended before it gave any sign of life
// is missed half a minute later.
const vigil = presence.GoneAfter + 45*time.Second

// checkCrew compares what the history says of processes with who lives. All was
// calm for long enough for whoever lives to be heard; after a vigil, whoever
// has ended is gone.
func (w *World) checkCrew(vigil bool) {
	alive := map[string]bool{}
	for _, r := range w.runners {
		if r.alive {
			alive[runner.AggregateID(r.id, r.current)] = true
		}
	}
	for _, process := range slices.Sorted(maps.Keys(w.ledger.processes)) {
		switch is := w.ledger.processes[process]; {
		case alive[process] && is != "alive":
			w.fail("", "process %s lives and is said to be %s", process, is)
		case !alive[process] && vigil && is != "gone":
			w.fail("", "process %s has ended and is said to be %s", process, is)
		}
	}
}
