package historytest

import (
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Process is a runner process.
type Process struct {
	Runner domain.Name
	Name   string
	Kinds  []domain.Name
	Key    signing.PrivateKey
}

// NewProcess makes another process of a runner. With kinds, its key must have
// been admitted for them.
func (p *Partition) NewProcess(id domain.Name, kinds ...domain.Name) *Process {
	w := &Process{Runner: id, Kinds: kinds, Key: runnerKey(id)}
	for n := 0xa0 + len(p.processes); w.Name == "" || p.process(w).Version > 0; n++ {
		w.Name = fmt.Sprintf("%x", n)
	}
	p.processes = append(p.processes, w)
	return w
}

// runnerKey is the key of a runner's processes.
func runnerKey(id domain.Name) signing.PrivateKey { return Key("runner " + string(id)) }

// Processes returns all processes, in the order in which they were made.
func (p *Partition) Processes() []*Process { return p.processes }

// process returns how far a process was heard.
func (p *Partition) process(w *Process) runner.Process { return p.State.Processes[w.Aggregate().ID] }

// Aggregate names the process' reports.
func (w *Process) Aggregate() event.Aggregate {
	return event.Aggregate{Kind: event.Report, ID: runner.AggregateID(w.Runner, w.Name)}
}

// Actor is what the process' runner is called in events.
func (w *Process) Actor() event.Actor { return event.ByRunner(string(w.Runner)) }

// Join returns the report that every process begins with.
func (w *Process) Join() runner.Report {
	return runner.Join{Key: w.Key.Public(), Kinds: w.Kinds, Slots: 4}
}

// Bundle returns a bundle of the process. It is not signed yet.
func (w *Process) Bundle(namespace domain.Name, number uint64, reports ...runner.Report) *runner.Bundle {
	return &runner.Bundle{Namespace: string(namespace), Runner: w.Runner, Process: w.Name, Number: number, Reports: reports}
}

// Bundle returns the next bundle of a process.
func (p *Partition) Bundle(w *Process, reports ...runner.Report) *runner.Bundle {
	return w.Bundle(p.Namespace, p.process(w).Number+1, reports...)
}

// Hear records a process' next bundle and nothing that it decides, whether it
// could have been sent or not. What its reports cause has the headers that it
// returns, but for the aggregate.
func (tx *Tx) Hear(w *Process, reports ...runner.Report) (cause func(index int) event.Header) {
	b := tx.Bundle(w, reports...)
	tx.Emit(event.Header{Aggregate: w.Aggregate(), Actor: w.Actor()}, runner.NewReported(b.Sign(w.Key), b))
	return func(index int) event.Header {
		cause := runner.Cause{Runner: w.Runner, Process: w.Name, Number: b.Number, Index: index}
		return event.Header{Actor: w.Actor(), Cause: cause.String()}
	}
}

// Report records a bundle and everything that it decides. Of the end of an
// attempt that is not the open one the job's history says that it was refused.
func (tx *Tx) Report(w *Process, reports ...runner.Report) {
	cause := tx.Hear(w, reports...)
	for i, r := range reports {
		h := cause(i)
		switch r := r.(type) {
		case runner.Join:
			tx.runner(w, h, runner.JoinAs{
				Join: r, Process: w.Name, Admitted: w.Kinds, FirstUse: true, Marks: tx.Marks(w),
				Known: tx.State.Access.MayServe(w.Runner, w.Key.Public().ID(), w.Kinds, tx.Now),
			})
		case runner.Leave:
			tx.runner(w, h, runner.Go{Process: w.Name})
		case runner.Started:
			tx.about(w, r, r.About, h, w.start(r.About))
		case runner.Checkpoint:
			tx.about(w, r, r.About, h, job.Keep{Start: w.start(r.About), Hash: r.Hash(), At: tx.Now})
		case runner.Completed:
			tx.about(w, r, r.About, h, job.Finish{Start: w.start(r.About), At: tx.Now})
		case runner.Failed:
			tx.about(w, r, r.About, h, job.Finish{Start: w.start(r.About), Failure: r.Kind, Again: r.Again, After: r.After, At: tx.Now})
		case runner.Stopped:
			tx.about(w, r, r.About, h, job.Finish{Start: w.start(r.About), Stopped: true, At: tx.Now})
		case runner.Log, runner.Progress, runner.Refused:
		}
	}
}

// start says that the process began an attempt.
func (w *Process) start(a runner.About) job.Start {
	return job.Start{Token: a.Token, Process: w.Name, By: w.Actor()}
}

// Marks lets a process begin with the grants of its queues that are open.
func (p *Partition) Marks(w *Process) (marks []runner.Mark) {
	for _, q := range runner.Queues(w.Runner, w.Kinds) {
		marks = append(marks, runner.Mark{Queue: q, Seq: p.mark(q)})
	}
	return marks
}

// mark returns the lowest place that an open grant of a queue has.
func (p *Partition) mark(q job.Queue) uint64 {
	lowest := p.Seq() + 1
	for _, s := range p.State.Jobs {
		if s.Open() && s.Queue == q {
			lowest = min(lowest, s.GrantSeq)
		}
	}
	return lowest
}

// RunnerOf names a runner's aggregate.
func RunnerOf(id domain.Name) event.Aggregate {
	return event.Aggregate{Kind: event.Runner, ID: string(id)}
}

func (tx *Tx) runner(w *Process, h event.Header, c runner.Command) {
	events, err := runner.Decide(tx.State.Runners[w.Runner], c)
	must(err)
	h.Aggregate = RunnerOf(w.Runner)
	for _, data := range events {
		tx.Emit(h, data)
	}
}

// about asks a command of the job that a report is about, unless the report is
// from somebody who may not. One that is late is refused.
func (tx *Tx) about(w *Process, r runner.Report, about runner.About, h event.Header, c job.Command) {
	state := tx.State.Jobs[about.Job]
	if state.Status == job.None || !tx.serves(w, state.Queue) {
		return
	}
	if _, err := job.Decide(state, c); domain.CodeOf(err) != domain.Stale {
		tx.decide(about.Job, h, c)
		return
	}
	if _, said, ends := history.Ends(r); ends {
		tx.decide(about.Job, h, job.Refuse{Token: about.Token, Process: w.Name, Said: said})
	}
}

// serves reports whether a process may take from a queue.
func (p *Partition) serves(w *Process, q job.Queue) bool {
	if owner, own := q.Runner(); own {
		return owner == w.Runner
	}
	return slices.Contains(w.Kinds, q.Name())
}
