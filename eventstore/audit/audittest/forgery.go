package audittest

import (
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// Forgery is something that could not have happened and that a supervisor, or
// whoever has its key, nevertheless sealed.
type Forgery struct {
	Name string
	// Write writes it at the end of an author's log, which goes on after it,
	// and returns the place at which an audit must find it.
	Write func(a *Author) (wrong uint64)
}

// Forgeries returns every kind there is.
func Forgeries() []Forgery {
	return slices.Concat(ofOutcomes(), ofAttempts(), ofGrants(), ofSubmissions(), ofBundles(), ofJoins(), ofStatements(), ofTerms())
}

// Forge goes on after a log with a forgery and with what a supervisor would
// have sealed then.
func (f Forgery) Forge(log []history.Raw, seed uint64) ([]history.Raw, uint64) {
	namespace, _ := origin(log)
	a := Resume(domain.Name(namespace), seed, log)
	wrong := f.Write(a)
	a.Seal()
	a.Submit(a.job("after"), false)
	a.Seal()
	return a.Log(), wrong
}

// job returns a job for the first process, signed by the client.
func (a *Author) job(name string) job.Submission {
	return Sign(job.FormDSSE, Document(fmt.Sprintf("%s-%d", name, a.Next()), `"runner":"r1"`), Key(Client))
}

// At these points of a job's life the forgeries set in. The commit is sealed.
func (a *Author) waiting() job.ID {
	id := a.Submit(a.job("forged"), false)
	a.Seal()
	return id
}

func (a *Author) running() job.ID {
	id := a.waiting()
	a.Start(id)
	a.Seal()
	return id
}

func (a *Author) ended(failure job.FailureKind) job.ID {
	id := a.running()
	a.Finish(id, failure)
	a.Seal()
	return id
}

// of is the header of a job's event that the supervisor causes.
func of(id job.ID) event.Header {
	return event.Header{Aggregate: event.Aggregate{Kind: event.Job, ID: id.String()}, Actor: event.BySystem("redelivery")}
}

// reported is the header of a job's event that a report of its process causes.
func (a *Author) reported(id job.ID, r runner.Report) event.Header {
	p, _ := Processes()
	h := a.Report(p, r)(0)
	h.Aggregate = of(id).Aggregate
	return h
}

func ofOutcomes() []Forgery {
	return []Forgery{
		{"a job completes after it failed", func(a *Author) uint64 {
			id := a.ended(job.FailedError)
			return a.Emit(a.reported(id, runner.Completed{About: a.About(id)}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job fails after it completed", func(a *Author) uint64 {
			id := a.ended("")
			return a.Emit(a.reported(id, runner.Failed{About: a.About(id), Kind: job.FailedError}), job.Failed{Attempt: 1, Kind: job.FailedError}).Seq
		}},
		{"a job completes that never started", func(a *Author) uint64 {
			id := a.waiting()
			return a.Emit(a.reported(id, runner.Completed{About: a.About(id)}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job completes and nobody reported it", func(a *Author) uint64 {
			return a.Emit(of(a.running()), job.Completed{Attempt: 1}).Seq
		}},
		{"a job completes that was reported to have failed", func(a *Author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Failed{About: a.About(id), Kind: job.FailedError}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job fails otherwise than was reported", func(a *Author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Failed{About: a.About(id), Kind: job.FailedError}), job.Failed{Attempt: 1, Kind: job.FailedTimeout}).Seq
		}},
		{"a job fails as lost that was not", func(a *Author) uint64 {
			return a.Emit(of(a.running()), job.Failed{Attempt: 1, Kind: job.FailedLost}).Seq
		}},
		{"a job completes by the report on another one", func(a *Author) uint64 {
			other, id := a.running(), a.running()
			return a.Emit(a.reported(id, runner.Completed{About: a.About(other)}), job.Completed{Attempt: 1}).Seq
		}},
		{"a job completes by a report on an attempt that was lost", func(a *Author) uint64 {
			id := a.running()
			about := a.About(id)
			a.Lose(id, job.LostQueue)
			a.Start(id)
			return a.Emit(a.reported(id, runner.Completed{About: about}), job.Completed{Attempt: 2}).Seq
		}},
	}
}

func ofAttempts() []Forgery {
	return []Forgery{
		{"a job starts twice", func(a *Author) uint64 {
			id := a.running()
			return a.Emit(a.reported(id, runner.Started{About: a.About(id)}), job.Started{Attempt: 1, Process: "a1"}).Seq
		}},
		{"an attempt starts that is not open", func(a *Author) uint64 {
			id := a.waiting()
			return a.Emit(a.reported(id, runner.Started{About: a.About(id)}), job.Started{Attempt: 2, Process: "a1"}).Seq
		}},
		{"an attempt is lost that had ended", func(a *Author) uint64 {
			return a.Emit(of(a.ended("")), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"an attempt starts after it was lost", func(a *Author) uint64 {
			id := a.running()
			a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			return a.Emit(of(id), job.Started{Attempt: 1, Process: "a1"}).Seq
		}},
		{"a job's version is skipped", func(a *Author) uint64 {
			h := of(a.running())
			h.Version = 9
			return a.Emit(h, job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a job's version is given twice", func(a *Author) uint64 {
			h := of(a.running())
			h.Version = 2
			return a.Emit(h, job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
	}
}

func ofGrants() []Forgery {
	return []Forgery{
		{"a job is queued while an attempt is open", func(a *Author) uint64 {
			id := a.running()
			return a.Emit(of(id), job.Queued{Grant: a.grant(id, 2)}).Seq
		}},
		{"a completed job is queued again", func(a *Author) uint64 {
			id := a.ended("")
			return a.Emit(of(id), job.Queued{Grant: a.grant(id, 2)}).Seq
		}},
		{"an attempt is skipped", func(a *Author) uint64 {
			id := a.running()
			a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			return a.Emit(of(id), job.Queued{Grant: a.grant(id, 3)}).Seq
		}},
		{"a grant is for another queue", func(a *Author) uint64 {
			id := a.running()
			a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			grant := a.grant(id, 2)
			grant.Queue = job.RunnerQueue("r2")
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}},
		{"a grant is for another content", func(a *Author) uint64 {
			id := a.running()
			a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			grant := a.grant(id, 2)
			grant.Job[0]++
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}},
		{"a grant names nobody who signed", func(a *Author) uint64 {
			id := a.running()
			a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			grant := a.grant(id, 2)
			grant.Keys = nil
			return a.Emit(of(id), job.Queued{Grant: grant}).Seq
		}},
	}
}

// grant is what the next attempt of a job would be granted with, but for its
// number.
func (a *Author) grant(id job.ID, attempt uint32) job.Grant {
	s := a.State.Jobs[id]
	return job.Grant{Attempt: attempt, Queue: s.Queue, Job: s.Hash, Keys: s.Signers}
}

func ofSubmissions() []Forgery {
	submit := func(a *Author, id string, by event.Actor, s job.Submission) uint64 {
		h := event.Header{Aggregate: event.Aggregate{Kind: event.Job, ID: id}, Actor: by}
		return a.Emit(h, job.Submitted{Submission: s}).Seq
	}
	client := event.ByClient(string(Key(Client).Public().ID()))
	return []Forgery{
		{"a job is submitted twice", func(a *Author) uint64 {
			s := a.job("twice")
			id := a.Submit(s, false)
			a.Seal()
			return submit(a, id.String(), client, s)
		}},
		{"a job is signed by a client whom nobody admitted", func(a *Author) uint64 {
			s := Sign(job.FormDSSE, Document("unknown", `"runner":"r1"`), Key("thief"))
			return submit(a, "unknown", event.ByClient(string(Key("thief").Public().ID())), s)
		}},
		{"a job is signed with a runner's key", func(a *Author) uint64 {
			s := Sign(job.FormJCS, Document("mixed", `"runner":"r1"`), Key(Admitted))
			return submit(a, "mixed", event.ByClient(string(Key(Admitted).Public().ID())), s)
		}},
		{"a job has a signature that its client did not make", func(a *Author) uint64 {
			s := Sign(job.FormDSSE, Document("unsigned", `"runner":"r1"`), Key("thief"))
			s.Signatures[0].Key = Key(Client).Public().ID()
			return submit(a, "unsigned", client, s)
		}},
		{"a job was changed after its client signed it", func(a *Author) uint64 {
			s := Sign(job.FormDSSE, Document("before", `"runner":"r1"`), Key(Client))
			s.Doc = []byte(Document("behind", `"runner":"r1"`))
			return submit(a, "behind", client, s)
		}},
		{"a job is submitted under another id", func(a *Author) uint64 {
			return submit(a, "elsewhere", client, a.job("here"))
		}},
		{"a job is said to be from somebody else", func(a *Author) uint64 {
			s := Sign(job.FormDSSE, Document("whose", `"runner":"r1"`), Key(Client))
			return submit(a, "whose", event.ByAPIKey("ci"), s)
		}},
		{"a job happens that nobody submitted", func(a *Author) uint64 {
			id, err := job.ParseID("nowhere")
			must(err)
			return a.Emit(of(id), job.Queued{Grant: job.Grant{Attempt: 1, Queue: job.RunnerQueue("r1")}}).Seq
		}},
	}
}
