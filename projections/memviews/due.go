package memviews

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/projections/views"
)

// dueUntil returns what is due up to a time, and when the next is.
func (g *generation) dueUntil(q views.DueQuery) (due []views.DueEntry, next event.Time, err error) {
	all, err := g.allDue()
	if err != nil {
		return nil, 0, err
	}
	for _, d := range all {
		if d.At > q.Until || len(due) == q.Limit {
			return due, d.At, nil
		}
		due = append(due, d)
	}
	return due, 0, nil
}

// allDue returns all due times, the earliest first.
func (g *generation) allDue() ([]views.DueEntry, error) {
	all := make([]views.DueEntry, 0, len(g.due))
	for name, score := range g.due {
		d, err := views.ReadDue(name, score)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b views.DueEntry) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Job.String(), b.Job.String()))
	})
	return all, nil
}

// PageDue returns all due times.
func (s *Store) PageDue(ctx context.Context, g, _ uint64) ([]views.DueEntry, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.generationLocked(g).allDue()
	if err != nil {
		return nil, 0, err
	}
	return all, 0, ctx.Err()
}

// DueOf returns when something is due in jobs.
func (s *Store) DueOf(ctx context.Context, g uint64, names []string) ([]event.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := make([]event.Time, len(names))
	for i, name := range names {
		score, some := s.generationLocked(g).due[name]
		if !some {
			continue
		}
		d, err := views.ReadDue(name, score)
		if at[i] = d.At; err != nil {
			at[i] = views.NoTime
		}
	}
	return at, ctx.Err()
}

// delay makes the first job's due time another one, without changing how many
// there are.
func (g *generation) delay() {
	for _, name := range slices.Sorted(maps.Keys(g.due)) {
		g.due[name]++
		return
	}
}
