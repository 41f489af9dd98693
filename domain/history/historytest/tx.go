package historytest

import (
	"fmt"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

const millisecond = time.Millisecond

// Tx is a commit that is being made.
type Tx struct {
	p          *Partition
	entries    []history.Entry
	statements uint64
}

// emit adds one event and folds it in.
func (tx *Tx) emit(a event.Aggregate, version uint64, by event.Actor, cause string, data event.Data) {
	h := event.Header{
		Namespace: string(tx.p.Namespace), Aggregate: a, Version: version, At: tx.p.Now, Actor: by, Cause: cause,
	}
	bytes := event.Append(nil, h, data)
	e := history.Entry{
		Seq: tx.p.Seq() + uint64(len(tx.entries)) + 1, Bytes: bytes, Hash: signing.LeafHash(bytes),
		Recorded: event.Recorded{Header: h, Type: data.EventName()}, Data: data,
	}
	tx.entries = append(tx.entries, e)
	tx.p.State.Apply(&e)
}

// Len returns how many events the commit has so far.
func (tx *Tx) Len() int { return len(tx.entries) }

func (tx *Tx) access(by event.Actor, c access.Command) {
	events, err := access.Decide(tx.p.State.Access, c)
	must(err)
	for _, data := range events {
		tx.emit(event.Aggregate{Kind: event.Access}, tx.p.State.Access.Statements+1, by, "", data)
	}
}

// Admit admits a key.
func (tx *Tx) Admit(class access.Class, name domain.Name, key signing.PrivateKey, kinds ...domain.Name) {
	k := access.Key{Class: class, Name: name, Public: key.Public(), Kinds: kinds}
	k.Proof = key.Sign(access.AdmissionText(tx.p.Namespace, k))
	tx.access(event.ByAPIKey("admin"), access.Admit{Key: k, At: tx.p.Now})
}

func (tx *Tx) began() {
	tx.emit(event.Aggregate{Kind: event.Leader}, tx.p.State.Term.Version+1, event.BySystem("leader"), "", term.Began{
		Term: tx.p.term, Name: "sup1", Address: "127.0.0.1:3030", Key: tx.p.Supervisor.Public().ID(),
	})
}

// Job says what a job is to be. The zero Job is for runner r1.
type Job struct {
	Runner, Executor domain.Name
	Payload          string // "x" if empty
	Attempts         int    // 3 if zero
	Held             bool
	Unsigned         bool // by the API key web; otherwise the client signs
}

func (j Job) document(id string) []byte {
	if j.Runner == "" && j.Executor == "" {
		j.Runner = "r1"
	}
	if j.Payload == "" {
		j.Payload = "x"
	}
	doc := fixedjson.AppendString([]byte(`{"id":`), id)
	doc = fixedjson.AppendString(append(doc, `,"payload":`...), j.Payload)
	if j.Runner != "" {
		doc = fixedjson.AppendString(append(doc, `,"runner":`...), string(j.Runner))
	}
	if j.Executor != "" {
		doc = fixedjson.AppendString(append(doc, `,"executor":`...), string(j.Executor))
	}
	if j.Attempts > 0 {
		doc = fmt.Appendf(doc, `,"max_attempts":%d`, j.Attempts)
	}
	return append(doc, '}')
}

// Submit submits a job.
func (tx *Tx) Submit(id string, j Job) {
	s := job.Submission{Form: job.FormUnsigned, Doc: j.document(id)}
	by := event.ByAPIKey("web")
	if !j.Unsigned {
		client := tx.p.Client
		s.Form = job.FormDSSE
		s.Signatures = []job.SubmittedSignature{{
			Key: client.Public().ID(), Signature: client.Sign(signing.PAE(job.PayloadType, s.Doc)),
		}}
		by = event.ByClient(string(client.Public().ID()))
	}
	opened, err := s.Open()
	must(err)
	tx.job(ID(id), by, "", job.Submit{Job: opened, Namespace: string(tx.p.Namespace), At: tx.p.Now, By: by, Held: j.Held})
	tx.p.jobs = append(tx.p.jobs, ID(id))
}

// job asks a command of a job.
func (tx *Tx) job(id job.ID, by event.Actor, cause string, c job.Command) {
	events, err := job.Decide(tx.p.State.Jobs[id], c)
	must(err)
	for _, data := range events {
		a := event.Aggregate{Kind: event.Job, ID: id.String()}
		tx.emit(a, tx.p.State.Jobs[id].Version+1, by, cause, data)
	}
}

// Release queues a held job.
func (tx *Tx) Release(id string) { tx.job(ID(id), event.ByAPIKey("web"), "", job.Release{}) }

// Lose gives a job's open attempt up.
func (tx *Tx) Lose(id string, reason job.LossReason) {
	tx.job(ID(id), event.BySystem("redelivery"), "",
		job.Lose{Token: tx.p.Job(id).Token, Reason: reason, At: tx.p.Now})
}

// Process is a runner process.
type Process struct {
	Runner domain.Name
	Name   string
	Kinds  []domain.Name
	Key    signing.PrivateKey
	Number uint64 // of its last bundle
	Left   bool
}

// NewProcess makes another process of a runner. With kinds, its key must have
// been admitted for them.
func (p *Partition) NewProcess(id domain.Name, kinds ...domain.Name) *Process {
	w := &Process{Runner: id, Name: fmt.Sprintf("%x", 0xa0+len(p.processes)), Kinds: kinds, Key: Key("runner " + string(id))}
	p.processes = append(p.processes, w)
	return w
}

// Join returns the report that every process begins with.
func (w *Process) Join() runner.Report {
	return runner.Join{Key: w.Key.Public(), Kinds: w.Kinds, Slots: 4}
}

// Report records a bundle and everything that it decides. Reports on attempts
// that are not open are kept and decide nothing.
func (tx *Tx) Report(w *Process, reports ...runner.Report) {
	w.Number++
	b := &runner.Bundle{Namespace: string(tx.p.Namespace), Runner: w.Runner, Process: w.Name, Number: w.Number, Reports: reports}
	actor, id := event.ByRunner(string(w.Runner)), runner.AggregateID(w.Runner, w.Name)
	tx.emit(event.Aggregate{Kind: event.Report, ID: id}, tx.p.State.Processes[id].Version+1, actor, "", runner.NewReported(b.Sign(w.Key), b))
	for i, r := range reports {
		cause := runner.Cause{Runner: w.Runner, Process: w.Name, Number: w.Number, Index: i}.String()
		switch r := r.(type) {
		case runner.Join:
			tx.join(w, r, cause)
		case runner.Leave:
			w.Left = true
			tx.runner(w.Runner, cause, runner.Go{Process: w.Name})
		case runner.Started:
			tx.about(w, r.About, cause, job.Start{Token: r.Token, Process: w.Name, By: actor})
		case runner.Completed:
			tx.about(w, r.About, cause, job.Finish{Token: r.Token, Process: w.Name, By: actor})
		case runner.Failed:
			tx.about(w, r.About, cause, job.Finish{Token: r.Token, Process: w.Name, By: actor, Failure: r.Kind})
		case runner.Log, runner.Refused:
		}
	}
}

func (tx *Tx) join(w *Process, r runner.Join, cause string) {
	known := tx.p.State.Access.MayServe(w.Runner, w.Key.Public().ID(), w.Kinds, tx.p.Now)
	var marks []runner.Mark
	for _, q := range runner.Queues(w.Runner, w.Kinds) {
		marks = append(marks, runner.Mark{Queue: q, Seq: tx.p.mark(q)})
	}
	tx.runner(w.Runner, cause, runner.JoinAs{
		Join: r, Process: w.Name, Admitted: w.Kinds, Known: known, FirstUse: true, Marks: marks,
	})
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

func (tx *Tx) runner(id domain.Name, cause string, c runner.Command) {
	events, err := runner.Decide(tx.p.State.Runners[id], c)
	must(err)
	for _, data := range events {
		a := event.Aggregate{Kind: event.Runner, ID: string(id)}
		tx.emit(a, tx.p.State.Runners[id].Version+1, event.ByRunner(string(id)), cause, data)
	}
}

// about asks a command of the job that a report is about, unless the report is
// late or from somebody who may not.
func (tx *Tx) about(w *Process, about runner.About, cause string, c job.Command) {
	if state := tx.p.State.Jobs[about.Job]; !state.Open() || state.Token != about.Token || !tx.p.serves(w, state.Queue) {
		return
	}
	events, err := job.Decide(tx.p.State.Jobs[about.Job], c)
	if domain.CodeOf(err) == domain.Stale {
		return
	}
	must(err)
	for _, data := range events {
		a := event.Aggregate{Kind: event.Job, ID: about.Job.String()}
		tx.emit(a, tx.p.State.Jobs[about.Job].Version+1, event.ByRunner(string(w.Runner)), cause, data)
	}
}

// serves reports whether a process may take from a queue.
func (p *Partition) serves(w *Process, q job.Queue) bool {
	if owner, own := q.Runner(); own {
		return owner == w.Runner
	}
	return slices.Contains(w.Kinds, q.Name())
}
