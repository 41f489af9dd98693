package audittest

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

func ofBundles() []Forgery {
	r1, r2 := Processes()
	return []Forgery{
		{"a bundle is signed with the key of another runner", func(a *Author) uint64 {
			p := Process{r1.Runner, "c3", r2.Key}
			wrong := a.Next()
			a.Report(p, runner.Started{About: a.About(a.someJob())})
			return wrong
		}},
		{"a process changes its key", func(a *Author) uint64 {
			wrong := a.Next()
			a.Report(Process{r1.Runner, r1.Name, Key("thief")}, runner.Leave{})
			return wrong
		}},
		{"a bundle has a signature that its runner did not make", func(a *Author) uint64 {
			b := runner.Bundle{
				Namespace: string(a.Namespace), Runner: r1.Runner, Process: r1.Name, Reports: []runner.Report{runner.Leave{}},
				Number: a.State.Processes["r1/a1"].Number + 1,
			}
			signed := b.Sign(Key("thief"))
			signed.Key = r1.Key.Public().ID()
			return a.bundle(signed, &b)
		}},
		{"a bundle is recorded twice", func(a *Author) uint64 {
			b := runner.Bundle{
				Namespace: string(a.Namespace), Runner: r1.Runner, Process: r1.Name, Reports: []runner.Report{runner.Leave{}},
				Number: a.State.Processes["r1/a1"].Number,
			}
			return a.bundle(b.Sign(r1.Key), &b)
		}},
		{"a bundle was meant for another namespace", func(a *Author) uint64 {
			b := runner.Bundle{
				Namespace: "elsewhere", Runner: r1.Runner, Process: r1.Name, Reports: []runner.Report{runner.Leave{}},
				Number: a.State.Processes["r1/a1"].Number + 1,
			}
			return a.bundle(b.Sign(r1.Key), &b)
		}},
		{"a runner reports on a job of another runner's queue", func(a *Author) uint64 {
			id := a.waiting()
			h := a.Report(r2, runner.Started{About: a.About(id)})(0)
			h.Aggregate = of(id).Aggregate
			return a.Emit(h, job.Started{Attempt: 1, Process: r2.Name}).Seq
		}},
	}
}

func ofJoins() []Forgery {
	r1, r2 := Processes()
	return []Forgery{
		{"a process reports and never joined", func(a *Author) uint64 {
			wrong := a.Next()
			a.Report(Process{r1.Runner, "c3", r1.Key}, runner.Leave{})
			return wrong
		}},
		{"a process' joining has no consequence", func(a *Author) uint64 {
			wrong := a.Next()
			a.Report(Process{r1.Runner, "c3", r1.Key}, runner.Join{Key: r1.Key.Public(), Slots: 1})
			return wrong
		}},
		{"a second key joins under a pinned runner", func(a *Author) uint64 {
			thief := Key("thief")
			h := a.Report(Process{r1.Runner, "c3", thief}, runner.Join{Key: thief.Public(), Slots: 1})(0)
			return a.joined(h, r1, runner.Joined{Process: "c3", Key: thief.Public(), Pin: a.State.Runners["r1"].Pin, Slots: 1})
		}},
		{"a runner's pin changes", func(a *Author) uint64 {
			h := a.Report(Process{r1.Runner, "c3", r1.Key}, runner.Join{Key: r1.Key.Public(), Slots: 1})(0)
			return a.joined(h, r1, runner.Joined{Process: "c3", Key: r1.Key.Public(), Pin: Key("thief").Public(), Slots: 1})
		}},
		{"a runner joins for a kind that it is not admitted for", func(a *Author) uint64 {
			kinds := []domain.Name{"hero"}
			h := a.Report(Process{r2.Runner, "c3", r2.Key}, runner.Join{Key: r2.Key.Public(), Kinds: kinds, Slots: 1})(0)
			return a.joined(h, r2, runner.Joined{Process: "c3", Key: r2.Key.Public(), Kinds: kinds, Slots: 1})
		}},
	}
}

func (a *Author) someJob() job.ID { return a.jobs[len(a.jobs)-1] }

