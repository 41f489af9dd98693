package memviews

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// writer is fenced by one position.
type writer struct {
	store   *Store
	fill    uint64
	watched *uint64 // how often the position had been touched; nil when it is not watched
}

// Writer returns a writer.
func (s *Store) Writer(fill uint64) views.Writer { return &writer{store: s, fill: fill} }

// Watch returns the position and begins to watch it.
func (w *writer) Watch(ctx context.Context) (views.Position, error) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return w.watchLocked(ctx)
}

func (w *writer) watchLocked(ctx context.Context) (views.Position, error) {
	w.watched = nil
	if err := ctx.Err(); err != nil {
		return views.Position{}, err
	}
	p := w.store.positionLocked(w.fill)
	touched := p.touched
	w.watched = &touched
	return p.parse()
}

// Read returns fields of a generation.
func (w *writer) Read(ctx context.Context, generation uint64, fields []views.Field) ([][]byte, error) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	g := w.store.generationLocked(generation)
	values := make([][]byte, len(fields))
	for i, f := range fields {
		values[i] = slices.Clone(g.tables[f.Table][f.Name])
	}
	return values, ctx.Err()
}

// Commit writes all of tx, or nothing.
func (w *writer) Commit(ctx context.Context, tx *views.Tx) (views.Position, error) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return views.Position{}, err
	}
	watched := w.watched
	w.watched = nil
	var lost error
	if w.store.OnCommit != nil {
		var keep bool
		if keep, lost = w.store.OnCommit(); !keep {
			return views.Position{}, lost
		}
	}
	if watched == nil || *watched != w.store.positionLocked(w.fill).touched {
		return views.Position{}, views.ErrConflict
	}
	good := w.store.apply(tx, w.fill)
	switch {
	case lost != nil:
		return views.Position{}, lost
	case !good:
		return views.Position{}, views.ErrDamaged
	}
	return w.watchLocked(ctx)
}

// Close gives up the watch.
func (w *writer) Close() error {
	w.watched = nil
	return nil
}

// apply carries out a transaction, and reports whether all of it could be.
func (s *Store) apply(tx *views.Tx, fill uint64) (good bool) {
	g := s.generationLocked(tx.Generation)
	for _, v := range tx.Set {
		g.tables[v.Table][v.Name] = slices.Clone(v.Data)
	}
	for _, f := range tx.Unset {
		delete(g.tables[f.Table], f.Name)
	}
	for _, l := range tx.Unlisted {
		delete(g.lists[l.Status], l.Seq)
	}
	for _, l := range tx.Listed {
		g.lists[l.Status][l.Seq] = true
	}
	for _, d := range tx.Due {
		if d.At.IsZero() {
			delete(g.due, d.Job.String())
		} else {
			g.due[d.Job.String()] = float64(d.At)
		}
	}
	if tx.Forget {
		clear(s.statements)
	}
	for _, st := range tx.Statements {
		s.statements[queue.StatementField(st.Number)] = slices.Clone(st.Data)
	}
	if tx.ResetModes {
		clear(s.modes)
	}
	for _, w := range tx.Modes {
		if s.modes[w.Field] = w.Text; w.Text == "" {
			delete(s.modes, w.Field)
		}
	}
	good = s.applyQueues(tx)
	p := s.positionLocked(fill)
	p.values = tx.Position.Values()
	p.touched++
	return good
}

func (s *Store) applyQueues(tx *views.Tx) (good bool) {
	good = true
	for _, q := range tx.Clear {
		delete(s.streams, q)
	}
	for _, q := range tx.Groups {
		if st := s.streamLocked(q); !st.group {
			st.group, st.delivered = true, queue.EntryID{}
		}
	}
	for i := range tx.Queued {
		a := &tx.Queued[i]
		good = s.streamLocked(a.Queue).add(a.ID, a.Fields()) && good
	}
	for _, d := range tx.Done {
		s.finish(d.Queue, d.IDs)
	}
	for i := range tx.Notices {
		n := &tx.Notices[i]
		s.notices[n.Runner] = append(s.notices[n.Runner], pairs(n.Fields()))
	}
	return good
}

func (s *Store) finish(q job.Queue, ids []queue.EntryID) {
	if st := s.streams[q]; st != nil {
		st.remove(ids)
	}
}
