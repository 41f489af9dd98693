package audittest

import (
	"fmt"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// tried is a job that is tried again after an error, and runs.
func (a author) tried() string {
	return a.begun(historytest.Job{More: `"retry_on":["error"],"timeout":1`})
}

// begun is a job that runs.
func (a author) begun(j historytest.Job) string {
	id := a.handed(j)
	a.Report(a.r1, runner.Started{About: a.About(id)})
	a.Seal()
	return id
}

// handed is a job that was submitted.
func (a author) handed(j historytest.Job) string {
	id := fmt.Sprintf("forged-%d", a.Next())
	a.Submit(id, j)
	a.Seal()
	return id
}

// retried records that a runner's report of a failure led to an event that is
// made of when another attempt was due.
func (a author) retried(id string, f runner.Failed, then func(due event.Time) job.Event) uint64 {
	f.About = a.About(id)
	state := a.Job(id)
	due, _ := state.Retry(f.Kind, job.Please, f.After, a.Now)
	return a.Emit(a.reported(id, f), then(due)).Seq
}

func again(due event.Time) job.Event {
	return job.AttemptFailed{Attempt: 1, Kind: job.FailedError, Due: due}
}

func failed(event.Time) job.Event { return job.Failed{Attempt: 1, Kind: job.FailedError} }

func ofRetries() []Forgery {
	luckless := runner.Failed{Kind: job.FailedError}
	never, wanted := luckless, luckless
	never.Again = job.Never
	wanted.Again, wanted.After = job.Please, time.Minute
	return []Forgery{
		{"an attempt is tried again later than its back-off says", func(a author) uint64 {
			return a.retried(a.tried(), luckless, func(due event.Time) job.Event { return again(due + 1) })
		}},
		{"an attempt is tried again sooner than its back-off says", func(a author) uint64 {
			return a.retried(a.tried(), luckless, func(due event.Time) job.Event { return again(due - 1) })
		}},
		{"an attempt is tried again at another time than its runner asked for", func(a author) uint64 {
			return a.retried(a.tried(), wanted, func(due event.Time) job.Event { return again(due.Add(-time.Second)) })
		}},
		{"an attempt is tried again that nobody wants to be", func(a author) uint64 { return a.retried(a.running(), luckless, again) }},
		{"an attempt is tried again against its runner's word", func(a author) uint64 { return a.retried(a.tried(), never, again) }},
		{"an attempt is tried again after another failure than was reported", func(a author) uint64 {
			return a.retried(a.tried(), runner.Failed{Kind: job.FailedRejected}, again)
		}},
		{"a job fails that is to be tried again", func(a author) uint64 { return a.retried(a.tried(), luckless, failed) }},
		{"a job fails whose runner wants to try again", func(a author) uint64 { return a.retried(a.running(), wanted, failed) }},
		{"an attempt is tried again and nobody reported it", func(a author) uint64 {
			return a.Emit(of(a.tried()), again(a.Now.Add(time.Minute))).Seq
		}},
		{"an attempt times out too soon", func(a author) uint64 {
			id := a.tried()
			a.Now = a.Job(id).Due - 1
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostTimeout}).Seq
		}},
	}
}

func ofTimes() []Forgery {
	return []Forgery{
		{"a job is queued before its back-off is over", func(a author) uint64 {
			id := a.tried()
			a.Report(a.r1, runner.Failed{About: a.About(id), Kind: job.FailedError})
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 2)}).Seq
		}},
		{"a job is queued before its time", func(a author) uint64 {
			id := a.handed(historytest.Job{More: `"delay":60`})
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 1)}).Seq
		}},
		{"a job is scheduled for another time than its own", func(a author) uint64 {
			id := a.handed(historytest.Job{Held: true, More: `"delay":60`})
			return a.Emit(of(id), job.Scheduled{Due: a.Job(id).Due + 1}).Seq
		}},
		{"a job is scheduled by a runner", func(a author) uint64 {
			id := a.handed(historytest.Job{Held: true, More: `"delay":60`})
			return a.Emit(event.Header{Aggregate: historytest.JobOf(id), Actor: a.r1.Actor()}, job.Scheduled{Due: a.Job(id).Due}).Seq
		}},
		{"a job is queued behind its end", func(a author) uint64 {
			id := a.handed(a.ending(true))
			a.Now = a.Job(id).Expires + 1
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 1)}).Seq
		}},
		{"a job expires before its end", func(a author) uint64 {
			id := a.handed(a.ending(false))
			a.Now = a.Job(id).Expires
			return a.Emit(of(id), job.Failed{Attempt: 1, Kind: job.FailedExpired}).Seq
		}},
		{"a job expires by a runner's word", func(a author) uint64 {
			id := a.handed(a.ending(true))
			a.Now = a.Job(id).Expires + 1
			return a.Emit(event.Header{Aggregate: historytest.JobOf(id), Actor: a.r1.Actor()}, job.Failed{Kind: job.FailedExpired}).Seq
		}},
	}
}

