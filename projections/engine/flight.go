package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/herocode/horus/projections/views"
)

// flight is what was followed and is not settled in the views yet.
type flight struct {
	steps []step
	batch *batch // steps folded; nil before, and when they must be folded again
}

// land folds the flight and commits it, until it is settled or nobody can know.
//
// A crash before the commit leaves the views as they were: the next engine
// folds the same commits. A crash behind it leaves views, queue entries,
// notices and position, all of them or none: the next engine goes on behind
// them.
func (e *Engine) land(ctx context.Context) error {
	for {
		if err := e.watch(ctx); err != nil {
			return err
		}
		if e.flight == nil {
			return nil // it had been kept, and the reply was lost
		}
		if e.flight.batch == nil {
			b, err := e.fold(ctx, e.flight.steps)
			if errors.Is(err, views.ErrDamaged) {
				err = e.changed(ctx, err)
			}
			if errors.Is(err, views.ErrConflict) {
				continue
			}
			if err != nil {
				return err
			}
			e.flight.batch = b
		}
		tx := e.flight.batch.tx
		e.seen = nil
		found, err := e.writer.Commit(ctx, tx)
		if errors.Is(err, views.ErrConflict) {
			continue
		}
		if err != nil { // whether it was kept is found by comparing positions
			return fmt.Errorf("commit up to %d: %w", tx.Position.Seq, err)
		}
		e.settle(tx.Position)
		e.seen = &found
		return nil
	}
}

// watch makes sure that the position is watched and where this engine put it.
// A flight that turns out to have been kept is settled.
func (e *Engine) watch(ctx context.Context) error {
	if e.seen == nil {
		found, err := e.writer.Watch(ctx)
		if err != nil {
			return fmt.Errorf("watch the position: %w", err)
		}
		e.seen = &found
	}
	if *e.seen == e.pos {
		return nil
	}
	if e.flight != nil && e.flight.batch != nil {
		if sent := e.flight.batch.tx.Position; samePlace(*e.seen, sent) {
			e.settle(sent)
		}
	}
	if !samePlace(*e.seen, e.pos) {
		return ErrFenced
	}
	return e.adopt(ctx, *e.seen)
}

// changed tells a generation that was removed under our eyes, because a rebuild
// made another one live, from one that somebody damaged: the first is
// [views.ErrConflict], and what was done is done again.
func (e *Engine) changed(ctx context.Context, damage error) error {
	live := e.pos.Live
	e.seen = nil
	if err := e.watch(ctx); err != nil {
		return err
	}
	if e.pos.Live != live {
		return views.ErrConflict
	}
	if errors.Is(damage, errQueues) || e.fill != 0 {
		return damage
	}
	return e.condemn(ctx, damage)
}

// condemn makes the live views such that nobody takes them on: whoever leads
// next begins anew.
//
// A crash before it leaves damage that the next engine finds as this one did.
func (e *Engine) condemn(ctx context.Context, damage error) error {
	p := e.pos
	p.Census.Fields = views.Condemned().Fields
	e.seen = nil
	_, err := e.writer.Commit(ctx, &views.Tx{Generation: p.Live, Position: p})
	if errors.Is(err, views.ErrConflict) {
		err = nil // whoever touched the position looks for himself
	}
	return errors.Join(damage, err)
}

// samePlace reports whether two positions differ at most in what a rebuild
// changes.
func samePlace(a, b views.Position) bool {
	return a.Term == b.Term && a.Seq == b.Seq && a.Seal == b.Seal && a.Statements == b.Statements
}

// adopt takes over what a rebuild changed: which generation is live, and
// whether one is being filled.
func (e *Engine) adopt(ctx context.Context, p views.Position) error {
	if e.flight != nil {
		e.flight.batch = nil // it was folded into another generation, or names another one as filling
	}
	if p.Live != e.pos.Live {
		e.jobs.reset()
		e.runners.reset()
		e.processes.reset()
		if err := e.loadQueues(ctx, p); err != nil {
			e.seen = nil
			return err
		}
	}
	e.pos = p
	return nil
}

// settle makes what was committed this engine's memory.
func (e *Engine) settle(p views.Position) {
	b := e.flight.batch
	e.flight, e.pos = nil, p
	b.remember()
	e.passed.Store(p.Seq)
	e.watches.tell(b.jobOrder)
	if e.cfg.OnFolded != nil {
		b.folded.Through, b.folded.Latest, b.folded.Live = p.Seq, p.Latest, e.live
		e.cfg.OnFolded(b.folded)
	}
}
