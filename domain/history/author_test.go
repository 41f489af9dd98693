package history_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// The keys of the story, by number.
const (
	leader byte = iota + 1
	operator
	webClient
	runnerOne // of r1, for the kind sh
	runnerTwo // of r2, for the kind sh
	standby   // a second supervisor
	retired   // a supervisor whose end has passed
	stranger  // whom nobody admitted
)

const (
	noon   = event.Time(1767355200_000000) // 2026-01-02T12:00:00Z
	minute = event.Time(60_000000)
)

func key(n byte) signing.PrivateKey {
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		panic(err) // 32 bytes are enough
	}
	return k
}

func keyID(n byte) signing.KeyID { return key(n).Public().ID() }

// author writes a log that may be anything: it seals what it is told to, legal
// or not.
type author struct {
	t      testing.TB
	raws   []history.Raw
	seal   signing.Seal // the next one, before its events are known
	sealer byte         // key of the next commit
	at     event.Time
	next   map[event.Aggregate]uint64 // versions
	grants map[string]signing.Hash    // open token of each job
	events [][]byte                   // of the commit that is being written
	jobs   map[string]*job.Opened     // by id
	number map[event.Aggregate]uint64 // of the last bundle of a process
}

func newAuthor(t testing.TB) *author {
	return &author{
		t: t, sealer: leader, at: noon,
		seal: signing.Seal{Namespace: "horus", Term: 7, First: 1},
		next: map[event.Aggregate]uint64{}, grants: map[string]signing.Hash{}, jobs: map[string]*job.Opened{},
		number: map[event.Aggregate]uint64{},
	}
}

// clone goes on from here in another way.
func (a *author) clone() *author {
	b := newAuthor(a.t)
	b.raws, b.seal, b.sealer, b.at = append(b.raws, a.raws...), a.seal, a.sealer, a.at
	for k, v := range a.next {
		b.next[k] = v
	}
	for k, v := range a.grants {
		b.grants[k] = v
	}
	for k, v := range a.jobs {
		b.jobs[k] = v
	}
	for k, v := range a.number {
		b.number[k] = v
	}
	return b
}

// say writes one event into the commit.
func (a *author) say(agg event.Aggregate, by event.Actor, cause string, d event.Data) signing.Hash {
	a.next[agg]++
	data := event.Append(nil, event.Header{
		Namespace: "horus", Aggregate: agg, Version: a.next[agg], At: a.at, Actor: by, Cause: cause,
	}, d)
	a.events = append(a.events, data)
	return signing.LeafHash(data)
}

// commit seals what was said.
func (a *author) commit() {
	leaves := make([]signing.Hash, len(a.events))
	for i, data := range a.events {
		leaves[i] = signing.LeafHash(data)
		a.raws = append(a.raws, history.Raw{Seq: a.seal.First + uint64(i), Event: data})
	}
	a.seal.Count, a.seal.Root = uint32(len(leaves)), signing.Root(leaves) //nolint:gosec // a few
	sealed := a.seal.Sign(key(a.sealer))
	a.raws[len(a.raws)-1].Seal = sealed.Append(nil)
	a.seal.Prev, a.seal.First, a.events = sealed.Hash(), sealed.Last()+1, nil
	a.seal.Statements = a.next[event.Aggregate{Kind: event.Access}]
	a.at += 1000
}

func (a *author) found() {
	a.say(event.Aggregate{Kind: event.Access}, event.BySystem("founding"), "", access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(leader).Public(), Operator: key(operator).Public(),
	})
}

func (a *author) begin(number uint64, n byte) {
	a.say(event.Aggregate{Kind: event.Leader}, event.BySystem("leader"), "", term.Began{Term: number, Name: "s1", Key: keyID(n)})
}

func (a *author) admit(n byte, k access.Key) {
	k.Public = key(n).Public()
	k.Proof = key(n).Sign(access.AdmissionText("horus", k))
	a.say(event.Aggregate{Kind: event.Access}, event.ByAPIKey("admin"), "", access.Admitted{Key: k})
}

// submission signs a document as key n does; 0 leaves it unsigned.
func (a *author) submission(doc string, n byte) *job.Opened {
	s := job.Submission{Form: job.FormUnsigned, Doc: []byte(doc)}
	if n != 0 {
		s.Form = job.FormDSSE
		s.Signatures = []job.SubmittedSignature{{Key: keyID(n), Signature: key(n).Sign(signing.PAE(job.PayloadType, s.Doc))}}
	}
	o, err := s.Open()
	if err != nil {
		a.t.Fatal(err)
	}
	return o
}

// submit records a job and its grant.
func (a *author) submit(id, doc string, n byte) {
	o := a.submission(doc, n)
	by := event.ByAPIKey("web")
	if n != 0 {
		by = event.ByClient(string(keyID(n)))
	}
	a.jobs[id] = o
	a.grants[id] = a.say(jobOf(id), by, "", job.Submitted{Submission: o.Submission, Grant: a.grant(id, 1)})
}