// ending is a job that expires in a minute.
func (a author) ending(held bool) historytest.Job {
	return historytest.Job{Held: held, More: fmt.Sprintf(`"expires_at":%q`, a.Now.Add(time.Minute))}
}

func ofStops() []Forgery {
	stopping := func(a author) string {
		id := a.running()
		a.Stop(id)
		a.Seal()
		return id
	}
	return []Forgery{
		{"a job is stopped without its runner's word", func(a author) uint64 {
			return a.Emit(of(stopping(a)), job.Stopped{Attempt: 1}).Seq
		}},
		{"a job is stopped that was reported to have completed", func(a author) uint64 {
			id := stopping(a)
			return a.Emit(a.reported(id, runner.Completed{About: a.About(id)}), job.Stopped{Attempt: 1}).Seq
		}},
		{"a job is stopped by another process' word", func(a author) uint64 {
			id, other := stopping(a), a.NewProcess("r1")
			a.Report(other, other.Join())
			h := a.Hear(other, runner.Stopped{About: a.About(id)})(0)
			h.Aggregate = historytest.JobOf(id)
			return a.Emit(h, job.Stopped{Attempt: 1}).Seq
		}},
		{"a job is stopped that nobody asked to stop", func(a author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Stopped{About: a.About(id)}), job.Stopped{Attempt: 1}).Seq
		}},
		{"a job is stopped that may be running", func(a author) uint64 {
			return a.Emit(of(a.waiting()), job.Stopped{Attempt: 1}).Seq
		}},
		{"a runner asks for a stop", func(a author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Stopped{About: a.About(id)}), job.Stopping{Attempt: 1}).Seq
		}},
		{"a stop is given up too soon", func(a author) uint64 {
			id := stopping(a)
			a.Now = a.Job(id).Due - 1
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostStop}).Seq
		}},
		{"a job is queued that was to be stopped", func(a author) uint64 {
			id := stopping(a)
			a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 2)}).Seq
		}},
	}
}

func ofCheckpoints() []Forgery {
	kept := func(a author) string {
		id := a.running()
		a.Report(a.r1, runner.Checkpoint{About: a.About(id), Data: []byte("page 7")})
		a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
		return id
	}
	granted := func(edit func(*job.Grant)) func(a author) uint64 {
		return func(a author) uint64 {
			id := kept(a)
			grant := a.Grant(id, 2)
			edit(&grant)
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}
	}
	return []Forgery{
		{"a checkpoint is not what was reported", func(a author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Checkpoint{About: a.About(id), Data: []byte("page 7")}),
				job.Checkpointed{Attempt: 1, Hash: signing.Hash{7}}).Seq
		}},
		{"a checkpoint was reported as progress", func(a author) uint64 {
			id := a.running()
			data := runner.Checkpoint{Data: []byte("page 7")}
			return a.Emit(a.reported(id, runner.Progress{About: a.About(id), Text: "page 7"}),
				job.Checkpointed{Attempt: 1, Hash: data.Hash()}).Seq
		}},
		{"a grant begins with another checkpoint", granted(func(g *job.Grant) { g.Checkpoint = signing.Hash{7} })},
		{"a grant begins without its checkpoint", granted(func(g *job.Grant) { g.Checkpoint = signing.Hash{} })},
		{"a grant gives more time", granted(func(g *job.Grant) { g.Timeout = time.Hour })},
	}
}
