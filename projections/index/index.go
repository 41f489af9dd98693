// Package index finds the events of an aggregate, so that a leader can read one
// that it does not have in memory.
//
// Its promise: nothing at or before the place that it names is missing from
// what it found. It counts, in the same instant, the tables that it looks into,
// and finds nothing when they do not hold as much as they must. What else is
// missing is the engine's to find (engine.Engine.Compare).
package index

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/nonces"
	"github.com/herocode/horus/projections/views"
)

// Index finds events of one partition. It is safe for concurrent use.
type Index struct {
	Views interface {
		views.Reader
		Page(ctx context.Context, generation uint64, t views.Table, cursor uint64) (fields []views.Value, next uint64, err error)
	}
}

// errMoved means that another generation went live while the jobs were listed.
var errMoved = errors.New("the read models were built anew while the jobs in them were listed")

// Page returns the ids of some jobs. When the last page was read nothing is
// missing from the table that was walked, or the error is [views.ErrDamaged];
// that another generation went live meanwhile is an error that passes.
func (x *Index) Page(ctx context.Context, from eventstore.RollPlace) (page eventstore.RollPage, err error) {
	page.Next = from
	if from.Generation == 0 {
		look, err := x.Views.Look(ctx, views.Query{})
		if err != nil {
			return page, fmt.Errorf("list jobs: %w", err)
		}
		page.Next.Generation = look.Position.Live
	}
	fields, cursor, err := x.Views.Page(ctx, page.Next.Generation, views.Jobs, from.Cursor)
	if err != nil {
		return page, fmt.Errorf("list jobs: %w", err)
	}
	page.IDs = make([]string, len(fields))
	for i := range fields {
		page.IDs[i] = fields[i].Name
	}
	page.Next.Cursor, page.Last = cursor, cursor == 0
	if page.Last {
		err = x.whole(ctx, page.Next.Generation)
	}
	return page, err
}

// whole returns an error if something was removed from a generation that is
// live.
func (x *Index) whole(ctx context.Context, generation uint64) error {
	look, err := x.Views.Look(ctx, views.Query{Count: true})
	switch {
	case err != nil:
		return fmt.Errorf("count what was listed: %w", err)
	case look.Position.Live != generation:
		return errMoved
	}
	return look.Check()
}

// Find returns, for each aggregate, the places of its events: all of a job, of a
// nonce the submission that spent it unless it is good again, the last one of any
// other kind, none of one that nothing happened to. Everything up to through was
// looked at. It takes one round trip.
//
// A table of which something was removed is [views.ErrDamaged].
func (x *Index) Find(ctx context.Context, aggregates []event.Aggregate) (found [][]uint64, through uint64, err error) {
	q := views.Query{Among: true, Fields: make([]views.Field, len(aggregates))}
	for i, a := range aggregates {
		switch a.Kind {
		case event.Job:
			q.Fields[i] = views.Field{Table: views.Jobs, Name: a.ID}
		case event.Nonce:
			q.Fields[i] = views.Field{Table: views.Nonces, Name: a.ID}
		default:
			q.Fields[i] = views.Field{Table: views.Tips, Name: a.String()}
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
	switch a.Kind {
	case event.Job:
		record, err := jobs.ParseRecord(data)
		return record.Events, err
	case event.Nonce:
		spent, err := nonces.Parse(data)
		return []uint64{spent.Seq}, err
	default:
	}
	seq, err := strconv.ParseUint(string(data), 10, 64)
	return []uint64{seq}, err
}
