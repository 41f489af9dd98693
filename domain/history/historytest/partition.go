// Package historytest makes histories for tests: a founded partition in memory
// to which legal commits are appended, with real keys, signatures and seals.
// The same calls make the same bytes.
//
//	p := historytest.Found("horus")
//	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{Runner: "r1"}) })
//	worker := p.NewProcess("r1")
//	p.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })
//	p.Commit(func(tx *historytest.Tx) { tx.Report(worker, runner.Completed{About: p.About("j1"), Result: "4"}) })
//
// Whatever is asked that is not legal panics: it is a mistake of the test.
package historytest

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Partition is partition 0 of a namespace. It is not safe for concurrent use.
type Partition struct {
	Namespace                    domain.Name
	State                        *history.State    // after the last commit
	Commits                      []*history.Commit // all of them
	Now                          event.Time        // that the next commit bears; each one moves it by a millisecond
	Supervisor, Operator, Client signing.PrivateKey

	jobs      []job.ID // in the order of their submissions
	processes []*Process
	term      uint64
	prev      signing.Hash
	admitted  int // how many keys Step admitted
}

// start is the time of the founding, and the first term.
const start = event.Time(1767366245_000000)

// Key makes the key of a name: always the same.
func Key(name string) signing.PrivateKey {
	seed := sha256.Sum256([]byte("historytest " + name))
	k, err := signing.GenerateKey(bytes.NewReader(seed[:]))
	must(err)
	return k
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("historytest: %v", err))
	}
}

// Found makes a partition with the first commit of every history: the founding
// and the beginning of the first term.
func Found(namespace domain.Name) *Partition {
	p := &Partition{
		Namespace: namespace, State: history.NewState(), Now: start, term: uint64(start) / 1_000_000,
		Supervisor: Key("supervisor"), Operator: Key("operator"), Client: Key("client"),
	}
	p.Commit(func(tx *Tx) {
		tx.access(event.BySystem("founding"), access.Found{Founded: access.Founded{
			Namespace: namespace, Partitions: 1, Supervisor: "sup1",
			Key: p.Supervisor.Public(), Operator: p.Operator.Public(),
		}})
		tx.began()
		tx.Admit(access.Client, "client", p.Client)
	})
	return p
}

// Seq returns the place of the last event.
func (p *Partition) Seq() uint64 {
	if len(p.Commits) == 0 {
		return 0
	}
	return p.Commits[len(p.Commits)-1].Seal.Last()
}

// Term returns the term that seals.
func (p *Partition) Term() uint64 { return p.term }

// Raws returns all entries as a store hands them out.
func (p *Partition) Raws() []history.Raw {
	var raws []history.Raw
	for _, c := range p.Commits {
		raws = append(raws, RawsOf(c)...)
	}
	return raws
}

// RawsOf returns a commit's entries as a store hands them out.
func RawsOf(c *history.Commit) []history.Raw {
	raws := make([]history.Raw, len(c.Entries))
	for i := range c.Entries {
		raws[i] = history.Raw{Seq: c.Entries[i].Seq, Event: c.Entries[i].Bytes}
	}
	raws[len(raws)-1].Seal = c.Seal.Append(nil)
	return raws
}

// Commit appends what build asks for, in one commit. Nothing asked for makes no
// commit, and nil.
func (p *Partition) Commit(build func(tx *Tx)) *history.Commit {
	tx := &Tx{p: p, statements: p.State.Access.Statements}
	build(tx)
	p.Now = p.Now.Add(millisecond)
	if len(tx.entries) == 0 {
		return nil
	}
	leaves := make([]signing.Hash, len(tx.entries))
	for i := range tx.entries {
		leaves[i] = tx.entries[i].Hash
	}
	c := &history.Commit{Entries: tx.entries, Seal: signing.Seal{
		Namespace: string(p.Namespace), Term: p.term, First: tx.entries[0].Seq, Count: uint32(len(tx.entries)), //nolint:gosec // few
		Root: signing.Root(leaves), Statements: tx.statements, Prev: p.prev,
	}.Sign(p.Supervisor)}
	p.prev = c.Seal.Hash()
	p.Commits = append(p.Commits, c)
	return c
}

// BeginTerm appends the beginning of a term above the last one, as a new leader
// does.
func (p *Partition) BeginTerm() *history.Commit {
	p.term = term.Next(p.term, p.Now)
	return p.Commit(func(tx *Tx) { tx.began() })
}

// Cut makes the partition forget the commits behind the first n, as a log that
// lost its tail. What is appended then belongs to another future.
func (p *Partition) Cut(n int) {
	p.Commits = p.Commits[:n:n]
	p.State = history.NewState()
	p.jobs, p.processes = nil, nil
	for _, c := range p.Commits {
		for i := range c.Entries {
			e := &c.Entries[i]
			p.State.Apply(e)
			if _, ok := e.Data.(job.Submitted); ok {
				p.jobs = append(p.jobs, ID(e.Aggregate.ID))
			}
		}
		p.prev, p.term = c.Seal.Hash(), c.Seal.Term
	}
}

// Verify checks the whole history as an auditor does.
func (p *Partition) Verify(v *signing.Verifier) error {
	chain := history.NewChain(string(p.Namespace), 0, v)
	reader := history.NewReader(string(p.Namespace), 0, 0)
	for _, raw := range p.Raws() {
		c, err := reader.Next(raw)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		if err := chain.Check(c); err != nil {
			return err
		}
	}
	return reader.End()
}

// ID makes a job id.
func ID(text string) job.ID {
	id, err := job.ParseID(text)
	must(err)
	return id
}

// Jobs returns the ids of all jobs, in the order of their submissions.
func (p *Partition) Jobs() []job.ID { return p.jobs }

// Job returns a job's state.
func (p *Partition) Job(id string) job.State { return p.State.Jobs[ID(id)] }

// About names a job's open attempt.
func (p *Partition) About(id string) runner.About {
	return runner.About{Job: ID(id), Token: p.Job(id).Token, At: p.Now}
}