func (a *author) grant(id string, attempt uint32) *job.Grant {
	o := a.jobs[id]
	return &job.Grant{Attempt: attempt, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
}

func jobOf(id string) event.Aggregate { return event.Aggregate{Kind: event.Job, ID: id} }

func (a *author) about(id string) runner.About {
	parsed, err := job.ParseID(id)
	if err != nil {
		a.t.Fatal(err)
	}
	return runner.About{Job: parsed, Token: a.grants[id], At: a.at}
}

// process is a process of a runner, with the key that it shows.
type process struct {
	runner domain.Name
	name   string
	key    byte
}

var one, two = process{"r1", "a1", runnerOne}, process{"r2", "b2", runnerTwo}

func (p process) aggregate() event.Aggregate {
	return event.Aggregate{Kind: event.Report, ID: runner.AggregateID(p.runner, p.name)}
}

func (p process) actor() event.Actor { return event.ByRunner(string(p.runner)) }

// report records a bundle of p, and returns the causes that it gives.
func (a *author) report(p process, reports ...runner.Report) func(index int) string {
	a.number[p.aggregate()]++
	b := &runner.Bundle{Namespace: "horus", Runner: p.runner, Process: p.name, Number: a.number[p.aggregate()], Reports: reports}
	a.say(p.aggregate(), p.actor(), "", runner.NewReported(b.Sign(key(p.key)), b))
	return func(index int) string {
		return runner.Cause{Runner: p.runner, Process: p.name, Number: b.Number, Index: index}.String()
	}
}

func runnerOf(id domain.Name) event.Aggregate {
	return event.Aggregate{Kind: event.Runner, ID: string(id)}
}

// join records that p joins for kinds.
func (a *author) join(p process, pin signing.PublicKey, kinds ...domain.Name) {
	cause := a.report(p, runner.Join{Key: key(p.key).Public(), Kinds: kinds, Slots: 1})
	a.say(runnerOf(p.runner), p.actor(), cause(0), a.joined(p, pin, kinds...))
}

func (a *author) joined(p process, pin signing.PublicKey, kinds ...domain.Name) runner.Joined {
	e := runner.Joined{Process: p.name, Key: key(p.key).Public(), Pin: pin, Kinds: kinds, Slots: 1}
	for _, q := range runner.Queues(p.runner, kinds) {
		e.Marks = append(e.Marks, runner.Mark{Queue: q, Seq: 1})
	}
	return e
}

// start, complete and fail record what p says of the first attempt of a job.
func (a *author) start(p process, id string) {
	cause := a.report(p, runner.Started{About: a.about(id)})
	a.say(jobOf(id), p.actor(), cause(0), job.Started{Attempt: 1, Process: p.name})
}

func (a *author) complete(p process, id string) {
	cause := a.report(p, runner.Completed{About: a.about(id)})
	a.say(jobOf(id), p.actor(), cause(0), job.Completed{Attempt: 1})
}

func (a *author) fail(p process, id string, kind job.FailureKind) {
	cause := a.report(p, runner.Failed{About: a.about(id), Kind: kind})
	a.say(jobOf(id), p.actor(), cause(0), job.Failed{Attempt: 1, Kind: kind})
}

// story is a small history with everything in it:
//
//	commit 1:  1 founded, 2 term 7 began, 3..7 admitted (client, r1, r2, standby, retired)
//	commit 2:  8 r1 reported, 9 r1 joined
//	commit 3: 10 r2 reported, 11 r2 joined
//	commit 4: 12 j1 submitted (signed, for the kind sh), 13 j2 submitted (unsigned, for r1)
//	commit 5: 14 r1 reported, 15 j1 started
//	commit 6: 16 r1 reported, 17 j2 started, 18 j2 failed
//	commit 7: 19 j3 submitted (signed, for the kind sh)
func story(t testing.TB) *author {
	t.Helper()
	a := newAuthor(t)
	a.found()
	a.begin(7, leader)
	a.admit(webClient, access.Key{Class: access.Client, Name: "web"})
	a.admit(runnerOne, access.Key{Class: access.Runner, Name: "r1", Kinds: []domain.Name{"sh"}})
	a.admit(runnerTwo, access.Key{Class: access.Runner, Name: "r2", Kinds: []domain.Name{"sh"}})
	a.admit(standby, access.Key{Class: access.Supervisor, Name: "s2"})
	a.admit(retired, access.Key{Class: access.Supervisor, Name: "s0", Until: noon})
	a.commit()
	a.join(one, signing.PublicKey{}, "sh")
	a.commit()
	a.join(two, signing.PublicKey{}, "sh")
	a.commit()
	a.submit("j1", `{"id":"j1","payload":"echo one","executor":"sh"}`, webClient)
	a.submit("j2", `{"payload":"echo two","runner":"r1"}`, 0)
	a.commit()
	a.start(one, "j1")
	a.commit()
	cause := a.report(one, runner.Failed{About: a.about("j2"), Kind: job.FailedError, Exit: 1})
	a.say(jobOf("j2"), one.actor(), cause(0), job.Started{Attempt: 1, Process: one.name})
	a.say(jobOf("j2"), one.actor(), cause(0), job.Failed{Attempt: 1, Kind: job.FailedError})
	a.commit()
	a.submit("j3", `{"id":"j3","payload":"echo three","executor":"sh"}`, webClient)
	a.commit()
	return a
}

// verify reads and checks a log as an auditor does.
func verify(raws []history.Raw) error {
	_, err := follow(raws, (*history.Chain).Check)
	return err
}

// follow reads a log and hands its commits to check.
func follow(raws []history.Raw, check func(*history.Chain, *history.Commit) error) (*history.Chain, error) {
	chain := history.NewChain("horus", 0, signing.NewVerifier(16))
	reader := history.NewReader("horus", 0, 0)
	for _, raw := range raws {
		commit, err := reader.Next(raw)
		if err != nil {
			return chain, err
		}
		if commit == nil {
			continue
		}
		if err := check(chain, commit); err != nil {
			return chain, err
		}
	}
	return chain, reader.End()
}

// wantFault fails unless err is a fault at seq that says why.
func wantFault(t *testing.T, err error, seq uint64, why string) {
	t.Helper()
	at, ok := history.IsFault(err)
	if !ok || at != seq || !strings.Contains(err.Error(), why) {
		t.Errorf("%v; want a fault at seq %d with the words %q", err, seq, why)
	}
	if domain.CodeOf(err) != domain.Halted {
		t.Errorf("%v has the code %v, want halted", err, domain.CodeOf(err))
	}
}
