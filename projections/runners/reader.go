// Package runners is the read model of runners: which processes joined under
// each id and did not leave, how the leader heard each of them, and whether the
// id is paused or drained.
//
//	list, err := reader.List(ctx)
package runners

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/views"
)

// Runner is a runner id under which a process joined once, or that was registered.
type Runner struct {
	ID domain.Name
	Record
	Mode      modes.Record
	Processes []Process // by their names
}

// There returns how many of its processes are alive or silent.
func (r *Runner) There() int {
	n := 0
	for i := range r.Processes {
		if r.Processes[i].State != Gone {
			n++
		}
	}
	return n
}

// Reader reads runners of one partition. It is safe for concurrent use.
type Reader struct {
	Views views.Reader
}

// List returns all runners by their ids, but for those that were removed.
func (r *Reader) List(ctx context.Context) ([]Runner, error) {
	all, err := r.All(ctx)
	return slices.DeleteFunc(all, func(r Runner) bool { return r.Removed }), err
}

// All returns all runners by their ids, removed or not.
func (r *Reader) All(ctx context.Context) ([]Runner, error) {
	look, err := r.Views.Look(ctx, tables())
	if err != nil {
		return nil, fmt.Errorf("list runners: %w", err)
	}
	all, err := parse(look)
	if err != nil {
		return nil, fmt.Errorf("list runners: %w: %w", views.ErrDamaged, err)
	}
	return all, nil
}

// Get returns one runner, removed or not, after the view has reached the end
// that the log has now. An id under which no process ever joined, and
// that nobody registered, is [domain.NotFound].
func (r *Reader) Get(ctx context.Context, id domain.Name) (Runner, error) {
	look, err := views.Current(ctx, r.Views, tables())
	if err != nil {
		return Runner{}, fmt.Errorf("look for runner %s: %w", id, err)
	}
	all, err := parse(look)
	if err != nil {
		return Runner{}, fmt.Errorf("look for runner %s: %w: %w", id, views.ErrDamaged, err)
	}
	at, found := slices.BinarySearchFunc(all, id, func(r Runner, id domain.Name) int { return cmp.Compare(r.ID, id) })
	if !found {
		return Runner{}, domain.Errorf(domain.NotFound, "runner", "no such runner ever joined or was registered")
	}
	return all[at], nil
}

// tables asks for everything, of all runners: what a runner is stands in three
// tables, and a table that is read as a whole is one command.
func tables() views.Query {
	return views.Query{Whole: []views.Table{views.Runners, views.Processes, views.Modes}}
}

func parse(look *views.Look) ([]Runner, error) {
	all, err := modes.Parse(look.Whole[2])
	if err != nil {
		return nil, err
	}
	of := make(map[domain.Name]*Runner, len(look.Whole[0]))
	for name, data := range look.Whole[0] {
		record, err := ParseRecord(data)
		if err != nil {
			return nil, err
		}
		id := domain.Name(name)
		of[id] = &Runner{ID: id, Record: record, Mode: all.Runner(id)}
	}
	for name, data := range look.Whole[1] {
		id, process, _ := strings.Cut(name, "/")
		p, err := ParseProcess(process, data)
		if err != nil {
			return nil, err
		}
		if r := of[domain.Name(id)]; r != nil {
			r.Processes = append(r.Processes, p)
		}
	}
	found := make([]Runner, 0, len(of))
	for _, r := range of {
		slices.SortFunc(r.Processes, func(a, b Process) int { return cmp.Compare(a.Name, b.Name) })
		found = append(found, *r)
	}
	slices.SortFunc(found, func(a, b Runner) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}
