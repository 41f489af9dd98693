package jobs

import (
	"cmp"
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
	Result  string // what it, or the attempt that failed, returned
	Message string // why that failed, in its runner's words
	Exit    int32  // exit code of its process; 0 if there was none
	Doing   string // how far the last attempt is, in its words
}

// Most returns how many attempts the job has that count.
func (j *Job) Most() uint32 { return cmp.Or(j.MaxAttempts, j.Spec.Policy.MaxAttempts) }

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

// Get returns a job with what it runs, what it returned and how far it is. Its
// errors are those of Record, and [domain.NotFound] with the reason "deleted".
func (r *Reader) Get(ctx context.Context, id job.ID) (Job, error) {
	record, err := r.Record(ctx, id)
	if err != nil {
		return Job{}, err
	}
	if err := record.Deleted(); err != nil {
		return Job{}, err
	}
	j := Job{ID: id, Record: record}
	seqs := []uint64{record.Submitted()}
	for _, seq := range [...]uint64{record.Outcome.Seq, record.Progress.Seq} {
		if seq != 0 {
			seqs = append(seqs, seq)
		}
	}
	raws, err := r.Log.Get(ctx, seqs)
	if err != nil {
		return Job{}, fmt.Errorf("read job %s: %w", id, err)
	}
	if err := j.open(raws[0]); err != nil {
		return Job{}, err
	}
	rest := raws[1:]
	if record.Outcome.Seq != 0 {
		if err := j.outcome(rest[0]); err != nil {
			return Job{}, err
		}
		rest = rest[1:]
	}
	if record.Progress.Seq != 0 {
		return j, j.progress(rest[0])
	}
	return j, nil
}

// Deleted refuses a job that somebody deleted: its history stays, and can be
// read.
func (r *Record) Deleted() error {
	if r.Status != job.Erased {
		return nil
	}
	return domain.Errorf(domain.NotFound, "deleted", "the job was deleted; its history can still be read")
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

// outcome reads how the job, or its last attempt, ended from its runner's
// report.
func (j *Job) outcome(raw history.Raw) error {
	report, err := ReportAt(raw, j.Outcome)
	if err != nil {
		return err
	}
	switch report := report.(type) {
	case runner.Completed:
		j.Result = report.Result
	case runner.Failed:
		j.Result, j.Message, j.Exit = report.Result, report.Message, report.Exit
	case runner.Stopped:
		j.Result = report.Result
	default:
		return misplaced(raw.Seq, "an outcome")
	}
	return nil
}

// progress reads what the last attempt said of how far it is.
func (j *Job) progress(raw history.Raw) error {
	report, err := ReportAt(raw, j.Progress.Place)
	if err != nil {
		return err
	}
	said, ok := report.(runner.Progress)
	if !ok {
		return misplaced(raw.Seq, "progress")
	}
	j.Doing = said.Text
	return nil
}

// ReportAt reads a report from the entry of its bundle.
func ReportAt(raw history.Raw, p Place) (runner.Report, error) {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil {
		return nil, misplaced(raw.Seq, "a bundle")
	}
	reported, ok := e.Data.(runner.Reported)
	if !ok {
		return nil, misplaced(raw.Seq, "a bundle")
	}
	bundle, err := reported.Bundle()
	if err != nil || p.Index >= len(bundle.Reports) {
		return nil, misplaced(raw.Seq, "a bundle")
	}
	return bundle.Reports[p.Index], nil
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
