package audittest

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

func ofBundles() []Forgery {
	return []Forgery{
		{"a bundle is signed with the key of another runner", func(a author) uint64 {
			id := a.waiting()
			wrong := a.Next()
			a.Hear(another(a.k1.Key), runner.Started{About: a.About(id)})
			return wrong
		}},
		{"a process changes its key", func(a author) uint64 {
			wrong := a.Next()
			a.Hear(&historytest.Process{Runner: "r1", Name: a.r1.Name, Key: historytest.Key("thief")}, runner.Leave{})
			return wrong
		}},
		{"a bundle has a signature that its runner did not make", func(a author) uint64 {
			b := a.Bundle(a.r1, runner.Leave{})
			signed := b.Sign(historytest.Key("thief"))
			signed.Key = a.r1.Key.Public().ID()
			return a.bundle(signed, b)
		}},
		{"a bundle is recorded twice", func(a author) uint64 {
			b := a.Bundle(a.r1, runner.Leave{})
			b.Number--
			return a.bundle(b.Sign(a.r1.Key), b)
		}},
		{"a bundle was meant for another namespace", func(a author) uint64 {
			b := a.Bundle(a.r1, runner.Leave{})
			b.Namespace = "elsewhere"
			return a.bundle(b.Sign(a.r1.Key), b)
		}},
		{"a runner reports on a job of another runner's queue", func(a author) uint64 {
			id := a.waiting()
			h := a.Hear(a.k1, runner.Started{About: a.About(id)})(0)
			h.Aggregate = historytest.JobOf(id)
			return a.Emit(h, job.Started{Attempt: 1, Process: a.k1.Name}).Seq
		}},
	}
}

// another is a process of r1 that did not join, with a key.
func another(key signing.PrivateKey) *historytest.Process {
	return &historytest.Process{Runner: "r1", Name: "c3", Key: key}
}

// bundle records a bundle in the place of its process.
func (a author) bundle(s runner.Signed, b *runner.Bundle) uint64 {
	w := historytest.Process{Runner: b.Runner, Name: b.Process}
	return a.Emit(event.Header{Aggregate: w.Aggregate(), Actor: w.Actor()}, runner.NewReported(s, b)).Seq
}

func ofJoins() []Forgery {
	return []Forgery{
		{"a process reports and never joined", func(a author) uint64 {
			wrong := a.Next()
			a.Hear(another(a.r1.Key), runner.Leave{})
			return wrong
		}},
		{"a process' joining has no consequence", func(a author) uint64 {
			wrong := a.Next()
			c3 := another(a.r1.Key)
			a.Hear(c3, c3.Join())
			return wrong
		}},
		{"a process that left begins again", func(a author) uint64 {
			w := a.NewProcess("r1")
			a.Report(w, w.Join())
			a.Seal()
			a.Report(w, runner.Leave{})
			a.Seal()
			b := w.Bundle(a.Namespace, 1, w.Join())
			wrong := a.Emit(event.Header{Aggregate: w.Aggregate(), Actor: w.Actor(), Version: 1}, runner.NewReported(b.Sign(w.Key), b)).Seq
			a.Emit(event.Header{
				Aggregate: historytest.RunnerOf(w.Runner), Actor: w.Actor(),
				Cause: runner.Cause{Runner: w.Runner, Process: w.Name, Number: 1}.String(),
			}, runner.Joined{
				Process: w.Name, Key: w.Key.Public(), Pin: a.State.Runners[w.Runner].Pin, Slots: 4, Marks: a.Marks(w),
			})
			return wrong
		}},
		{"a second key joins under a pinned runner", func(a author) uint64 {
			return a.joined(another(historytest.Key("thief")), a.State.Runners["r1"].Pin)
		}},
		{"a runner's pin changes", func(a author) uint64 {
			return a.joined(another(a.r1.Key), historytest.Key("thief").Public())
		}},
		{"a runner joins for a kind that it is not admitted for", func(a author) uint64 {
			return a.joined(&historytest.Process{Runner: "k1", Name: "c3", Kinds: []domain.Name{"hero"}, Key: a.k1.Key}, signing.PublicKey{})
		}},
	}
}

