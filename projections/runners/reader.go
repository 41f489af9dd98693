// Package runners is the read model of runners: which processes joined under
// each id, and when they were last heard of. Whether one still lives is for the
// reader's clock to guess.
//
//	list, err := reader.List(ctx)
package runners

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/projections/views"
)

// Runner is a runner id under which a process joined once.
type Runner struct {
	ID domain.Name
	Record
}

// Reader reads runners of one partition. It is safe for concurrent use.
type Reader struct {
	Views views.Reader
}

// List returns all runners by their ids.
func (r *Reader) List(ctx context.Context) ([]Runner, error) {
	look, err := r.Views.Look(ctx, views.Query{Whole: []views.Table{views.Runners}})
	if err != nil {
		return nil, fmt.Errorf("list runners: %w", err)
	}
	found := make([]Runner, 0, len(look.Whole[0]))
	for id, data := range look.Whole[0] {
		record, err := ParseRecord(data)
		if err != nil {
			return nil, fmt.Errorf("list runners: %w: %w", views.ErrDamaged, err)
		}
		found = append(found, Runner{domain.Name(id), record})
	}
	slices.SortFunc(found, func(a, b Runner) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// Get returns one runner, after the view has reached the end that the log has
// now. An id under which no process ever joined is [domain.NotFound].
func (r *Reader) Get(ctx context.Context, id domain.Name) (Runner, error) {
	look, err := views.Current(ctx, r.Views, views.Query{Fields: []views.Field{{Table: views.Runners, Name: string(id)}}})
	if err != nil {
		return Runner{}, fmt.Errorf("look for runner %s: %w", id, err)
	}
	if look.Values[0] == nil {
		return Runner{}, domain.Errorf(domain.NotFound, "runner", "no such runner ever joined")
	}
	record, err := ParseRecord(look.Values[0])
	if err != nil {
		return Runner{}, fmt.Errorf("look for runner %s: %w: %w", id, views.ErrDamaged, err)
	}
	return Runner{id, record}, nil
}
