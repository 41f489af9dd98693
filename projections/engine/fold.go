package engine

import (
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
	j.record.Apply(e, b.cause(e))
	if a, ok := jobs.Granted(e, b.step.commit.Seal.Term); ok {
		j.open, j.grant = &a, &granting{proof: b.prove(e)}
	}
	switch data := data.(type) {
	case job.Submitted:
		b.folded.Submitted++
	case job.Completed:
		b.folded.Completed++
		j.closed()
	case job.Failed:
		b.folded.Failed = count(b.folded.Failed, data.Kind)
		j.closed()
	case job.AttemptLost:
		b.folded.Lost = count(b.folded.Lost, data.Reason)
		j.closed()
	case job.Queued, job.Started:
	}
	return nil
}

func count[K comparable](m map[K]int, k K) map[K]int {
	if m == nil {
		m = map[K]int{}
	}
	m[k]++
	return m
}

// closed forgets the open attempt.
func (j *workJob) closed() { j.open, j.grant = nil, nil }

// cause returns the place of the report that caused an event, if it stands in
// the same commit.
func (b *batch) cause(e *history.Entry) jobs.Place {
	if len(b.bundles) == 0 {
		return jobs.Place{}
	}
	c, ok := runner.ParseCause(e.Cause)
	if !ok {
		return jobs.Place{}
	}
	seq, ok := b.bundles[report{runner.AggregateID(c.Runner, c.Process), c.Number}]
	if !ok {
		return jobs.Place{}
	}
	return jobs.Place{Seq: seq, Index: c.Index}
}

// applyBundle folds in what a bundle says that becomes no event of its own:
// that its process lives, and what attempts wrote.
func (b *batch) applyBundle(e *history.Entry, data runner.Reported) error {
	bundle, err := data.Bundle()
	if err != nil {
		return err
	}
	b.bundles[report{e.Aggregate.ID, bundle.Number}] = e.Seq
	if r := b.runners[bundle.Runner]; r.exists && r.record.Heard(bundle.Process, e.At) {
		r.changed = true
	}
	for i, r := range bundle.Reports {
		piece, ok := r.(runner.Log)
		if !ok {
			continue
		}
		j := b.jobs[piece.Job]
		if !b.mayWrite(j, piece, bundle, data) {
			b.folded.Refused++
			continue
		}
		ref := logs.Ref{
			Seq: e.Seq, Index: i, First: j.record.Lines + 1, Count: uint64(len(piece.Lines)), Attempt: j.record.Attempt,
		}
		b.put(views.Logs, logs.FieldName(j.record.Submitted(), j.record.Pieces), &ref)
		b.census.Fields[views.Logs]++
		j.changed = true
		j.record.Pieces++
		j.record.Lines += ref.Count
	}
	return nil
}

// mayWrite reports whether a piece of output is of the job's open attempt, from
// the process that runs it or, before it was reported as started, from one that
// may.
func (b *batch) mayWrite(j *workJob, piece runner.Log, bundle *runner.Bundle, data runner.Reported) bool {
	if !j.exists || j.open == nil || j.open.Token != piece.Token {
		return false
	}
	if p := j.record.Process; p != "" && (p != bundle.Process || j.record.Runner != bundle.Runner) {
		return false
	}
	return history.Serves(b.step.access, bundle.Runner, data.Signed.Key, j.open.Queue, b.step.head.Latest)
}

// applyRunner folds one event of a runner id in.
func (b *batch) applyRunner(e *history.Entry, data runner.Event) {
	r := b.runners[domain.Name(e.Aggregate.ID)]
	r.record.Apply(e.At, data)
	r.exists, r.changed = true, true
	joined, ok := data.(runner.Joined)
	if !ok {
		return
	}
	for _, q := range runner.Queues(r.id, joined.Kinds) {
		b.meetQueue(q)
		b.needGroup(q)
	}
	if b.e.live {
		b.tx.Notices = append(b.tx.Notices, notice(r.id, joined.Process, b.prove(e)))
	}
}
