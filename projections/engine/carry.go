package engine

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
)

// wanted is something that a queue entry carries besides the event that grants
// its attempt.
type wanted struct {
	of   *workJob
	seq  uint64
	read func(*workJob, history.Raw) error
}

// submissions reads what queue entries carry and their granting events do not
// hold: the signed jobs, and the checkpoints that attempts begin with. Both
// stand in the log, so that one round trip gets them.
func (b *batch) submissions(ctx context.Context) error {
	if !b.e.live {
		return nil
	}
	var want []wanted
	var seqs []uint64
	need := func(j *workJob, seq uint64, read func(*workJob, history.Raw) error) {
		want, seqs = append(want, wanted{j, seq, read}), append(seqs, seq)
	}
	for _, j := range b.jobOrder {
		if !j.granted || j.open.Entry.Seq == j.record.Submitted() {
			continue
		}
		need(j, j.record.Submitted(), readSubmission)
		if !j.grant.kept.IsZero() {
			need(j, j.grant.keptAt.Seq, readCheckpoint)
		}
	}
	if len(want) == 0 {
		return nil
	}
	raws, err := b.e.cfg.Log.Get(ctx, seqs)
	if err != nil {
		return fmt.Errorf("read submissions: %w", err)
	}
	for i, w := range want {
		if err := w.read(w.of, raws[i]); err != nil {
			return &history.Fault{Seq: w.seq, Why: err}
		}
	}
	return nil
}

// readSubmission reads a job from the event that submitted it. Whether it is the
// one that was granted is for the runner to check, who trusts nobody.
func readSubmission(j *workJob, raw history.Raw) error {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil {
		return err
	}
	submitted, ok := e.Data.(job.Submitted)
	if !ok || e.Aggregate.ID != j.id.String() {
		return domain.Errorf(domain.Halted, "views_damaged", "the view names %s as the submission of job %s", e.Type, j.id)
	}
	j.grant.submission = &submitted.Submission
	return nil
}

// readCheckpoint reads what an attempt begins with from the bundle that handed
// it over.
func readCheckpoint(j *workJob, raw history.Raw) error {
	data, err := checkpointIn(raw, j.grant.keptAt, j.grant.kept)
	if err != nil {
		return domain.Errorf(domain.Halted, "views_damaged", "the view names %d as the checkpoint of job %s: %v", raw.Seq, j.id, err)
	}
	j.grant.checkpoint = data
	return nil
}

func checkpointIn(raw history.Raw, at jobs.Place, want signing.Hash) ([]byte, error) {
	report, err := jobs.ReportAt(raw, at)
	if err != nil {
		return nil, err
	}
	kept, ok := report.(runner.Checkpoint)
	if !ok || kept.Hash() != want {
		return nil, domain.Errorf(domain.Halted, "checkpoint", "it is another one")
	}
	return kept.Data, nil
}
