package memviews

import (
	"maps"
	"slices"

	"github.com/herocode/horus/domain/job"
)

// Snapshot returns what brings everything back to how it is now, as when a
// server comes back with an older copy of its data. Whoever watched a position
// finds it touched.
func (s *Store) Snapshot() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.copyLocked()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for n, p := range s.positions {
			old := kept.positionLocked(n)
			old.touched = max(old.touched, p.touched) + 1
		}
		again := kept.copyLocked() // it may be asked for again
		s.positions, s.generations = again.positions, again.generations
		s.statements, s.modes, s.streams, s.notices = again.statements, again.modes, again.streams, again.notices
	}
}

// copyLocked copies all that changes. Values and entries never do.
func (s *Store) copyLocked() *Store {
	c := &Store{
		positions: map[uint64]*position{}, generations: map[uint64]*generation{},
		statements: maps.Clone(s.statements), modes: maps.Clone(s.modes),
		streams: map[job.Queue]*stream{}, notices: maps.Clone(s.notices),
	}
	for n, p := range s.positions {
		c.positions[n] = &position{values: slices.Clone(p.values), touched: p.touched}
	}
	for n, g := range s.generations {
		of := &generation{lists: make(map[job.Status]map[uint64]bool, len(g.lists)), due: maps.Clone(g.due)}
		for i := range g.tables {
			of.tables[i] = maps.Clone(g.tables[i])
		}
		for status, members := range g.lists {
			of.lists[status] = maps.Clone(members)
		}
		c.generations[n] = of
	}
	for q, st := range s.streams {
		st := *st
		st.entries = slices.Clone(st.entries)
		c.streams[q] = &st
	}
	for id, told := range c.notices {
		c.notices[id] = slices.Clip(told)
	}
	return c
}
