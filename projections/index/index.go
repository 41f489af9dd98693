// Package index finds the events of an aggregate, so that a leader can read one
// that it does not have in memory.
//
// Its promise: nothing at or before the place that it names is missing from
// what it found. It counts, in the same instant, the tables that it looks into,
// and finds nothing when they do not hold as much as they must. What else is
// missing is the engine's to find (engine.Engine.Inspect).
package index

import (
	"context"
	"fmt"
	"strconv"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/views"
)

// Index finds events of one partition. It is safe for concurrent use.
type Index struct {
	Views views.Reader
}

// Find returns, for each aggregate, the places of its events: all of a job, the
// last one of any other kind, none of one that nothing happened to. Everything
// up to through was looked at. It takes one round trip.
//
// A table of which something was removed is [views.ErrDamaged].
func (x *Index) Find(ctx context.Context, aggregates []event.Aggregate) (found [][]uint64, through uint64, err error) {
	q := views.Query{Among: true, Fields: make([]views.Field, len(aggregates))}
	for i, a := range aggregates {
		q.Fields[i] = views.Field{Table: views.Tips, Name: a.String()}
		if a.Kind == event.Job {
			q.Fields[i] = views.Field{Table: views.Jobs, Name: a.ID}
		}
	}
	look, err := x.Views.Look(ctx, q)
	if err == nil {
		err = look.CheckAmong(q.Fields)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("look up aggregates: %w", err)
	}
	found = make([][]uint64, len(aggregates))
	for i, data := range look.Values {
		if data == nil {
			continue
		}
		if found[i], err = places(aggregates[i], data); err != nil {
			return nil, 0, fmt.Errorf("look up %s: %w: %w", aggregates[i], views.ErrDamaged, err)
		}
	}
	return found, look.Position.Seq, nil
}

func places(a event.Aggregate, data []byte) ([]uint64, error) {
	if a.Kind == event.Job {
		record, err := jobs.ParseRecord(data)
		return record.Events, err
	}
	seq, err := strconv.ParseUint(string(data), 10, 64)
	return []uint64{seq}, err
}
