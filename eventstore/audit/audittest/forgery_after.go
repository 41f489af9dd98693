package audittest

import (
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// late lets r1 report that an attempt of a job completed which is over.
func (a author) late(id string) (event.Header, job.ReportRefused) {
	about := runner.About{Job: historytest.ID(id), Token: a.Grant(id, 1).Job, At: a.Now}
	return a.reported(id, runner.Completed{About: about}),
		job.ReportRefused{Token: about.Token, Process: a.r1.Name, Said: job.SaidCompleted}
}

func ofRefusals() []Forgery {
	refused := func(given func(a author) string, edit func(*job.ReportRefused)) func(a author) uint64 {
		return func(a author) uint64 {
			h, e := a.late(given(a))
			edit(&e)
			return a.Emit(h, e).Seq
		}
	}
	return []Forgery{
		{"a report is refused that said something else", refused(author.completed, func(e *job.ReportRefused) { e.Said = job.SaidFailed })},
		{"a report is refused that another process made", refused(author.completed, func(e *job.ReportRefused) { e.Process = "ff" })},
		{"a report is refused on another attempt", refused(author.failed, func(e *job.ReportRefused) { e.Token[0]++ })},
		{"a report is refused that nobody made", func(a author) uint64 {
			id := a.completed()
			return a.Emit(of(id), job.ReportRefused{Token: a.Grant(id, 1).Job, Process: a.r1.Name, Said: job.SaidCompleted}).Seq
		}},
		{"a report is refused that is to be taken", func(a author) uint64 {
			id := a.running()
			about := a.About(id)
			return a.Emit(a.reported(id, runner.Completed{About: about}),
				job.ReportRefused{Token: about.Token, Process: a.r1.Name, Said: job.SaidCompleted}).Seq
		}},
		{"a report is refused of a deleted job", func(a author) uint64 {
			id := a.completed()
			a.Delete(id)
			a.Seal()
			h, e := a.late(id)
			return a.Emit(h, e).Seq
		}},
		{"a report is refused of a job that nobody submitted", func(a author) uint64 {
			a.completed() // since then some are forgotten
			h, e := a.late("nowhere")
			h.Version = 4
			return a.Emit(h, e).Seq
		}},
		{"a refused report is left out", func(a author) uint64 {
			h, e := a.late(a.completed())
			h.Version = 5
			return a.Emit(h, e).Seq
		}},
		{"a refused report takes the place of the job's outcome", func(a author) uint64 {
			h, e := a.late(a.completed())
			h.Version = 3
			return a.Emit(h, e).Seq
		}},
		{"two refused reports take one place", func(a author) uint64 {
			id := a.completed()
			h, e := a.late(id)
			h.Version = 4
			a.Emit(h, e)
			a.Seal()
			h, e = a.late(id)
			h.Version = 4
			return a.Emit(h, e).Seq
		}},
	}
}

func ofDeletions() []Forgery {
	deleted := func(a author, id string, version uint64) uint64 {
		h := of(id)
		h.Version = version
		return a.Emit(h, job.Deleted{}).Seq
	}
	return []Forgery{
		{"a job is deleted that runs", func(a author) uint64 { return deleted(a, a.running(), 0) }},
		{"a job is deleted twice", func(a author) uint64 {
			id := a.completed()
			a.Delete(id)
			a.Seal()
			return deleted(a, id, 0)
		}},
		{"a failed job is deleted twice", func(a author) uint64 {
			id := a.failed()
			a.Delete(id)
			a.Seal()
			return deleted(a, id, 0)
		}},
		{"a job is deleted that never was", func(a author) uint64 {
			a.completed()
			return deleted(a, "nowhere", 4)
		}},
		{"a job is deleted before it is submitted", func(a author) uint64 {
			a.completed()
			wrong := deleted(a, "nowhere", 3)
			a.Seal()
			a.Emit(event.Header{
				Aggregate: historytest.JobOf("nowhere"), Version: 1, Actor: event.ByClient(string(a.Client.Public().ID())),
			}, job.Submitted{Submission: historytest.Job{}.Submission("nowhere", a.Client)})
			return wrong
		}},
		{"a job is deleted by a runner", func(a author) uint64 {
			id := a.completed()
			return a.Emit(event.Header{Aggregate: historytest.JobOf(id), Actor: a.r1.Actor()}, job.Deleted{}).Seq
		}},
		{"a deleted job happens again", func(a author) uint64 {
			id := a.failed()
			a.Delete(id)
			a.Seal()
			return a.Emit(of(id), job.Replayed{Attempts: 1}).Seq
		}},
	}
}

func ofReplays() []Forgery {
	replayed := job.Replayed{Attempts: 1}
	return []Forgery{
		{"a runner replays a job", func(a author) uint64 {
			return a.Emit(event.Header{Aggregate: historytest.JobOf(a.failed()), Actor: a.r1.Actor()}, replayed).Seq
		}},
		{"a completed job is replayed", func(a author) uint64 { return a.Emit(of(a.completed()), replayed).Seq }},
		{"a job is replayed that was dropped", func(a author) uint64 {
			id := a.failed()
			a.Drop(id)
			a.Seal()
			return a.Emit(of(id), replayed).Seq
		}},
		{"a job is dropped twice", func(a author) uint64 {
			id := a.failed()
			a.Drop(id)
			a.Seal()
			return a.Emit(of(id), job.Dropped{}).Seq
		}},
		{"a job is dropped that completed", func(a author) uint64 { return a.Emit(of(a.completed()), job.Dropped{}).Seq }},
		{"a job is replayed until a time that has passed", func(a author) uint64 {
			id := a.failed()
			return a.Emit(of(id), job.Replayed{Attempts: 1, Limits: job.Limits{Expires: a.Now.Add(-time.Second)}}).Seq
		}},
		{"a replayed job gets another attempt than the next", func(a author) uint64 {
			id := a.failed()
			a.Emit(of(id), replayed)
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 1)}).Seq
		}},
		{"a replayed job keeps its outcome", func(a author) uint64 {
			id := a.failed()
			a.Emit(of(id), replayed)
			return a.Emit(of(id), job.Deleted{}).Seq
		}},
	}
}
