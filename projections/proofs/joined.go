package proofs

import (
	"context"
	"fmt"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/views"
)

// Joins proves to processes that they joined. It is safe for concurrent use.
type Joins struct {
	Views  views.Reader
	Source Source
}

// Joined proves the runner.joined event of a process that said nothing since.
// ok is false when the views know of none: they may be behind.
func (j *Joins) Joined(ctx context.Context, id domain.Name, process string) (p signing.Proof, ok bool, err error) {
	bundles := event.Aggregate{Kind: event.Report, ID: runner.AggregateID(id, process)}
	look, err := j.Views.Look(ctx, views.Query{Fields: []views.Field{{Table: views.Tips, Name: bundles.String()}}})
	if err != nil {
		return p, false, fmt.Errorf("look up %s: %w", bundles, err)
	}
	if look.Values[0] == nil {
		return p, false, nil
	}
	seq, err := strconv.ParseUint(string(look.Values[0]), 10, 64)
	if err != nil {
		return p, false, fmt.Errorf("look up %s: %w", bundles, views.ErrDamaged)
	}
	commit, err := j.Source.Commit(ctx, seq)
	if err != nil || commit == nil {
		return p, false, err
	}
	for i := range commit.Entries { // a bundle and what it decides are one commit
		e := &commit.Entries[i]
		joined, is := history.FactOf[runner.Joined](e)
		if is && e.Aggregate == (event.Aggregate{Kind: event.Runner, ID: string(id)}) && joined.Data.Process == process {
			return Of(commit, e.Seq), true, nil
		}
	}
	return p, false, nil
}
