package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/projections/views"
)

// Report says what a rebuild found.
type Report struct {
	Events     uint64      `json:"events"`              // that were folded
	Generation uint64      `json:"generation"`          // that is live now
	Compared   uint64      `json:"compared"`            // values of the old views that were compared with the new ones
	Difference *Difference `json:"difference,omitzero"` // the first that was found; nil if there is none
}

// Difference is a value that the old views had otherwise than the log says.
type Difference struct {
	Key  string `json:"key"`  // name of the table or list
	Name string `json:"name"` // of the field, or member of the list; empty for the key itself
	Old  string `json:"old"`  // empty if there was none
	New  string `json:"new"`  // empty if there is none
}

// String names the difference for people.
func (d *Difference) String() string {
	return fmt.Sprintf("%s %s was %q and is %q", d.Key, d.Name, d.Old, d.New)
}

// Progress is called now and then with how far a rebuild is.
type Progress func(done, of uint64)

// maxSwitch is how often a rebuild tries to be as far as a leader that works at
// the same time: each try wins if no turn of the leader falls into it. A lost
// reply costs one more.
const maxSwitch = 10_000

// Rebuild fills a generation from the founding on, beside the live one and
// while a leader may be working, compares both value by value, and makes the
// new one live. The queues are not touched.
//
// A crash leaves the live generation as it is; what was filled of the other is
// removed by the next Rebuild. Two rebuilds at once: the later one wins, the
// earlier ends with [ErrFenced]. With nothing projected yet there is nothing to
// rebuild: [domain.NotFound].
func Rebuild(ctx context.Context, cfg Config, progress Progress) (Report, error) {
	if progress == nil {
		progress = func(uint64, uint64) {}
	}
	r := rebuild{cfg: cfg, writer: cfg.Views.Writer(0), progress: progress, suspects: map[suspect]bool{}}
	report, err := r.run(ctx)
	err = errors.Join(err, r.writer.Close())
	if r.filler != nil {
		err = errors.Join(err, r.filler.Close())
	}
	if err != nil {
		return report, fmt.Errorf("rebuild views of partition %d: %w", cfg.Partition, err)
	}
	return report, nil
}

type rebuild struct {
	cfg      Config
	writer   views.Writer // of the partition's position
	filler   *Engine
	progress Progress
	report   Report
	suspects map[suspect]bool
	strange  *Difference // a key of the old generation that is none; nil if there is none
}

func (r *rebuild) run(ctx context.Context) (Report, error) {
	old, err := r.begin(ctx)
	if err != nil {
		return r.report, err
	}
	if err := r.fillTo(ctx, old.Seq); err != nil {
		return r.report, err
	}
	if err := r.compare(ctx, old.Live, r.report.Generation); err != nil {
		return r.report, err
	}
	if err := r.change(ctx); err != nil {
		return r.report, err
	}
	// A crash before this leaves the old generation beside the new one, where
	// the next rebuild removes it.
	if err := r.cfg.Views.Drop(ctx, old.Live); err != nil {
		return r.report, fmt.Errorf("drop generation %d: %w", old.Live, err)
	}
	return r.report, nil
}

// begin announces a new generation and removes what no one reads.
//
// A crash behind the announcement leaves a number that nobody fills: the next
// rebuild takes the one above it.
func (r *rebuild) begin(ctx context.Context) (views.Position, error) {
	var fresh uint64
	var left []uint64 // by others, before this one was announced: what comes later is somebody's
	old, err := r.update(ctx, func(p *views.Position, stored []uint64) error {
		if p.Live == 0 {
			return domain.Errorf(domain.NotFound, "nothing_projected", "there are no views yet: start the supervisor")
		}
		fresh = max(p.Live, p.Filling)
		for _, g := range stored {
			fresh = max(fresh, g)
		}
		fresh++
		p.Filling, left = fresh, stored
		return nil
	})
	if err != nil {
		return old, err
	}
	for _, g := range left {
		if g != old.Live {
			if err := r.cfg.Views.Drop(ctx, g); err != nil {
				return old, fmt.Errorf("drop generation %d: %w", g, err)
			}
		}
	}
	cfg := r.cfg
	cfg.Term, cfg.OnFolded = 0, nil
	r.filler = newEngine(cfg, fresh)
	r.report.Generation = fresh
	return old, r.filler.fillFrom(ctx, fresh)
}