func (a *Author) bundle(s runner.Signed, b *runner.Bundle) uint64 {
	id := runner.AggregateID(b.Runner, b.Process)
	h := event.Header{Aggregate: event.Aggregate{Kind: event.Report, ID: id}, Actor: event.ByRunner(string(b.Runner))}
	return a.Emit(h, runner.NewReported(s, b)).Seq
}

func (a *Author) joined(h event.Header, p Process, data runner.Joined) uint64 {
	h.Aggregate = event.Aggregate{Kind: event.Runner, ID: string(p.Runner)}
	data.Marks = a.marks(p, data.Kinds...)
	return a.Emit(h, data).Seq
}

func ofStatements() []Forgery {
	statement := event.Header{Aggregate: event.Aggregate{Kind: event.Access}, Actor: event.ByAPIKey("admin")}
	return []Forgery{
		{"the namespace is founded twice", func(a *Author) uint64 {
			return a.Emit(statement, a.State.Access.Founding).Seq
		}},
		{"a key is admitted twice", func(a *Author) uint64 {
			k, _ := a.State.Access.Key(access.Client, Key(Client).Public().ID(), a.Now)
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a key is admitted that did not ask for it", func(a *Author) uint64 {
			k := access.Key{Class: access.Client, Name: "c2", Public: Key("thief").Public()}
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a key is admitted whose end has passed", func(a *Author) uint64 {
			k := access.Key{Class: access.Client, Name: "c2", Public: Key("late").Public(), Until: Start}
			k.Proof = Key("late").Sign(access.AdmissionText(a.Namespace, k))
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a client's key is made a supervisor's", func(a *Author) uint64 {
			k := access.Key{Class: access.Supervisor, Name: "c1", Public: Key(Client).Public()}
			k.Proof = Key(Client).Sign(access.AdmissionText(a.Namespace, k))
			return a.Emit(statement, access.Admitted{Key: k}).Seq
		}},
		{"a statement is skipped", func(a *Author) uint64 {
			h := statement
			h.Version = a.State.Access.Statements + 2
			k := access.Key{Class: access.Client, Name: "c2", Public: Key("late").Public()}
			k.Proof = Key("late").Sign(access.AdmissionText(a.Namespace, k))
			return a.Emit(h, access.Admitted{Key: k}).Seq
		}},
		{"a seal names a statement that is not there", func(a *Author) uint64 {
			a.statements++
			return a.Emit(of(a.someJob()), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
	}
}

func ofTerms() []Forgery {
	began := func(a *Author, b term.Began) uint64 {
		h := event.Header{Aggregate: event.Aggregate{Kind: event.Leader}, Actor: event.BySystem("leader")}
		return a.Emit(h, b).Seq
	}
	return []Forgery{
		{"a term begins that is not higher", func(a *Author) uint64 {
			return began(a, term.Began{Term: a.Term, Name: "first", Key: a.Sealer.Public().ID()})
		}},
		{"a term begins under the seal of another one", func(a *Author) uint64 {
			return began(a, term.Began{Term: a.Term + 1, Name: "first", Key: a.Sealer.Public().ID()})
		}},
		{"a term begins that another key seals", func(a *Author) uint64 {
			a.Term++
			return began(a, term.Began{Term: a.Term, Name: "first", Key: Key(Old).Public().ID()})
		}},
		{"the seal's term falls", func(a *Author) uint64 {
			a.Term--
			return a.Emit(of(a.someJob()), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"the seal follows another seal", func(a *Author) uint64 {
			a.prev = signing.Hash{1}
			return a.Emit(of(a.someJob()), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a term begins under a key whose end has passed", func(a *Author) uint64 {
			a.Begin("old", Key(Old))
			return a.Next() - 1
		}},
		{"a term begins under a client's key", func(a *Author) uint64 {
			a.Begin("c1", Key(Client))
			return a.Next() - 1
		}},
		{"a term begins under a key that nobody knows", func(a *Author) uint64 {
			a.Begin("thief", Key("thief"))
			return a.Next() - 1
		}},
		{"another supervisor seals in a term that it does not lead", func(a *Author) uint64 {
			a.Sealer = Key(Old)
			return a.Emit(of(a.someJob()), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a seal is of a term that did not begin", func(a *Author) uint64 {
			a.Term++
			return a.Emit(of(a.someJob()), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
	}
}
