package rpcapitest

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

// Admission returns a key with the proof that goes with its admission.
func Admission(key signing.PrivateKey, class access.Class, name string) access.Key {
	return historytest.Admission(Namespace, key, access.Key{Class: class, Name: domain.Name(name)})
}

// Runner is a runner process that reports what a test tells it. It is not safe
// for concurrent use.
type Runner struct {
	system *System
	as     *historytest.Process
	number uint64 // of its last bundle
}

// Runner makes a process join under a runner id. Kinds are executors whose jobs
// it may take too; its key is admitted for them.
func (s *System) Runner(id string, kinds ...domain.Name) *Runner {
	s.t.Helper()
	r := &Runner{system: s, as: &historytest.Process{Runner: domain.Name(id), Name: "8f3a", Kinds: kinds, Key: Key(9)}}
	if len(kinds) > 0 {
		key := Admission(r.as.Key, access.Runner, id)
		key.Kinds = kinds
		s.admit(key)
	}
	join := runner.JoinAs{
		Join:    runner.Join{Key: r.as.Key.Public(), Kinds: kinds, Slots: 4},
		Process: r.as.Name, Admitted: kinds, Known: len(kinds) > 0, FirstUse: true,
	}
	for _, q := range runner.Queues(r.as.Runner, kinds) {
		join.Marks = append(join.Marks, runner.Mark{Queue: q, Seq: 1})
	}
	r.report(func(tx *eventstore.Tx, by eventstore.By) error { return tx.DecideRunner(r.as.Runner, by, join) }, job.ID{}, join.Join)
	return r
}

// Start says that the open attempt of a job runs, and what it wrote.
func (r *Runner) Start(id string, lines ...string) {
	r.system.t.Helper()
	about := r.about(id)
	reports := []runner.Report{runner.Started{About: about}}
	if len(lines) > 0 {
		log := runner.Log{About: about}
		for _, text := range lines {
			log.Lines = append(log.Lines, runner.Line{At: about.At, Stream: runner.Stdout, Text: text})
		}
		reports = append(reports, log)
	}
	r.decide(about, job.Start{Token: about.Token, By: r.as.Actor(), Process: r.as.Name}, reports...)
}

// Complete says that the open attempt of a job ended well.
func (r *Runner) Complete(id, result string) {
	r.system.t.Helper()
	about := r.about(id)
	r.decide(about, job.Finish{Start: job.Start{Token: about.Token, By: r.as.Actor(), Process: r.as.Name}, At: event.At(r.system.Clock())}, runner.Completed{About: about, Result: result})
}

// Fail says that the open attempt of a job failed by its own fault.
func (r *Runner) Fail(id, message string, exit int32) {
	r.system.t.Helper()
	about := r.about(id)
	r.decide(about, job.Finish{Start: job.Start{Token: about.Token, By: r.as.Actor(), Process: r.as.Name}, Failure: job.FailedError, At: event.At(r.system.Clock())},
		runner.Failed{About: about, Kind: job.FailedError, Exit: exit, Message: message})
}

// about names the open attempt of a job.
func (r *Runner) about(text string) runner.About {
	id, err := job.ParseID(text)
	if err != nil {
		r.system.t.Fatal(err)
	}
	about := runner.About{Job: id, At: event.At(r.system.Clock())}
	err = r.system.Leader.Execute(r.system.t.Context(), eventstore.Work{
		Aggregates: eventstore.Jobs(id),
		Decide: func(tx *eventstore.Tx) error {
			about.Token = tx.Job(id).Token
			return nil
		},
	})
	if err != nil || about.Token.IsZero() {
		r.system.t.Fatalf("job %s has no open attempt (%v)", text, err)
	}
	return about
}

func (r *Runner) decide(about runner.About, c job.Command, reports ...runner.Report) {
	r.system.t.Helper()
	r.report(func(tx *eventstore.Tx, by eventstore.By) error {
		_, err := tx.DecideJob(about.Job, by, c)
		return err
	}, about.Job, reports...)
}

// report records a bundle and what its last report decides.
func (r *Runner) report(decide func(*eventstore.Tx, eventstore.By) error, id job.ID, reports ...runner.Report) {
	r.system.t.Helper()
	r.number++
	b := r.as.Bundle(Namespace, r.number, reports...)
	cause := runner.Cause{Runner: r.as.Runner, Process: r.as.Name, Number: r.number}
	by := eventstore.By{Actor: r.as.Actor(), Cause: cause.String()}
	signed := b.Sign(r.as.Key)
	touched := eventstore.Process(r.as.Runner, r.as.Name)
	if !id.IsZero() {
		touched = append(touched, eventstore.Jobs(id)...)
	}
	err := r.system.Leader.Execute(r.system.t.Context(), eventstore.Work{
		Aggregates: touched,
		Decide: func(tx *eventstore.Tx) error {
			if _, err := tx.Report(signed, b); err != nil {
				return err
			}
			return decide(tx, by)
		},
	})
	if err != nil {
		r.system.t.Fatal(err)
	}
}

// Leave lets the process take leave.
func (r *Runner) Leave() {
	r.system.t.Helper()
	r.report(func(tx *eventstore.Tx, by eventstore.By) error {
		return tx.DecideRunner(r.as.Runner, by, runner.Go{Process: r.as.Name})
	}, job.ID{}, runner.Leave{})
}
