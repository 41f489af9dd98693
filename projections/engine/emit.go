package engine

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// emit writes down what became of everything that the batch touched: once,
// however many states it passed through.
func (b *batch) emit(ctx context.Context) error {
	if err := b.submissions(ctx); err != nil {
		return err
	}
	for _, j := range b.jobOrder {
		if j.changed {
			b.emitJob(j)
		}
	}
	if err := b.emitStops(ctx); err != nil {
		return err
	}
	b.emitPresence()
	b.emitNonces()
	for _, a := range b.tipOrder {
		b.put(views.Tips, a.String(), place(b.tips[a]))
	}
	for _, q := range b.queueOrder {
		b.put(views.Queues, q.String(), b.queues[q])
	}
	b.tx.Groups = b.groups
	slices.SortFunc(b.tx.Queued, func(x, y views.Assignment) int { return x.ID.Compare(y.ID) }) // streams grow in the order of the log
	return nil
}

func (b *batch) emitJob(j *workJob) {
	name, status, submitted := j.id.String(), j.record.Status, j.record.Submitted()
	b.put(views.Jobs, name, &j.record)
	if j.before == job.None {
		b.census.Fields[views.Jobs]++
	}
	if j.before != status {
		if j.before != job.None {
			b.tx.Unlisted = append(b.tx.Unlisted, views.Listing{Status: j.before, Seq: submitted})
		}
		b.tx.Listed = append(b.tx.Listed, views.Listing{Status: status, Seq: submitted})
		if q := j.record.Queue; !q.IsZero() {
			c := b.meetQueue(q)
			c.Add(j.before, -1)
			c.Add(status, 1)
			b.queues[q] = c
		}
	}
	b.emitDue(j)
	if j.open == nil && j.beforeOpen == nil || j.open != nil && j.beforeOpen != nil && *j.open == *j.beforeOpen {
		return
	}
	if j.beforeOpen != nil {
		b.emitEnd(j, *j.beforeOpen)
	}
	if j.open != nil {
		b.emitGrant(j)
	} else {
		b.unset(views.Open, name)
	}
}

// emitDue notes when something is due in a job from now on. What came and went
// within the batch was due for nobody: a short job costs nothing here.
func (b *batch) emitDue(j *workJob) {
	due := j.record.NextDue()
	if due == j.beforeDue {
		return
	}
	b.tx.Due = append(b.tx.Due, views.DueSet{At: due, Job: j.id})
	switch {
	case j.beforeDue.IsZero():
		b.census.Due++
	case due.IsZero():
		b.census.Due--
	}
	if !due.IsZero() && (b.folded.Due.IsZero() || due < b.folded.Due) {
		b.folded.Due = due
	}
}

// emitEnd takes the entry of an attempt that ended out of its queue. Behind the
// end of the log that is left to Reconcile.
func (b *batch) emitEnd(j *workJob, ended jobs.Attempt) {
	b.census.Fields[views.Open]--
	if id, missing := b.e.missing[j.id]; missing && id == ended.Entry {
		b.found = append(b.found, j.id)
		return
	}
	if !b.e.live {
		return
	}
	at, known := b.done[ended.Queue]
	if !known {
		at = len(b.tx.Done)
		b.done[ended.Queue] = at
		b.tx.Done = append(b.tx.Done, views.Done{Queue: ended.Queue})
	}
	b.tx.Done[at].IDs = append(b.tx.Done[at].IDs, ended.Entry)
	b.census.Entries--
}

// emitGrant puts the attempt that is open now into its queue. An attempt that
// was granted and ended within the batch never stood there.
func (b *batch) emitGrant(j *workJob) {
	b.put(views.Open, j.id.String(), j.open)
	b.census.Fields[views.Open]++
	if !b.e.live {
		return
	}
	b.needGroup(j.open.Queue)
	b.tx.Queued = append(b.tx.Queued, views.Assignment{
		Queue: j.open.Queue,
		Assignment: queue.Assignment{
			ID: j.open.Entry, Grant: j.grant.proof, Submission: j.grant.submission, Checkpoint: j.grant.checkpoint,
		},
	})
	b.census.Entries++
}

// meetQueue returns the count of a queue, which the batch changes.
func (b *batch) meetQueue(q job.Queue) queues.Count {
	c, changed := b.queues[q]
	if changed {
		return c
	}
	c, known := b.e.queues[q]
	if !known {
		b.census.Fields[views.Queues]++
	}
	b.queues[q] = c
	b.queueOrder = append(b.queueOrder, q)
	return c
}

// needGroup has a queue's consumer group made if it was not seen yet.
func (b *batch) needGroup(q job.Queue) {
	if b.e.live && !b.e.groups[q] && !slices.Contains(b.groups, q) {
		b.groups = append(b.groups, q)
	}
}

// statement is what the statements' hash holds of a statement.
func statement(n uint64, p signing.Proof) views.Statement {
	return views.Statement{Number: n, Data: queue.AppendStatement(nil, p)}
}

// notice tells a process that it joined.
func notice(id domain.Name, process string, p signing.Proof) views.Notice {
	return views.Notice{Runner: id, Notice: queue.Notice{Kind: queue.NoticeJoined, Process: process, Proof: p}}
}
