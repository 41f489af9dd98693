package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Lost is an open attempt that no runner can find: its entry is in no queue.
type Lost struct {
	Job   job.ID
	Token signing.Hash // of the event that granted the attempt
	Queue job.Queue
	Entry queue.EntryID
}

// Limits of what one round of Reconcile reads and removes at a time.
const (
	maxStrays  = 10_000
	entryPage  = 500
	streamPage = 200
)

// Reconcile makes the queues what the views say, and the engine live. Entries
// that belong to no open attempt are removed. A stream that lost its consumer
// group, or that holds ids from the future, is emptied and gets its group
// again. Runners are told again of stops. What cannot be brought back is
// returned: open attempts whose entry is gone, or whose grant a revoked key
// sealed, in the order in which they were granted.
//
// It may be called again at any time, as when somebody removed a queue.
func (e *Engine) Reconcile(ctx context.Context) ([]Lost, error) {
	if e.failed != nil {
		return nil, e.failed
	}
	for {
		lost, more, err := e.reconcile(ctx)
		switch {
		case errors.Is(err, views.ErrConflict):
			continue
		case err != nil:
			return nil, e.note(err)
		case !more:
			return lost, nil
		}
	}
}

// repair is what must change in the queues.
type repair struct {
	tx      views.Tx
	open    map[job.Queue]map[queue.EntryID]Lost
	total   uint64
	missing []Lost
	strays  int
	more    bool
}

// reconcile looks at everything under one watch of the position, so that what
// it finds and what it changes belong together.
//
// A crash within leaves some repairs undone: the next Reconcile finds them.
func (e *Engine) reconcile(ctx context.Context) (lost []Lost, more bool, err error) {
	if e.flight != nil {
		if err := e.land(ctx); err != nil {
			return nil, false, err
		}
	}
	if err := e.watch(ctx); err != nil {
		return nil, false, err
	}
	r := repair{open: map[job.Queue]map[queue.EntryID]Lost{}}
	if err := e.openAttempts(ctx, &r); err != nil {
		return nil, false, err
	}
	if err := e.giveUpRevoked(ctx, &r); err != nil {
		return nil, false, err
	}
	for _, names := range [...]map[job.Queue]queues.Count{e.queues, e.former} {
		for name := range names {
			if r.open[name] == nil {
				r.open[name] = nil
			}
		}
	}
	known := slices.SortedFunc(maps.Keys(r.open), func(a, b job.Queue) int {
		return slices.Compare([]string{a.String()}, []string{b.String()})
	})
	for page := range slices.Chunk(known, streamPage) {
		if err := e.inspectStreams(ctx, &r, page); err != nil {
			return nil, false, err
		}
	}
	if _, err := e.mendModes(ctx, &r.tx); err != nil {
		return nil, false, err
	}
	if err := e.remind(ctx, &r.tx); err != nil {
		return nil, false, err
	}
	r.tx.Generation, r.tx.Position = e.pos.Live, e.pos
	r.tx.Position.Term = e.term()
	r.tx.Position.Census.Entries = r.total - uint64(len(r.missing))
	e.seen = nil
	found, err := e.writer.Commit(ctx, &r.tx)
	if err != nil {
		return nil, false, fmt.Errorf("repair queues: %w", err)
	}
	e.pos, e.seen, e.former = r.tx.Position, &found, nil
	e.reconciled(&r, known)
	return r.missing, r.more, nil
}

// reconciled makes what was repaired this engine's memory.
func (e *Engine) reconciled(r *repair, known []job.Queue) {
	clear(e.missing)
	for _, l := range r.missing {
		e.missing[l.Job] = l.Entry
	}
	clear(e.groups)
	for _, q := range known {
		e.groups[q] = true
	}
	slices.SortFunc(r.missing, func(a, b Lost) int { return a.Entry.Compare(b.Entry) })
	e.live = e.live || !r.more
}

