// Package audittest writes histories for tests: valid ones, as supervisors,
// runners and clients would have made them, and falsified ones, with the place
// at which an audit must find that.
//
//	author := audittest.New("horus", 1)
//	author.Live(1000)                 // at least so many events
//	log := author.Log()
//	falsified := audittest.Mutations()[0].Do(rng, log)
//	changed, err := audittest.Judge(log, falsified, func(head *audit.Head) audit.Verdict { … })
//
// A seed stands for one history, byte for byte.
package audittest

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Key returns the private key that has a name. It is no secret.
func Key(name string) signing.PrivateKey {
	seed := sha256.Sum256([]byte("audittest " + name))
	key, err := signing.GenerateKey(bytes.NewReader(seed[:]))
	must(err)
	return key
}

// must panics: what an author writes is right, or the author is not.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Names of keys that every history knows.
const (
	First    = "first supervisor"
	Second   = "second supervisor"
	Old      = "old supervisor" // expires a minute after the founding
	Operator = "operator"
	Client   = "client"
	Pinned   = "runner r1" // admitted by first use
	Admitted = "runner r2" // admitted by a statement, also for jobs of kind sh
)

// Thieves returns the names of keys that never seal anything in a history: one
// that nobody knows, those of other classes, and one that expired before it led.
func Thieves() []string { return []string{"thief", Client, Pinned, Admitted, Operator, Old} }

// Start is the time of the founding.
var Start = event.At(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)) //nolint:gochecknoglobals // a constant

// expiry is how long the key [Old] holds.
const expiry = time.Minute

// Author writes one history, event by event and commit by commit. Nothing stops
// it from writing what could not have happened.
type Author struct {
	Namespace domain.Name
	Partition uint16
	Now       event.Time
	Term      uint64
	Sealer    signing.PrivateKey
	State     *history.State // after the last event

	rng  *rand.Rand
	jobs []job.ID // in the order of their submission
	log  []history.Raw
	open []history.Entry // not sealed yet
	prev signing.Hash

	statements uint64 // before the open commit
}

// New returns an author before the first event.
func New(namespace domain.Name, seed uint64) *Author {
	return &Author{
		Namespace: namespace, Now: Start, Term: uint64(Start) / 1e6, Sealer: Key(First),
		State: history.NewState(), rng: rand.New(rand.NewPCG(seed, 0)),
	}
}

// Resume returns an author who goes on after a log that another one wrote, up
// to the end of a commit.
func Resume(namespace domain.Name, seed uint64, log []history.Raw) *Author {
	a := New(namespace, seed)
	reader := history.NewReader(string(namespace), a.Partition, 0)
	for _, raw := range log {
		commit, err := reader.Next(raw)
		must(err)
		if commit == nil {
			continue
		}
		for i := range commit.Entries {
			a.fold(&commit.Entries[i])
		}
		a.prev, a.Term, a.statements = commit.Seal.Hash(), commit.Seal.Term, a.State.Access.Statements
		for _, name := range []string{First, Second} {
			if Key(name).Public().ID() == commit.Seal.Key {
				a.Sealer = Key(name)
			}
		}
	}
	a.log = slices.Clone(log)
	return a
}

// Log returns what was sealed so far.
func (a *Author) Log() []history.Raw { return slices.Clone(a.log) }

// Next is the place of the next event.
func (a *Author) Next() uint64 { return uint64(len(a.log) + len(a.open) + 1) }

// Emit appends an event to the open commit. What the header lacks is filled in
// as the state has it.
func (a *Author) Emit(h event.Header, data event.Data) history.Entry {
	h.Namespace, h.Partition = string(a.Namespace), a.Partition
	if h.Version == 0 {
		h.Version = a.version(h.Aggregate) + 1
	}
	if h.At.IsZero() {
		h.At = a.Now
	}
	entry, err := history.ParseEntry(a.Next(), event.Append(nil, h, data))
	must(err)
	a.open = append(a.open, entry)
	a.fold(&entry)
	return entry
}

func (a *Author) fold(e *history.Entry) {
	a.State.Apply(e)
	a.Now = max(a.Now, e.At)
	if _, ok := e.Data.(job.Submitted); ok {
		id, err := job.ParseID(e.Aggregate.ID)
		must(err)
		a.jobs = append(a.jobs, id)
	}
}

// version is that of the aggregate's last event.
func (a *Author) version(g event.Aggregate) uint64 {
	switch g.Kind {
	case event.Access:
		return a.State.Access.Statements
	case event.Leader:
		return a.State.Term.Version
	case event.Runner:
		return a.State.Runners[domain.Name(g.ID)].Version
	case event.Report:
		return a.State.Processes[g.ID].Version
	case event.Job:
		id, err := job.ParseID(g.ID)
		must(err)
		return a.State.Jobs[id].Version
	}
	panic("audittest: unknown kind")
}

