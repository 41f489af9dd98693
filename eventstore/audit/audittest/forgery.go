package audittest

import (
	"fmt"
	"slices"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Forgery is something that could not have happened and that a supervisor, or
// whoever has its key, nevertheless sealed.
type Forgery struct {
	Name  string
	write func(a author) (wrong uint64) // the place at which it is
}

// Forgeries returns every kind there is.
func Forgeries() []Forgery {
	return slices.Concat(
		ofOutcomes(), ofAttempts(), ofGrants(), ofSubmissions(), ofSignatures(), ofBulks(), ofRetries(), ofTimes(), ofStops(), ofCheckpoints(), ofReplays(), ofRefusals(),
		ofDeletions(), ofBundles(), ofJoins(), ofStatements(), ofTerms(), ofKeys(), ofQueues(), ofPresence(), ofModes(), ofRegistrations(), ofNonces(),
	)
}

// Thieves returns the names of keys that never seal anything in a history that
// lived: one that nobody knows, those of other classes, and one that expired
// before it led.
func Thieves() []string {
	return []string{"thief", "client", "runner r1", "runner k1", "operator", historytest.Expired}
}

// Forge returns a log that goes on after a history that lived with the forgery
// and with what a supervisor would have sealed then, and the place at which an
// audit must find it. The history stays as it is.
func (f Forgery) Forge(p *historytest.Partition) (log []history.Raw, wrong uint64) {
	p = p.Fork(len(p.Commits))
	p.Succeed()
	a := author{p.Open(), p.NewProcess("r1"), p.NewProcess("k1", "sh")}
	a.Report(a.r1, a.r1.Join())
	a.Report(a.k1, a.k1.Join())
	a.Seal()
	wrong = f.write(a)
	a.Seal()
	a.Submit("after", historytest.Job{})
	a.Seal()
	return p.Raws(), wrong
}

// author is who forges. Nothing stops it from writing what could not have
// happened.
type author struct {
	*historytest.Tx
	r1, k1 *historytest.Process // of runner r1, and of k1, which serves jobs of kind sh too
}

// At these points of a job's life the forgeries set in. The commit is sealed.
func (a author) waiting() string {
	id := fmt.Sprintf("forged-%d", a.Next())
	a.Submit(id, historytest.Job{})
	a.Seal()
	return id
}

func (a author) running() string {
	id := a.waiting()
	a.Report(a.r1, runner.Started{About: a.About(id)})
	a.Seal()
	return id
}

func (a author) completed() string {
	id := a.running()
	a.Report(a.r1, runner.Completed{About: a.About(id)})
	a.Seal()
	return id
}

func (a author) failed() string {
	id := a.running()
	a.Report(a.r1, runner.Failed{About: a.About(id), Kind: job.FailedError})
	a.Seal()
	return id
}

// again submits a job as if it had never been.
func (a author) again(id string) history.Entry {
	client := historytest.Key("client")
	h := event.Header{Aggregate: historytest.JobOf(id), Version: 1, Actor: event.ByClient(string(client.Public().ID()))}
	return a.Emit(h, job.Submitted{Submission: historytest.Job{}.Submission(id, client)})
}

// lost gives a running job's attempt up and does not grant another one.
func (a author) lost() string {
	id := a.running()
	a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
	return id
}

// of is the header of a job's event that the supervisor causes.
func of(id string) event.Header {
	return event.Header{Aggregate: historytest.JobOf(id), Actor: event.BySystem("redelivery")}
}

// reported is the header of a job's event that a report of r1 causes.
func (a author) reported(id string, r runner.Report) event.Header {
	h := a.Hear(a.r1, r)(0)
	h.Aggregate = historytest.JobOf(id)
	return h
}

func ofOutcomes() []Forgery {
	return []Forgery{
		{"a job completes after it failed", func(a author) uint64 {
			id := a.failed()
			return a.Emit(a.reported(id, runner.Completed{About: a.About(id)}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job fails after it completed", func(a author) uint64 {
			id := a.completed()
			return a.Emit(a.reported(id, runner.Failed{About: a.About(id), Kind: job.FailedError}), job.Failed{Attempt: 1, Kind: job.FailedError}).Seq
		}},
		{"a job completes that never started", func(a author) uint64 {
			id := a.waiting()
			return a.Emit(a.reported(id, runner.Completed{About: a.About(id)}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job completes and nobody reported it", func(a author) uint64 {
			return a.Emit(of(a.running()), job.Completed{Attempt: 1}).Seq
		}},
		{"a job completes that was reported to have failed", func(a author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Failed{About: a.About(id), Kind: job.FailedError}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job fails otherwise than was reported", func(a author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Failed{About: a.About(id), Kind: job.FailedError}), job.Failed{Attempt: 1, Kind: job.FailedTimeout}).Seq
		}},
		{"a job fails as lost that was not", func(a author) uint64 {
			return a.Emit(of(a.running()), job.Failed{Attempt: 1, Kind: job.FailedLost}).Seq
		}},
		{"a job completes by the report on another one", func(a author) uint64 {
			other, id := a.running(), a.running()
			return a.Emit(a.reported(id, runner.Completed{About: a.About(other)}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job completes by a report on an attempt that was lost", func(a author) uint64 {
			id := a.running()
			about := a.About(id)
			a.Lose(id, job.LostQueue)
			a.Report(a.r1, runner.Started{About: a.About(id)})
			return a.Emit(a.reported(id, runner.Completed{About: about}), job.Completed{Attempt: 2}).Seq
		}},
	}
}

func ofAttempts() []Forgery {
	return []Forgery{
		{"a job starts twice", func(a author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Started{About: a.About(id)}), job.Started{Attempt: 1, Process: a.r1.Name}).Seq
		}},
		{"an attempt starts that is not open", func(a author) uint64 {
			id := a.waiting()
			return a.Emit(a.reported(id, runner.Started{About: a.About(id)}), job.Started{Attempt: 2, Process: a.r1.Name}).Seq
		}},
		{"an attempt is lost that had ended", func(a author) uint64 {
			return a.Emit(of(a.completed()), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"an attempt starts after it was lost", func(a author) uint64 {
			id := a.lost()
			return a.Emit(of(id), job.Started{Attempt: 1, Process: a.r1.Name}).Seq
		}},
		{"a job's version is skipped", func(a author) uint64 {
			h := of(a.running())
			h.Version = 9
			return a.Emit(h, job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a job's version is given twice", func(a author) uint64 {
			h := of(a.running())
			h.Version = 2
			return a.Emit(h, job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
	}
}

func ofGrants() []Forgery {
	return []Forgery{
		{"a job is queued while an attempt is open", func(a author) uint64 {
			id := a.running()
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 2)}).Seq
		}},
		{"a completed job is queued again", func(a author) uint64 {
			id := a.completed()
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 2)}).Seq
		}},
		{"an attempt is skipped", func(a author) uint64 {
			id := a.lost()
			return a.Emit(of(id), job.Queued{Grant: a.Grant(id, 3)}).Seq
		}},
		{"a grant is for another queue", func(a author) uint64 {
			id := a.lost()
			grant := a.Grant(id, 2)
			grant.Queue = job.RunnerQueue("r2")
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}},
		{"a grant is for another content", func(a author) uint64 {
			id := a.lost()
			grant := a.Grant(id, 2)
			grant.Job[0]++
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}},
		{"a grant names nobody who signed", func(a author) uint64 {
			id := a.lost()
			grant := a.Grant(id, 2)
			grant.Keys = nil
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}},
	}
}

// submit records that somebody submitted a job.
func submit(a author, id string, by event.Actor, s job.Submission) uint64 {
	return a.Emit(event.Header{Aggregate: historytest.JobOf(id), Actor: by}, job.Submitted{Submission: s}).Seq
}

func by(key signing.PrivateKey) event.Actor { return event.ByClient(string(key.Public().ID())) }

func ofSubmissions() []Forgery {
	client, thief, k1 := historytest.Key("client"), historytest.Key("thief"), historytest.Key("runner k1")
	x, jcs := historytest.Job{}, historytest.Job{Form: job.FormJCS}
	return []Forgery{
		{"a job is submitted twice", func(a author) uint64 {
			a.Submit("twice", x)
			a.Seal()
			return submit(a, "twice", by(client), x.Submission("twice", client))
		}},
		{"a job is submitted again after it ended", func(a author) uint64 {
			return a.again(a.completed()).Seq
		}},
		{"a job is submitted again after it ended, and more is wrong behind that", func(a author) uint64 {
			running, again := a.running(), a.again(a.failed()).Seq
			a.Emit(of(running), job.Completed{Attempt: 1})
			return again
		}},
		{"a job is signed by a client whom nobody admitted", func(a author) uint64 {
			return submit(a, "unknown", by(thief), x.Submission("unknown", thief))
		}},
		{"a job is signed with a runner's key", func(a author) uint64 {
			return submit(a, "mixed", by(k1), jcs.Submission("mixed", k1))
		}},
		{"a job is submitted under another id", func(a author) uint64 {
			return submit(a, "elsewhere", by(client), x.Submission("here", client))
		}},
		{"a job is said to be from somebody else", func(a author) uint64 {
			return submit(a, "whose", event.ByAPIKey("ci"), x.Submission("whose", client))
		}},
		{"a job happens that nobody submitted", func(a author) uint64 {
			return a.Emit(of("nowhere"), job.Queued{Grant: job.Grant{Attempt: 1, Queue: job.RunnerQueue("r1")}}).Seq
		}},
	}
}
