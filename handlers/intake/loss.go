package intake

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
)

// compare looks for the youngest seal that a joining process has seen. Where the
// log lacks it, it lost its end, and the process is who remembers.
func (in *Intake) compare(ctx context.Context, b *bundle) error {
	join, ok := b.Reports[0].(runner.Join)
	if !ok || join.Seen == nil {
		return nil
	}
	from, err := eventstore.LostFrom(ctx, in.cfg.History, *join.Seen)
	if domain.CodeOf(err) == domain.Halted { // a runner's word alone stops nobody
		in.cfg.Log.ErrorContext(ctx, "a runner has seen another history", "runner", string(b.Runner), "error", err)
		return nil
	}
	b.lacks = from
	return err
}

// declare has the history say what it lost, on the process' word. What cannot be
// declared, because a seal is forged or of a term that this one cannot judge,
// keeps nobody from joining.
func (in *Intake) declare(tx *eventstore.Tx, b *bundle, join runner.Join, by eventstore.By) {
	if b.lacks == 0 {
		return
	}
	_, err := tx.DeclareLoss(by, b.lacks, *join.Seen)
	switch {
	case domain.ReasonOf(err) == "seal_term": // a loss of this term ends it with the next append, and the next one declares it
		in.cfg.Log.Warn("a runner has seen a seal of this term that the log lacks", "runner", string(b.Runner), "error", err)
	case err != nil:
		in.cfg.Log.Error("a runner has seen a seal that the log lacks, and it cannot be declared", "runner", string(b.Runner), "error", err)
	}
}