// Seal ends the open commit, if anything is in it.
func (a *Author) Seal() {
	if len(a.open) == 0 {
		return
	}
	leaves := make([]signing.Hash, len(a.open))
	for i, e := range a.open {
		leaves[i] = e.Hash
		a.log = append(a.log, history.Raw{Seq: e.Seq, Event: e.Bytes})
	}
	seal := signing.Seal{
		Namespace: string(a.Namespace), Partition: a.Partition, Term: a.Term,
		First: a.open[0].Seq, Count: uint32(len(a.open)), Root: signing.Root(leaves), //nolint:gosec // few
		Statements: a.statements, Prev: a.prev,
	}.Sign(a.Sealer)
	a.log[len(a.log)-1].Seal = seal.Append(nil)
	a.open, a.prev, a.statements = nil, seal.Hash(), a.State.Access.Statements
	a.Now = a.Now.Add(time.Duration(1+a.rng.IntN(3000)) * time.Millisecond)
}

// Found writes the founding.
func (a *Author) Found() {
	a.statement(event.BySystem("founding"), access.Found{Founded: access.Founded{
		Namespace: a.Namespace, Partitions: 1, Supervisor: "first",
		Key: Key(First).Public(), Operator: Key(Operator).Public(),
	}})
}

// Admit writes that a key is admitted.
func (a *Author) Admit(class access.Class, name domain.Name, key signing.PrivateKey, until event.Time, kinds ...domain.Name) {
	k := access.Key{Class: class, Name: name, Public: key.Public(), Until: until, Kinds: kinds}
	k.Proof = key.Sign(access.AdmissionText(a.Namespace, k))
	a.statement(event.ByAPIKey("admin"), access.Admit{Key: k, At: a.Now})
}

func (a *Author) statement(by event.Actor, c access.Command) {
	events, err := access.Decide(a.State.Access, c)
	must(err)
	for _, e := range events {
		a.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Access}, Actor: by}, e)
	}
}

// Begin writes that a supervisor leads from here on, with a higher term. What
// came before is sealed.
func (a *Author) Begin(name domain.Name, key signing.PrivateKey) {
	a.Term, a.Sealer = term.Next(a.Term, a.Now), key
	began := term.Began{Term: a.Term, Name: name, Address: "127.0.0.1:3030", Key: key.Public().ID()}
	a.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Leader}, Actor: event.BySystem("leader")}, began)
}

// Process is a runner process that speaks for a runner id.
type Process struct {
	Runner domain.Name
	Name   string
	Key    signing.PrivateKey
}

// Report writes a bundle and returns what its reports are the cause of.
func (a *Author) Report(p Process, reports ...runner.Report) (cause func(index int) event.Header) {
	id := runner.AggregateID(p.Runner, p.Name)
	b := runner.Bundle{
		Namespace: string(a.Namespace), Partition: a.Partition, Runner: p.Runner, Process: p.Name,
		Number: a.State.Processes[id].Number + 1, Reports: reports,
	}
	by := event.ByRunner(string(p.Runner))
	a.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Report, ID: id}, Actor: by}, runner.NewReported(b.Sign(p.Key), &b))
	return func(index int) event.Header {
		return event.Header{Actor: by, Cause: runner.Cause{Runner: p.Runner, Process: p.Name, Number: b.Number, Index: index}.String()}
	}
}

// Join writes that a process joins its runner.
func (a *Author) Join(p Process, kinds ...domain.Name) {
	join := runner.Join{Key: p.Key.Public(), Kinds: kinds, Slots: 2}
	h := a.Report(p, join)(0)
	h.Aggregate = event.Aggregate{Kind: event.Runner, ID: string(p.Runner)}
	events, err := runner.Decide(a.State.Runners[p.Runner], runner.JoinAs{
		Join: join, Process: p.Name, Admitted: kinds, Known: len(kinds) > 0, FirstUse: true,
		Marks: a.marks(p, kinds...),
	})
	must(err)
	for _, e := range events {
		a.Emit(h, e)
	}
}

// marks lets a process take every grant from here on.
func (a *Author) marks(p Process, kinds ...domain.Name) []runner.Mark {
	var marks []runner.Mark
	for _, queue := range runner.Queues(p.Runner, kinds) {
		marks = append(marks, runner.Mark{Queue: queue, Seq: a.Next()})
	}
	return marks
}

// Leave writes that a process takes leave.
func (a *Author) Leave(p Process) {
	h := a.Report(p, runner.Leave{})(0)
	h.Aggregate = event.Aggregate{Kind: event.Runner, ID: string(p.Runner)}
	a.Emit(h, runner.Left{Process: p.Name, Pin: a.State.Runners[p.Runner].Pin})
}
