package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// maxStops bounds how many notices of stops one transaction sends, and how many
// jobs a leader that takes over reminds runners of. What nobody is told of ends
// when its entry is withdrawn, or with [job.StopLimit].
const maxStops = 1000

// Stopping returns how many jobs are to be stopped and have no outcome yet.
func (e *Engine) Stopping() uint64 { return e.stopping.Load() }

// setQueues makes these the counts of all queues.
func (e *Engine) setQueues(counts map[job.Queue]queues.Count) {
	e.queues = counts
	e.busy.reset()
	var stopping uint64
	for q, c := range counts {
		stopping += c.Stopping
		e.busy.note(q, c)
	}
	e.stopping.Store(stopping)
}

// setQueue makes this the count of one.
func (e *Engine) setQueue(q job.Queue, c queues.Count) {
	e.stopping.Add(c.Stopping - e.queues[q].Stopping) // wraps around to a subtraction
	e.queues[q] = c
	e.busy.note(q, c)
}

// stopping is a job that is to be stopped, and the proof of that.
type stopping struct {
	job    job.ID
	record *jobs.Record
	proof  signing.Proof
}

// applyStop remembers to tell runners of a stop.
func (b *batch) applyStop(j *workJob, e *history.Entry) {
	if b.e.live {
		b.stops = append(b.stops, stopping{j.id, &j.record, b.prove(e)})
	}
}

// emitStops tells runners of the stops that are still to be made.
func (b *batch) emitStops(ctx context.Context) error {
	left := slices.DeleteFunc(b.stops, func(s stopping) bool { return s.record.Status != job.Ending })
	notices, err := b.e.stopNotices(ctx, left, b.joined())
	b.tx.Notices = append(b.tx.Notices, notices...)
	return err
}

// joined returns the runner ids whose processes the batch brought, by their
// kinds: the views may not know them yet.
func (b *batch) joined() map[domain.Name][]domain.Name {
	found := map[domain.Name][]domain.Name{}
	for _, p := range b.processOrder {
		if p.exists && !p.existed {
			for _, kind := range p.record.Kinds {
				id, _, _ := strings.Cut(p.key, "/")
				found[kind] = append(found[kind], domain.Name(id))
			}
		}
	}
	return found
}

// stopNotices tells whoever may hold an attempt that it is to be stopped: the
// runner that runs it, or the one whose queue it stands in, or else every
// runner that takes from there.
//
// Runners that miss a notice, because a stream was removed or one was too many,
// find out when their entry is gone.
func (e *Engine) stopNotices(ctx context.Context, stops []stopping, fresh map[domain.Name][]domain.Name) ([]views.Notice, error) {
	var notices []views.Notice
	var anybody []stopping
	tell := func(id domain.Name, s stopping) {
		if len(notices) < maxStops {
			notices = append(notices, views.Notice{Runner: id, Notice: queue.Notice{Kind: queue.NoticeStop, Proof: s.proof}})
		}
	}
	for _, s := range stops {
		if id, own := s.record.Queue.Runner(); s.record.Runner != "" {
			tell(s.record.Runner, s)
		} else if own {
			tell(id, s)
		} else {
			anybody = append(anybody, s)
		}
	}
	if len(anybody) == 0 {
		return notices, nil
	}
	serving, err := e.serving(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range anybody {
		kind := s.record.Queue.Name()
		ids := slices.Concat(serving[kind], fresh[kind])
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			tell(id, s)
		}
	}
	return notices, nil
}

// serving returns the runner ids that take jobs of each kind.
func (e *Engine) serving(ctx context.Context) (map[domain.Name][]domain.Name, error) {
	known, err := (&runners.Reader{Views: e.cfg.Views}).List(ctx)
	if err != nil {
		return nil, err
	}
	found := map[domain.Name][]domain.Name{}
	for _, r := range known {
		for _, p := range r.Processes {
			if p.State == runners.Gone {
				continue
			}
			for _, kind := range p.Kinds {
				found[kind] = append(found[kind], r.ID)
			}
		}
	}
	return found, nil
}

// remind has a transaction tell runners again of jobs that are to be stopped:
// the leader before may have stopped itself between recording a stop and
// telling anybody.
func (e *Engine) remind(ctx context.Context, tx *views.Tx) error {
	if e.Stopping() == 0 {
		return nil
	}
	look, err := e.cfg.Views.Look(ctx, views.Query{Lists: []views.Range{{Status: job.Ending, Limit: maxStops}}})
	var stops []stopping
	if err == nil {
		stops, err = e.toStop(ctx, look.Lists[0])
	}
	if err == nil {
		tx.Notices, err = e.stopNotices(ctx, stops, nil)
	}
	if errors.Is(err, views.ErrDamaged) {
		return e.changed(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("remind of stops: %w", err)
	}
	return nil
}

// toStop reads jobs by the places of their submissions, and proves that they
// are to be stopped.
func (e *Engine) toStop(ctx context.Context, seqs []uint64) ([]stopping, error) {
	raws, err := e.cfg.Log.Get(ctx, seqs)
	if err != nil {
		return nil, err
	}
	stops := make([]stopping, len(raws))
	fields := make([]views.Field, len(raws))
	for i, raw := range raws {
		entry, err := history.ParseEntry(raw.Seq, raw.Event)
		if err == nil {
			stops[i].job, err = job.ParseID(entry.Aggregate.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: a list names %d as a submission", views.ErrDamaged, raw.Seq)
		}
		fields[i] = views.Field{Table: views.Jobs, Name: stops[i].job.String()}
	}
	values, err := e.writer.Read(ctx, e.pos.Live, fields)
	if err != nil {
		e.seen = nil
		return nil, err
	}
	for i, f := range fields {
		data, err := f.Value(values[i])
		if err != nil {
			return nil, err
		}
		record, err := jobs.ParseRecord(data)
		if err != nil {
			return nil, unreadable(f, err)
		}
		stops[i].record = &record
	}
	return stops, e.proveStops(ctx, stops)
}

// proveStops reads the commits in which the stops stand: they come in order, so
// that each commit is read once.
func (e *Engine) proveStops(ctx context.Context, stops []stopping) error {
	slices.SortFunc(stops, func(a, b stopping) int { return cmp.Compare(a.record.Stop.Seq, b.record.Stop.Seq) })
	var last *history.Commit
	for i := range stops {
		seq := stops[i].record.Stop.Seq
		if last == nil || last.Seal.Last() < seq {
			var err error
			if last, err = e.commitAt(ctx, seq); err != nil {
				return err
			}
		}
		if last == nil || last.Seal.First > seq {
			return fmt.Errorf("%w: job %s names %d as its stop", views.ErrDamaged, stops[i].job, seq)
		}
		stops[i].proof = proofs.Of(last, seq)
	}
	return nil
}
