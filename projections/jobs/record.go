package jobs

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/views"
)

// Record is what the view keeps of a job: where it stands, and where in the log
// everything else is. It never holds what the job runs or returned. Of a
// deleted job it holds where its events are and little more.
type Record struct {
	Status    job.Status
	Created   event.Time
	Started   event.Time // of the last attempt; zero while that waits
	Ended     event.Time // zero while the job has no outcome
	Updated   event.Time
	Queue     job.Queue // where its attempts wait
	Submitter event.Actor
	job.Timer        // as far as something may still be due
	Attempt   uint32 // the open or last one; 0 before the first
	Counted   uint32 // attempts that count against the job's max_attempts and did not end well
	// MaxAttempts is what a replay gave; 0 for the document's.
	MaxAttempts uint32
	Refused     uint32   // reports of an attempt's end that were refused
	Pieces      uint64   // of output: how many log reports there are
	Lines       uint64   // of output
	Events      []uint64 // places of all of the job's events

	Runner  domain.Name // that runs or ran the last attempt; empty while that waits
	Process string      // of the runner
	// Failure is why the job failed or, as long as it is tried again, why its
	// last attempt did.
	Failure    job.FailureKind
	Outcome    Place // of the report that ended the job, or the attempt that failed; zero if none did
	Stop       Stop
	Progress   Progress
	Checkpoint Checkpoint
}

// Place names a report: the place of its bundle in the log, and its index in
// the bundle.
type Place struct {
	Seq   uint64
	Index int
}

// Stop says that somebody wants a job stopped. The zero Stop is nobody.
type Stop struct {
	Seq uint64 // of the event that says so
	At  event.Time
	By  event.Actor
}

// Progress is the newest word of the last attempt on how far it is; the zero
// Progress is none. What it says in words stands in the report.
type Progress struct {
	Place
	At      event.Time
	Percent uint32
}

// Checkpoint says where the report is that holds what the next attempt begins
// with; the zero Checkpoint is nothing.
type Checkpoint struct {
	Place
	At    event.Time
	Bytes uint32
}

// Cause is the report that caused an event; the zero Cause is none.
type Cause struct {
	Place
	Report runner.Report
}

// Submitted returns the place of the job's submission.
func (r *Record) Submitted() uint64 { return r.Events[0] }

// NextDue returns when something is due in the job without anybody asking; zero
// for never.
func (r *Record) NextDue() event.Time { return min(r.Next(r.Status), views.MaxDue) }

// Apply folds one of the job's events in.
func (r *Record) Apply(e *history.Entry, cause Cause) {
	data, _ := e.Data.(job.Event)
	if submitted, ok := data.(job.Submitted); ok {
		data = submitted.Opened()
	}
	if r.Events == nil {
		r.Events = make([]uint64, 0, fewEvents)
	}
	r.Events = append(r.Events, e.Seq)
	if _, refused := data.(job.ReportRefused); refused {
		r.Refused++ // which changes nothing
		return
	}
	r.Updated = e.At
	r.apply(e, data, cause)
	r.Timer = r.After(event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	r.Expires = min(r.Expires, views.MaxDue)
	if r.Status == job.Broken {
		r.Due = 0
	} else if r.Status.Terminal() {
		r.Timer = job.Timer{}
	}
}

func (r *Record) apply(e *history.Entry, data job.Event, cause Cause) {
	switch data := data.(type) {
	case job.Submitted:
		r.submitted(e, data)
	case job.Scheduled:
		r.Status = job.Planned
	case job.Queued:
		r.granted(data.Grant)
	case job.Started:
		if r.Status == job.Waiting {
			r.Status = job.Running
		}
		r.Started, r.Process = e.At, data.Process
		id, _ := e.Actor.Runner()
		r.Runner = domain.Name(id)
	case job.Checkpointed:
		if kept, ok := cause.Report.(runner.Checkpoint); ok {
			r.Checkpoint = Checkpoint{cause.Place, e.At, uint32(len(kept.Data))} //nolint:gosec // at most runner.MaxCheckpoint
		}
	case job.AttemptFailed:
		r.Status, r.Outcome, r.Failure = job.Retrying, cause.Place, data.Kind
		r.Counted++
	case job.AttemptLost:
		r.lost(data.Reason)
	case job.Stopping:
		r.Status, r.Stop = job.Ending, Stop{e.Seq, e.At, e.Actor}
	case job.Completed:
		r.ended(job.Done, e.At, cause.Place, "")
	case job.Failed:
		r.ended(job.Broken, e.At, cause.Place, data.Kind)
	case job.Stopped:
		if r.Stop == (Stop{}) {
			r.Stop = Stop{e.Seq, e.At, e.Actor}
		}
		r.ended(job.Halted, e.At, cause.Place, "")
	case job.Replayed:
		r.Status, r.Ended, r.Counted, r.MaxAttempts, r.Stop = job.Retrying, 0, 0, data.Attempts, Stop{}
	case job.Dropped:
		r.Status = job.Shelved
	case job.Deleted:
		*r = Record{
			Status: job.Erased, Created: r.Created, Ended: r.Ended, Updated: e.At,
			Queue: r.Queue, Submitter: r.Submitter, Events: r.Events,
		}
	case job.ReportRefused:
	}
}

func (r *Record) submitted(e *history.Entry, data job.Submitted) {
	r.Status, r.Created, r.Submitter = job.Created, e.At, e.Actor
	if o, err := data.Open(); err == nil { // an event that does not open is no supervisor's
		r.Queue = o.Spec.Queue()
	}
	switch {
	case data.Grant != nil:
		r.granted(*data.Grant)
	case !data.Due.IsZero():
		r.Status = job.Planned
	}
}

// fewEvents is how many events most jobs have: room for them is made at once.
const fewEvents = 4

func (r *Record) granted(g job.Grant) {
	r.Status, r.Attempt, r.Queue = job.Waiting, g.Attempt, g.Queue
	r.Started, r.Runner, r.Process, r.Progress = 0, "", "", Progress{}
}

// lost folds in that nobody will report on the attempt. What follows from it is
// the next event.
func (r *Record) lost(why job.LossReason) {
	r.Outcome, r.Failure = Place{}, job.FailedLost
	if why == job.LostTimeout {
		r.Failure = job.FailedTimeout
	}
	if why != job.LostQueue {
		r.Counted++
	}
}

func (r *Record) ended(s job.Status, at event.Time, report Place, kind job.FailureKind) {
	r.Status, r.Ended, r.Outcome, r.Failure = s, at, report, kind
}
