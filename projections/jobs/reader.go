package jobs

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/projections/views"
)

// Job is everything that is known of a job.
type Job struct {
	ID      job.ID
	Spec    job.Spec        // what it asks for, with defaults
	Hash    signing.Hash    // of its content
	Signers []signing.KeyID // empty when nobody signed it
	Record
	Result  string // what it returned
	Message string // why it failed, in its runner's words
	Exit    int32  // exit code of its process; 0 if there was none
}

// Reader reads jobs of one partition. It is safe for concurrent use.
type Reader struct {
	Views     views.Reader
	Log       eventstore.Log
	Namespace domain.Name
	Partition uint16
}

// Record returns what the view keeps of a job, after it has reached the end
// that the log has now. No such job is [domain.NotFound]; a view that lags for
// longer than [views.MaxLag] is [domain.TryAgain].
func (r *Reader) Record(ctx context.Context, id job.ID) (Record, error) {
	fields := []views.Field{{Table: views.Jobs, Name: id.String()}}
	look, err := views.Current(ctx, r.Views, views.Query{Fields: fields})
	if err != nil {
		return Record{}, fmt.Errorf("look for job: %w", err)
	}
	if look.Values[0] == nil {
		return Record{}, r.absent(ctx)
	}
	return ParseRecord(look.Values[0])
}

// absent tells a job that never was from a view that somebody damaged.
func (r *Reader) absent(ctx context.Context) error {
	look, err := r.Views.Look(ctx, views.Query{Count: true})
	if err == nil {
		err = look.Check()
	}
	if err != nil {
		return fmt.Errorf("look for job: %w", err)
	}
	return domain.Errorf(domain.NotFound, "job", "no such job")
}

// Get returns a job with what it runs and what it returned. Its errors are
// those of Record.
func (r *Reader) Get(ctx context.Context, id job.ID) (Job, error) {
	record, err := r.Record(ctx, id)
	if err != nil {
		return Job{}, err
	}
	j := Job{ID: id, Record: record}
	seqs := []uint64{record.Submitted()}
	if record.Outcome.Seq != 0 {
		seqs = append(seqs, record.Outcome.Seq)
	}
	raws, err := r.Log.Get(ctx, seqs)
	if err != nil {
		return Job{}, fmt.Errorf("read job %s: %w", id, err)
	}
	if err := j.open(raws[0]); err != nil {
		return Job{}, err
	}
	if len(raws) > 1 {
		return j, j.outcome(raws[1])
	}
	return j, nil
}

// open reads what the job asks for from the event that submitted it, and takes
// its id from there.
func (j *Job) open(raw history.Raw) error {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil {
		return misplaced(raw.Seq, "a submission")
	}
	submitted, ok := e.Data.(job.Submitted)
	id, err := job.ParseID(e.Aggregate.ID)
	if !ok || err != nil || !j.ID.IsZero() && j.ID != id {
		return misplaced(raw.Seq, "a submission")
	}
	opened, err := submitted.Submission.Open()
	if err != nil {
		return misplaced(raw.Seq, "a submission")
	}
	j.ID, j.Spec, j.Hash, j.Signers = id, opened.Spec, opened.Hash, opened.Signers
	return nil
}

// outcome reads how the job ended from its runner's report.
func (j *Job) outcome(raw history.Raw) error {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil {
		return misplaced(raw.Seq, "a bundle")
	}
	reported, ok := e.Data.(runner.Reported)
	if !ok {
		return misplaced(raw.Seq, "a bundle")
	}
	bundle, err := reported.Bundle()
	if err != nil || j.Outcome.Index >= len(bundle.Reports) {
		return misplaced(raw.Seq, "a bundle")
	}
	switch report := bundle.Reports[j.Outcome.Index].(type) {
	case runner.Completed:
		j.Result = report.Result
	case runner.Failed:
		j.Result, j.Message, j.Exit = report.Result, report.Message, report.Exit
	default:
		return misplaced(raw.Seq, "an outcome")
	}
	return nil
}

func misplaced(seq uint64, what string) error {
	return domain.Errorf(domain.Halted, "views_damaged", "the views look for %s at %d, and the log has something else there", what, seq)
}

// History returns the job's events as they are stored, in order, each with the
// proof that a supervisor sealed it at its place. Its errors are those of
// Record.
func (r *Reader) History(ctx context.Context, id job.ID) ([]signing.Proof, error) {
	record, err := r.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	source := proofs.Source{Log: r.Log, Namespace: r.Namespace, Partition: r.Partition}
	var commit *history.Commit
	found := make([]signing.Proof, 0, len(record.Events))
	for _, seq := range record.Events {
		if commit == nil || commit.Seal.Last() < seq {
			if commit, err = source.Commit(ctx, seq); err != nil {
				return nil, fmt.Errorf("read history of job %s: %w", id, err)
			}
			if commit == nil {
				return nil, misplaced(seq, "an event")
			}
		}
		found = append(found, proofs.Of(commit, seq))
	}
	return found, nil
}
