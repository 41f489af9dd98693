package engine

import (
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/views"
)

// applyJob folds one event of a job in.
func (b *batch) applyJob(e *history.Entry, data job.Event) error {
	id, err := job.ParseID(e.Aggregate.ID)
	if err != nil {
		return err
	}
	j := b.jobs[id]
	if _, begins := data.(job.Submitted); begins == j.exists {
		if begins {
			return domain.Errorf(domain.Halted, "illegal", "illegal transition: a job was submitted twice")
		}
		return views.ErrDamaged // an event says that the job exists, and the view does not know it
	}
	j.exists, j.changed = true, true
	if _, ok := data.(job.Deleted); ok {
		b.dropOutput(j) // as long as the record knows of it
	}
	j.record.Apply(e, b.cause(e))
	b.applyGrant(j, e)
	switch data := data.(type) {
	case job.Queued:
		j.grant.kept, j.grant.keptAt = data.Grant.Checkpoint, j.record.Checkpoint.Place
	case job.Submitted:
		b.folded.Submitted++
		return b.applyNonces(e, data)
	case job.Completed:
		b.folded.Completed++
		j.closed()
	case job.Failed:
		b.folded.Failed = count(b.folded.Failed, data.Kind)
		j.closed()
	case job.AttemptLost:
		b.folded.Lost = count(b.folded.Lost, data.Reason)
		j.closed()
	case job.Stopped:
		b.folded.Stopped++
		j.closed()
	case job.AttemptFailed:
		b.folded.Retried = count(b.folded.Retried, data.Kind)
		j.closed()
	case job.ReportRefused:
		b.folded.Late++
	case job.Stopping:
		b.applyStop(j, e)
	case job.Scheduled, job.Started, job.Checkpointed, job.Replayed, job.Dropped, job.Deleted:
	}
	return nil
}

// applyGrant opens the attempt that an event grants, if it grants one.
func (b *batch) applyGrant(j *workJob, e *history.Entry) {
	if attempt, ok := jobs.Granted(e, b.step.commit.Seal.Term); ok {
		open := attempt // escapes, and most events grant nothing
		j.open, j.granted, j.grant = &open, true, granting{proof: b.prove(e)}
	}
}

// dropOutput forgets what a job wrote. The history keeps it.
func (b *batch) dropOutput(j *workJob) {
	for n := range j.record.Pieces {
		b.unset(views.Logs, logs.FieldName(j.record.Submitted(), n))
	}
	b.census.Fields[views.Logs] -= j.record.Pieces
}

func count[K comparable](m map[K]int, k K) map[K]int {
	if m == nil {
		m = map[K]int{}
	}
	m[k]++
	return m
}

// closed forgets the open attempt.
func (j *workJob) closed() { j.open, j.granted, j.grant = nil, false, granting{} }

// cause returns the report that caused an event, if it stands in the same
// commit.
func (b *batch) cause(e *history.Entry) jobs.Cause {
	if len(b.bundles) == 0 {
		return jobs.Cause{}
	}
	c, ok := runner.ParseCause(e.Cause)
	if !ok {
		return jobs.Cause{}
	}
	in, ok := b.bundles[report{c.Runner, c.Process, c.Number}]
	if !ok || c.Index >= len(in.reports) {
		return jobs.Cause{}
	}
	return jobs.Cause{Place: jobs.Place{Seq: in.seq, Index: c.Index}, Report: in.reports[c.Index]}
}

// applyBundle folds in what a bundle says that becomes no event of its own:
// that its process lives, what attempts wrote and how far they are.
func (b *batch) applyBundle(e *history.Entry, data runner.Reported) error {
	bundle, err := data.Bundle()
	if err != nil {
		return err
	}
	id, process, _ := strings.Cut(e.Aggregate.ID, "/")
	b.bundles[report{domain.Name(id), process, bundle.Number}] = reports{e.Seq, bundle.Reports}
	if p := b.processes[e.Aggregate.ID]; p.exists && p.record.Seen != e.At {
		p.record.Seen, p.changed = e.At, true
	}
	for i, r := range bundle.Reports {
		about, ok := aside(r)
		if !ok {
			continue
		}
		j := b.jobs[about.Job]
		if !b.mayWrite(j, about, bundle, data) {
			b.folded.Refused++
			continue
		}
		j.changed = true
		at := jobs.Place{Seq: e.Seq, Index: i}
		if piece, ok := r.(runner.Log); ok && j.record.Pieces < logs.MaxPieces {
			b.applyLog(j, piece, at)
		}
		if progress, ok := r.(runner.Progress); ok {
			j.record.Progress = jobs.Progress{Place: at, At: e.At, Percent: progress.Percent}
		}
	}
	return nil
}

// aside returns the attempt of a report that changes what is known of its job
// without becoming an event of it.
func aside(r runner.Report) (about runner.About, ok bool) {
	switch r := r.(type) {
	case runner.Log:
		return r.About, true
	case runner.Progress:
		return r.About, true
	case runner.Join, runner.Leave, runner.Started, runner.Checkpoint, runner.Completed, runner.Failed, runner.Stopped, runner.Refused:
	}
	return about, false
}

// applyLog folds in a piece of output.
func (b *batch) applyLog(j *workJob, piece runner.Log, at jobs.Place) {
	ref := logs.Ref{
		Seq: at.Seq, Index: at.Index, First: j.record.Lines + 1, Count: uint64(len(piece.Lines)), Attempt: j.record.Attempt,
	}
	b.put(views.Logs, logs.FieldName(j.record.Submitted(), j.record.Pieces), &ref)
	b.census.Fields[views.Logs]++
	j.record.Pieces++
	j.record.Lines += ref.Count
}

// mayWrite reports whether a report is on the job's open attempt, from the
// process that runs it or, before it was reported as started, from one that
// may.
func (b *batch) mayWrite(j *workJob, about runner.About, bundle *runner.Bundle, data runner.Reported) bool {
	if !j.exists || j.open == nil || j.open.Token != about.Token {
		return false
	}
	if p := j.record.Process; p != "" && (p != bundle.Process || j.record.Runner != bundle.Runner) {
		return false
	}
	return history.Serves(b.step.access, bundle.Runner, data.Signed.Key, j.open.Queue, b.step.head.Latest)
}
