// Package queues is the read model of work queues: how many jobs of each wait
// and run, and since when the oldest waits for a runner.
//
//	depths, err := reader.Depths(ctx)
package queues

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
)

// Depth is how full a queue is.
type Depth struct {
	Queue job.Queue
	Count
	// Oldest is when the oldest attempt was granted that no runner was given
	// yet; zero if there is none.
	Oldest event.Time
}

// Reader reads queues of one partition. It is safe for concurrent use.
type Reader struct {
	Views   views.Reader
	Streams views.Streams
	Log     eventstore.Log
}

// counts returns the depths by name, without their oldest attempts.
func (r *Reader) counts(ctx context.Context) ([]Depth, error) {
	look, err := r.Views.Look(ctx, views.Query{Whole: []views.Table{views.Queues}})
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	depths := make([]Depth, 0, len(look.Whole[0]))
	for name, data := range look.Whole[0] {
		q, err1 := job.ParseQueue(name)
		count, err2 := ParseCount(data)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("list queues: %w: %s", views.ErrDamaged, name)
		}
		depths = append(depths, Depth{Queue: q, Count: count})
	}
	slices.SortFunc(depths, func(a, b Depth) int { return cmp.Compare(a.Queue.String(), b.Queue.String()) })
	return depths, nil
}

// Depths returns how full every queue is, by name: two round trips, and one
// more when anything waits.
func (r *Reader) Depths(ctx context.Context) ([]Depth, error) {
	depths, err := r.counts(ctx)
	if err != nil || len(depths) == 0 {
		return nil, err
	}
	names := make([]job.Queue, len(depths))
	for i := range depths {
		names[i] = depths[i].Queue
	}
	streams, err := r.Streams.Streams(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("look at queues: %w", err)
	}
	var at []int
	var seqs []uint64
	for i := range streams {
		if seq := streams[i].Waiting.Seq; seq != 0 {
			at, seqs = append(at, i), append(seqs, seq)
		}
	}
	if len(seqs) == 0 {
		return depths, nil
	}
	raws, err := r.Log.Get(ctx, seqs)
	if err != nil {
		return nil, fmt.Errorf("read oldest grants: %w", err)
	}
	for i, raw := range raws {
		if e, err := history.ParseEntry(raw.Seq, raw.Event); err == nil { // a stray names no event
			depths[at[i]].Oldest = e.At
		}
	}
	return depths, nil
}

// Marks returns the lowest place that an open grant of each queue has, or can
// still get where none is open: what stands below was finished.
func (r *Reader) Marks(ctx context.Context, queues []job.Queue) ([]runner.Mark, error) {
	look, err := r.Views.Look(ctx, views.Query{})
	if err != nil {
		return nil, fmt.Errorf("look for marks: %w", err)
	}
	streams, err := r.Streams.Streams(ctx, queues)
	if err != nil {
		return nil, fmt.Errorf("look for marks: %w", err)
	}
	marks := make([]runner.Mark, len(queues))
	for i, q := range queues {
		marks[i] = runner.Mark{Queue: q, Seq: look.Position.Seq + 1}
		if first := streams[i].First.Seq; first != 0 {
			marks[i].Seq = min(marks[i].Seq, first)
		}
	}
	return marks, nil
}