// joined records that a process joined as it reported, and the runner's pin.
func (a author) joined(w *historytest.Process, pin signing.PublicKey) uint64 {
	join := runner.Join{Key: w.Key.Public(), Kinds: w.Kinds, Slots: 1}
	h := a.Hear(w, join)(0)
	h.Aggregate = historytest.RunnerOf(w.Runner)
	return a.Emit(h, runner.Joined{
		Process: w.Name, Key: join.Key, Pin: pin, Kinds: join.Kinds, Slots: join.Slots, Marks: a.Marks(w),
	}).Seq
}

// admitted records that a key was admitted that asked for it.
func (a author) admitted(h event.Header, name string, k access.Key) uint64 {
	return a.Emit(h, access.Admitted{Key: historytest.Admission(a.Namespace, historytest.Key(name), k)}).Seq
}

func ofStatements() []Forgery {
	statement := event.Header{Aggregate: event.Aggregate{Kind: event.Access}, Actor: event.ByAPIKey("admin")}
	return []Forgery{
		{"a runner's key is of secp256k1", func(a author) uint64 {
			k := access.Key{Class: access.Runner, Name: "r9"}.Proved(a.Namespace, historytest.Secp256k1Key("runner r9"))
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a runner's key is rotated to one of secp256k1", func(a author) uint64 {
			next := historytest.Secp256k1Key("runner k9")
			return a.Emit(statement, access.Rotation(a.Namespace, a.k1.Key, next, a.Now)).Seq
		}},
		{"the namespace is founded twice", func(a author) uint64 {
			return a.Emit(statement, a.State.Access.Founding).Seq
		}},
		{"a key is admitted twice", func(a author) uint64 {
			k, _ := a.State.Access.Key(access.Client, historytest.Key("client").Public().ID(), a.Now)
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a key is admitted that did not ask for it", func(a author) uint64 {
			k := access.Key{Class: access.Client, Name: "c2", Public: historytest.Key("thief").Public()}
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a key is admitted whose end has passed", func(a author) uint64 {
			return a.admitted(statement, "late", access.Key{Class: access.Client, Name: "c2", Until: historytest.Start})
		}},
		{"a client's key is made a supervisor's", func(a author) uint64 {
			return a.admitted(statement, "client", access.Key{Class: access.Supervisor, Name: "c1"})
		}},
		{"a statement is skipped", func(a author) uint64 {
			h := statement
			h.Version = a.State.Access.Statements + 2
			return a.admitted(h, "late", access.Key{Class: access.Client, Name: "c2"})
		}},
		{"a seal names a statement that is not there", func(a author) uint64 {
			id := a.waiting()
			a.Draft.Statements++
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
	}
}

func ofTerms() []Forgery {
	began := func(a author, b term.Began) uint64 {
		h := event.Header{Aggregate: event.Aggregate{Kind: event.Leader}, Actor: event.BySystem("leader")}
		return a.Emit(h, b).Seq
	}
	return []Forgery{
		{"a term begins that is not higher", func(a author) uint64 {
			return began(a, term.Began{Term: a.Draft.Term, Name: "first", Key: a.Supervisor.Public().ID()})
		}},
		{"a term begins under the seal of another one", func(a author) uint64 {
			return began(a, term.Began{Term: a.Draft.Term + 1, Name: "first", Key: a.Supervisor.Public().ID()})
		}},
		{"a term begins that another key seals", func(a author) uint64 {
			a.Draft.Term++
			return began(a, term.Began{Term: a.Draft.Term, Name: "first", Key: historytest.Key(historytest.Expired).Public().ID()})
		}},
		{"the seal's term falls", func(a author) uint64 {
			id := a.waiting()
			a.Draft.Term--
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"the seal follows another seal", func(a author) uint64 {
			id := a.waiting()
			a.Draft.Prev = signing.Hash{1}
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a term begins under a key whose end has passed", func(a author) uint64 {
			a.Begin(historytest.Key(historytest.Expired))
			return a.Next() - 1
		}},
		{"a term begins under a client's key", func(a author) uint64 {
			a.Begin(historytest.Key("client"))
			return a.Next() - 1
		}},
		{"a term begins under a key that nobody knows", func(a author) uint64 {
			a.Begin(historytest.Key("thief"))
			return a.Next() - 1
		}},
		{"another supervisor seals in a term that it does not lead", func(a author) uint64 {
			id := a.waiting()
			a.Supervisor = historytest.Key(historytest.Expired)
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a seal is of a term that did not begin", func(a author) uint64 {
			id := a.waiting()
			a.Draft.Term++
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
	}
}
