package eventstore

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// Work is something to decide.
type Work struct {
	Aggregates []event.Aggregate // that Decide looks at, besides statements and term
	Trace      string            // W3C traceparent; empty if none
	// Durable has whoever waits answered only when what was decided, and what
	// it was decided upon, is durable, see [Leader.Durable], and, when nothing
	// was decided, only while the term is on. It is for whoever
	// tells somebody outside. Who acts upon the store alone needs it not: what
	// follows is written behind its cause, and lost with it.
	Durable bool
	// Decide asks commands through tx. It is called with the leader locked
	// and may be called again: it must be quick and without effects of its
	// own. An error of it keeps nothing.
	Decide func(tx *Tx) error
}

// Jobs names jobs as aggregates of a [Work].
func Jobs(ids ...job.ID) []event.Aggregate {
	aggregates := make([]event.Aggregate, len(ids))
	for i, id := range ids {
		aggregates[i] = JobAggregate(id)
	}
	return aggregates
}

// Gaps names the aggregate of what the log has lost.
func Gaps() []event.Aggregate { return []event.Aggregate{gapAggregate()} }

// Runner names what is decided about a runner id.
func Runner(id domain.Name) []event.Aggregate { return []event.Aggregate{runnerAggregate(id)} }

// Process names what a bundle of a runner process touches besides jobs.
func Process(id domain.Name, process string) []event.Aggregate {
	return []event.Aggregate{runnerAggregate(id), processAggregate(id, process)}
}