// update changes the partition's position, whoever else does at the same time.
func (r *rebuild) update(ctx context.Context, change func(p *views.Position, stored []uint64) error) (views.Position, error) {
	for {
		p, err := r.writer.Watch(ctx)
		if err != nil {
			return p, err
		}
		stored, err := r.cfg.Views.Stored(ctx)
		if err != nil {
			return p, err
		}
		if err := change(&p, stored); err != nil {
			return p, err
		}
		_, err = r.writer.Commit(ctx, &views.Tx{Generation: p.Live, Position: p})
		if !errors.Is(err, views.ErrConflict) {
			return p, err
		}
	}
}

// fillFrom begins to fill a generation: its own position fences it.
func (e *Engine) fillFrom(ctx context.Context, generation uint64) error {
	p, err := e.writer.Watch(ctx)
	if err != nil {
		return err
	}
	if p != (views.Position{}) {
		return ErrFenced
	}
	e.pos, e.seen = p, &p
	begun := views.Position{Live: generation}
	found, err := e.writer.Commit(ctx, &views.Tx{Generation: generation, Position: begun})
	if err != nil {
		return fmt.Errorf("begin generation %d: %w", generation, err)
	}
	e.pos, e.seen = begun, &found
	return nil
}

// fillTo folds the log up to a place, which is the end of a commit.
func (r *rebuild) fillTo(ctx context.Context, seq uint64) error {
	e := r.filler
	e.limit = seq
	log := ahead{e: e}
	defer log.stop()
	for e.pos.Seq < seq {
		steps, err := log.read(ctx)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			return &history.Fault{Seq: e.pos.Seq + 1, Why: domain.Errorf(domain.Halted, "log_lost", "the views reach %d, and the log ends before", seq)}
		}
		e.flight = &flight{steps: steps}
		r.report.Events += steps[len(steps)-1].head.Seq - e.pos.Seq
		if err := e.land(ctx); err != nil {
			return err
		}
		r.progress(e.pos.Seq, seq)
	}
	return nil
}

// change makes the new generation live once it is where the old one is.
//
// A crash before the commit leaves the old one live and whole; a crash behind
// it the new one. An engine that works finds the change with its next turn and
// goes on in the new generation.
func (r *rebuild) change(ctx context.Context) error {
	whole := false
	for range maxSwitch {
		p, err := r.writer.Watch(ctx)
		if err != nil {
			return err
		}
		if p.Live == r.report.Generation {
			return nil // it had been changed, and the reply was lost
		}
		if p.Filling != r.report.Generation {
			return ErrFenced
		}
		if err := r.fillTo(ctx, p.Seq); err != nil {
			return err
		}
		filled := r.filler.pos
		if filled.Seal != p.Seal || filled.Statements != p.Statements {
			return &history.Fault{Seq: p.Seq, Why: domain.Errorf(domain.Halted, "log_lost", "the log does not have the commit at %d that the views were built from", p.Seq)}
		}
		if !whole {
			if whole, err = r.complete(ctx, p); err == nil && !whole {
				whole, err = true, r.compare(ctx, r.report.Generation, p.Live)
			}
			if err != nil {
				return err
			}
		}
		if r.report.Difference, err = r.compareAgain(ctx, p.Live); err != nil {
			return err
		}
		next := p
		next.Live, next.Filling = filled.Live, 0
		next.Census.Fields, next.Census.Due = filled.Census.Fields, filled.Census.Due
		_, err = r.writer.Commit(ctx, &views.Tx{Generation: next.Live, Position: next})
		if err == nil {
			return nil
		}
	}
	return domain.Errorf(domain.TryAgain, "busy", "the leader was always faster: try again when there is less to do")
}
