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
// Whatever is asked that is not legal panics: it is a mistake of the test. What
// could not have happened is written with [Tx.Emit], [Tx.Hear] and the draft of
// the seal, which nothing checks; [Reseal] seals what another one wrote.
package historytest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// Partition is partition 0 of a namespace. It is not safe for concurrent use.
type Partition struct {
	Namespace                    domain.Name
	State                        *history.State    // after the last event
	Commits                      []*history.Commit // all of them
	Now                          event.Time        // that the next commit bears; each one moves it by a millisecond
	Supervisor, Operator, Client signing.PrivateKey
	// Draft is what the next commit is sealed with: its Term, Statements and
	// Prev. The commit itself says the rest.
	Draft signing.Seal

	jobs      []job.ID              // in the order of their submissions
	nonces    map[string]event.Time // until when they are spent
	processes []*Process
	keys      map[signing.KeyID]signing.PrivateKey // that sealed anything, or were admitted
}

// Start is the time of the founding; the first term is its second.
const Start = event.Time(1767366245_000000)

// Key makes the key of a name: always the same.
func Key(name string) signing.PrivateKey {
	seed := sha256.Sum256([]byte("historytest " + name))
	k, err := signing.GenerateKey(bytes.NewReader(seed[:]))
	must(err)
	return k
}

// Secp256k1Key is [Key] of the other algorithm, which clients may use.
func Secp256k1Key(name string) signing.PrivateKey {
	seed := sha256.Sum256([]byte("historytest " + name))
	k, err := signing.GenerateSecp256k1(bytes.NewReader(seed[:]))
	must(err)
	return k
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("historytest: %v", err))
	}
}

// New makes a partition before its first event.
func New(namespace domain.Name) *Partition {
	p := &Partition{
		Namespace: namespace, State: history.NewState(), Now: Start,
		Draft:      signing.Seal{Namespace: string(namespace), Term: uint64(Start) / 1_000_000},
		Supervisor: Key("supervisor"), Operator: Key("operator"), Client: Key("client"),
		nonces: map[string]event.Time{}, keys: map[signing.KeyID]signing.PrivateKey{},
	}
	return p
}

// Found makes a partition with the first commit of every history: the founding
// and the beginning of the first term.
func Found(namespace domain.Name) *Partition {
	p := New(namespace)
	p.Commit(func(tx *Tx) { tx.Found() })
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
func (p *Partition) Term() uint64 { return p.Draft.Term }

// Open begins a commit.
func (p *Partition) Open() *Tx { return &Tx{Partition: p} }

// Commit appends what build asks for, in one commit. Nothing asked for makes no
// commit, and nil.
func (p *Partition) Commit(build func(tx *Tx)) *history.Commit {
	tx := p.Open()
	build(tx)
	return tx.Seal()
}

// BeginTerm appends the beginning of a term above the last one, as a new leader
// does.
func (p *Partition) BeginTerm() *history.Commit {
	return p.Commit(func(tx *Tx) { tx.Begin(p.Supervisor) })
}

// Cut makes the partition forget the commits behind the first n, as a log that
// lost its tail. What is appended then belongs to another future.
func (p *Partition) Cut(n int) { *p = *p.Fork(n) }

// Fork returns a partition that shares the first n commits, at least one, and
// goes on by itself from their time.
func (p *Partition) Fork(n int) *Partition {
	f := New(p.Namespace)
	f.Operator, f.Client, f.keys = p.Operator, p.Client, maps.Clone(p.keys)
	f.Commits = p.Commits[:n:n]
	for _, c := range f.Commits {
		for i := range c.Entries {
			f.fold(&c.Entries[i])
			f.Now = max(f.Now, c.Entries[i].At.Add(time.Millisecond))
		}
	}
	f.follow(f.Commits[n-1].Seal)
	f.Supervisor = p.keys[f.Commits[n-1].Seal.Key]
	for _, w := range p.processes {
		if f.process(w).Version > 0 {
			f.processes = append(f.processes, w)
		}
	}
	return f
}

// fold folds an entry in.
func (p *Partition) fold(e *history.Entry) {
	p.State.Apply(e)
	nonces, until := e.Spends()
	for _, nonce := range nonces {
		p.nonces[nonce] = until
	}
	if _, ok := e.Data.(job.Submitted); ok {
		if id, err := job.ParseID(e.Aggregate.ID); err == nil {
			p.jobs = append(p.jobs, id)
		}
	}
}

// follow makes the next commit go on after a seal.
func (p *Partition) follow(s signing.Seal) {
	p.Draft.Term, p.Draft.Prev, p.Draft.Statements = s.Term, s.Hash(), p.State.Access.Statements
}

// Verify checks the whole history as an auditor does.
func (p *Partition) Verify(v *signing.Verifier) error {
	_, err := Follow(string(p.Namespace), p.Raws(), v, (*history.Chain).Check)
	return err
}