// openAttempts reads every open attempt.
func (e *Engine) openAttempts(ctx context.Context, r *repair) error {
	err := views.Walk(ctx, e.cfg.Views, e.pos.Live, views.Open, func(page []views.Value) error {
		for _, v := range page {
			lost, err := openAttempt(v)
			if err != nil {
				return err
			}
			of := r.open[lost.Queue]
			if of == nil {
				of = map[queue.EntryID]Lost{}
				r.open[lost.Queue] = of
			}
			if _, twice := of[lost.Entry]; !twice {
				r.total++
			}
			of[lost.Entry] = lost
		}
		return nil
	})
	if errors.Is(err, views.ErrDamaged) {
		return e.changed(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("read open attempts: %w", err)
	}
	if r.total != e.pos.Census.Fields[views.Open] {
		return e.changed(ctx, fmt.Errorf("%w: %d open attempts; there must be %d", views.ErrDamaged, r.total, e.pos.Census.Fields[views.Open]))
	}
	return nil
}

// openAttempt reads what is stored of an open attempt.
func openAttempt(v views.Value) (Lost, error) {
	data, err := v.Value(v.Data)
	if err != nil {
		return Lost{}, err
	}
	id, err := job.ParseID(v.Name)
	if err != nil {
		return Lost{}, unreadable(views.Field{Table: views.Open, Name: "a job"}, err)
	}
	a, err := jobs.ParseAttempt(data)
	if err != nil {
		return Lost{}, unreadable(v.Field, err)
	}
	return Lost{id, a.Token, a.Queue, a.Entry}, nil
}

// inspectStreams compares streams with the open attempts that belong there.
func (e *Engine) inspectStreams(ctx context.Context, r *repair, page []job.Queue) error {
	streams, err := e.cfg.Views.Streams(ctx, page)
	if err != nil {
		return fmt.Errorf("look at queues: %w", err)
	}
	end := queue.EntryID{Term: e.term(), Seq: e.pos.Seq}
	for i, q := range page {
		if !streams[i].Group || streams[i].Last.Compare(end) > 0 {
			r.tx.Clear = append(r.tx.Clear, q)
			r.tx.Groups = append(r.tx.Groups, q)
			r.missing = slices.AppendSeq(r.missing, maps.Values(r.open[q]))
			continue
		}
		missing, err := e.missingIn(ctx, q, r.open[q])
		if err != nil {
			return err
		}
		r.missing = append(r.missing, missing...)
		if streams[i].Length == uint64(len(r.open[q])-len(missing)) {
			continue
		}
		if err := e.straysIn(ctx, r, q); err != nil {
			return err
		}
	}
	return nil
}

// missingIn returns the attempts whose entries are not in their queue.
func (e *Engine) missingIn(ctx context.Context, q job.Queue, open map[queue.EntryID]Lost) ([]Lost, error) {
	var lost []Lost
	for ids := range slices.Chunk(slices.Collect(maps.Keys(open)), views.MaxMissing) {
		missing, err := e.cfg.Views.Missing(ctx, q, ids)
		if err != nil {
			return nil, fmt.Errorf("look for entries of %s: %w", q, err)
		}
		for _, id := range missing {
			lost = append(lost, open[id])
		}
	}
	return lost, nil
}

// straysIn finds entries that belong to no open attempt.
func (e *Engine) straysIn(ctx context.Context, r *repair, q job.Queue) error {
	var strays []queue.EntryID
	for after := (queue.EntryID{}); !r.more; {
		ids, err := e.cfg.Views.Entries(ctx, q, after, entryPage)
		if err != nil {
			return fmt.Errorf("read entries of %s: %w", q, err)
		}
		for _, id := range ids {
			if _, open := r.open[q][id]; !open {
				strays = append(strays, id)
			}
		}
		if len(ids) < entryPage {
			break
		}
		after = ids[len(ids)-1]
		r.more = r.strays+len(strays) >= maxStrays
	}
	if len(strays) > 0 {
		r.strays += len(strays)
		r.tx.Done = append(r.tx.Done, views.Done{Queue: q, IDs: strays})
	}
	return nil
}

// Inspect is Compare and a round of Scrub, of many values only a part of it.
func (e *Engine) Inspect(ctx context.Context) error {
	if err := e.Compare(ctx); err != nil {
		return err
	}
	const most = 20 // pages
	for range most {
		if round, err := e.Scrub(ctx); round || err != nil {
			return err
		}
	}
	return nil
}

// Compare compares how much there is with how much there must be. It returns
// [views.ErrDamaged] when somebody removed or added something: the leader then
// stops deciding about what it does not have in memory, and opens the projections
// again.
func (e *Engine) Compare(ctx context.Context) error {
	if e.failed != nil {
		return e.failed
	}
	if e.flight != nil {
		return nil // the position may be ahead of what is known
	}
	q := views.Query{Count: true}
	if e.live {
		for name, count := range e.queues {
			if count.Open() > 0 { // of many queues most are empty: scrub looks at those
				q.Entries = append(q.Entries, name)
			}
		}
	}
	look, err := e.cfg.Views.Look(ctx, q)
	switch {
	case err != nil:
		return err
	case !samePlace(look.Position, e.pos):
		return ErrFenced
	case look.Check() != nil:
		return fmt.Errorf("%w: %v fields, %d listed, %d due times, %d statements; there must be %v, %d and %d",
			views.ErrDamaged, look.Fields, look.Listed, look.Timers, look.Told,
			look.Position.Census.Fields, look.Position.Census.Due, look.Position.Statements)
	case e.live && look.Entries != look.Position.Census.Entries:
		return fmt.Errorf("%w: %d entries; there must be %d", errQueues, look.Entries, look.Position.Census.Entries)
	case look.Position.Live != e.pos.Live:
		return nil // the next turn finds out
	}
	if !e.live {
		return nil
	}
	return e.note(e.inspectModes(ctx))
}
