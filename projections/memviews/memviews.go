// Package memviews keeps a partition's views in memory, for tests and
// simulations. It means what Redis means (package viewtest says what that is),
// and can be told to fail in the two ways in which a store fails: not kept, and
// kept without saying so.
//
//	store := memviews.New(log)
//	store.OnCommit = func() (bool, error) { return true, errLost }
package memviews

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
)

// Store is one partition's views. It is safe for concurrent use.
type Store struct {
	// OnCommit, if set, decides how each commit of a writer fares. With keep,
	// it is carried out; an error is what its caller gets instead of the
	// outcome. Set it before the store is used, or between its calls.
	OnCommit func() (keep bool, err error)

	log eventstore.Log

	mu sync.Mutex

	positions   map[uint64]*position // of the partition, and of generations that are filled
	generations map[uint64]*generation
	statements  map[string][]byte
	modes       map[string]string
	streams     map[job.Queue]*stream
	notices     map[domain.Name][]map[string]string
}

// position is one position key. touched counts what WATCH would notice.
type position struct {
	values  []string // nil when there is none
	touched uint64
}

type generation struct {
	tables [views.NumTables]map[string][]byte
	lists  map[job.Status]map[uint64]bool
	due    map[string]float64 // as a store has them that knows no times
}

var _ views.Store = (*Store)(nil)

// New returns a store without views, beside a log.
func New(log eventstore.Log) *Store {
	return &Store{
		log: log, positions: map[uint64]*position{}, generations: map[uint64]*generation{},
		statements: map[string][]byte{}, modes: map[string]string{},
		streams: map[job.Queue]*stream{}, notices: map[domain.Name][]map[string]string{},
	}
}

// Fence writes a term into the position, as taking the lease does.
func (s *Store) Fence(term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.positionLocked(0)
	if p.values == nil {
		p.values = make([]string, len(views.PositionFields()))
	}
	p.values[0] = strconv.FormatUint(term, 10)
	p.touched++
}

func (s *Store) positionLocked(fill uint64) *position {
	p := s.positions[fill]
	if p == nil {
		p = &position{}
		s.positions[fill] = p
	}
	return p
}

func (p *position) parse() (views.Position, error) {
	if p.values == nil {
		return views.Position{}, nil
	}
	return views.ParsePosition(p.values)
}

func (s *Store) generationLocked(g uint64) *generation {
	found := s.generations[g]
	if found == nil {
		found = &generation{lists: map[job.Status]map[uint64]bool{}, due: map[string]float64{}}
		for i := range found.tables {
			found.tables[i] = map[string][]byte{}
		}
		for _, status := range job.Statuses() {
			found.lists[status] = map[uint64]bool{}
		}
		s.generations[g] = found
	}
	return found
}

func (g *generation) counts() (fields [views.NumTables]uint64, listed uint64) {
	for i, t := range g.tables {
		fields[i] = uint64(len(t))
	}
	for _, l := range g.lists {
		listed += uint64(len(l))
	}
	return fields, listed
}

// Look answers a query.
func (s *Store) Look(ctx context.Context, q views.Query) (*views.Look, error) {
	look := &views.Look{}
	if q.End {
		tip, err := s.log.Tip(ctx)
		if err != nil {
			return nil, err
		}
		look.End = tip.Seq
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if look.Position, err = s.positionLocked(0).parse(); err != nil {
		return nil, err
	}
	g := s.generationLocked(look.Position.Live)
	if err := g.open(q, look); err != nil {
		return nil, err
	}
	for _, r := range q.Lists {
		look.Lists = append(look.Lists, g.list(r))
	}
	if q.Due != nil {
		if look.Due, look.NextDue, err = g.dueUntil(*q.Due); err != nil {
			return nil, err
		}
	}
	if q.Among {
		for _, f := range q.Fields {
			look.Fields[f.Table] = uint64(len(g.tables[f.Table]))
		}
	}
	if q.Count {
		look.Fields, look.Listed = g.counts()
		look.Timers, look.Told = uint64(len(g.due)), uint64(len(s.statements))
	}
	if q.States {
		look.States = map[job.Status]uint64{}
		for _, status := range job.Statuses() {
			look.States[status] = uint64(len(g.lists[status]))
		}
	}
	if q.Statements {
		look.Statements = maps.Clone(s.statements)
	}
	if q.Modes {
		look.Modes = maps.Clone(s.modes)
	}
	for _, name := range q.Entries {
		if st := s.streams[name]; st != nil {
			look.Entries += uint64(len(st.entries))
		}
	}
	return look, nil
}

// open adds the values that a query asks for, without their sums.
func (g *generation) open(q views.Query, look *views.Look) error {
	for _, f := range q.Fields {
		value, err := f.Value(slices.Clone(g.tables[f.Table][f.Name]))
		if err != nil {
			return err
		}
		look.Values = append(look.Values, value)
	}
	for _, t := range q.Whole {
		table := map[string][]byte{}
		for name, stored := range g.tables[t] {
			var err error
			if table[name], err = (views.Field{Table: t, Name: name}).Value(slices.Clone(stored)); err != nil {
				return err
			}
		}
		look.Whole = append(look.Whole, table)
	}
	return nil
}

func (g *generation) list(r views.Range) []uint64 {
	var found []uint64
	for _, seq := range slices.Backward(slices.Sorted(maps.Keys(g.lists[r.Status]))) {
		if (r.Below == 0 || seq < r.Below) && len(found) < r.Limit {
			found = append(found, seq)
		}
	}
	return found
}

// Stored returns the generations of which anything is kept.
func (s *Store) Stored(ctx context.Context) ([]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[uint64]bool{}
	for n, g := range s.generations {
		if fields, listed := g.counts(); fields != [views.NumTables]uint64{} || listed > 0 || len(g.due) > 0 {
			found[n] = true
		}
	}
	for n, p := range s.positions {
		if n != 0 && p.values != nil {
			found[n] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), ctx.Err()
}

// Drop removes everything of a generation.
func (s *Store) Drop(ctx context.Context, g uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.generations, g)
	if p := s.positions[g]; g != 0 && p != nil {
		p.values = nil
		p.touched++
	}
	return nil
}

// Page returns all fields of a table.
func (s *Store) Page(ctx context.Context, g uint64, t views.Table, _ uint64) ([]views.Value, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.generationLocked(g).tables[t]
	fields := make([]views.Value, 0, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		fields = append(fields, views.Value{Field: views.Field{Table: t, Name: name}, Data: slices.Clone(table[name])})
	}
	return fields, 0, ctx.Err()
}

// PageList returns all members of a list.
func (s *Store) PageList(ctx context.Context, g uint64, status job.Status, _ uint64) ([]uint64, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.generationLocked(g).lists[status])), 0, ctx.Err()
}

// Listed reports which of the members are in their lists.
func (s *Store) Listed(ctx context.Context, g uint64, members []views.Listing) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listed := make([]bool, len(members))
	for i, m := range members {
		listed[i] = s.generationLocked(g).lists[m.Status][m.Seq]
	}
	return listed, ctx.Err()
}
