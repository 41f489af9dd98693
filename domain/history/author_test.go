package history_test

import (
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// The keys of the story, by name.
const (
	leader    = "supervisor"
	operator  = "operator"
	webClient = "client"
	runnerOne = "runner r1" // for the kind sh
	runnerTwo = "runner r2" // for the kind sh
	standby   = "standby"   // a second supervisor
	retired   = "retired"   // a supervisor whose end has passed
	stranger  = "stranger"  // whom nobody admitted
)

const (
	noon   = event.Time(1767355200_000000) // 2026-01-02T12:00:00Z
	minute = event.Time(60_000000)
)

func key(name string) signing.PrivateKey { return historytest.Key(name) }

func keyID(name string) signing.KeyID { return key(name).Public().ID() }

var jobOf, runnerOf = historytest.JobOf, historytest.RunnerOf

// author writes a log that may be anything: it seals what it is told to, legal
// or not.
type author struct{ *historytest.Tx }

// clone goes on from here in another way.
func (a *author) clone() *author { return &author{a.Fork(len(a.Commits)).Open()} }

// say writes one event into the commit.
func (a *author) say(agg event.Aggregate, by event.Actor, cause string, d event.Data) {
	a.Emit(event.Header{Aggregate: agg, Actor: by, Cause: cause}, d)
}

func (a *author) found() {
	a.say(event.Aggregate{Kind: event.Access}, event.BySystem("founding"), "", access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(leader).Public(), Operator: key(operator).Public(),
	})
}

func (a *author) begin(number uint64, name string) {
	a.say(event.Aggregate{Kind: event.Leader}, event.BySystem("leader"), "", term.Began{Term: number, Name: "s1", Key: keyID(name)})
}

func (a *author) admit(name string, k access.Key) {
	k = historytest.Admission("horus", key(name), k)
	a.say(event.Aggregate{Kind: event.Access}, event.ByAPIKey("admin"), "", access.Admitted{Key: k})
}

// opened is a document that a key signed; "" leaves it unsigned.
func opened(doc, name string) *job.Opened {
	s := historytest.Sign(job.FormUnsigned, []byte(doc), signing.PrivateKey{})
	if name != "" {
		s = historytest.Sign(job.FormDSSE, []byte(doc), key(name))
	}
	o, err := s.Open()
	if err != nil {
		panic(err) // the documents of the tests can be read
	}
	return o
}

// completeAs completes j1 with an event of that version.
func (a *author) completeAs(version uint64) {
	h := a.Hear(one, runner.Completed{About: a.About("j1")})(0)
	h.Aggregate, h.Version = jobOf("j1"), version
	a.Emit(h, job.Completed{Attempt: 1})
}

// numbered records a bundle of process one that bears that number, and returns
// the cause that it gives.
func (a *author) numbered(number uint64, r runner.Report) string {
	b := a.Bundle(one, r)
	b.Number = number
	a.say(one.Aggregate(), one.Actor(), "", runner.NewReported(b.Sign(one.Key), b))
	return runner.Cause{Runner: one.Runner, Process: one.Name, Number: number}.String()
}

// submit records a job and its grant.
func (a *author) submit(id, doc, name string) {
	o := opened(doc, name)
	by := event.ByAPIKey("web")
	if name != "" {
		by = event.ByClient(string(keyID(name)))
	}
	a.say(jobOf(id), by, "", job.Submitted{Submission: o.Submission, Grant: grant(o, 1)})
}

// grant lets an attempt of a job run.
func grant(o *job.Opened, attempt uint32) *job.Grant {
	return &job.Grant{Attempt: attempt, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
}

var (
	one = &historytest.Process{Runner: "r1", Name: "a1", Key: key(runnerOne)}
	two = &historytest.Process{Runner: "r2", Name: "b2", Key: key(runnerTwo)}
)

// process is a process of a runner, with the key that it shows.
func process(id domain.Name, name, k string) *historytest.Process {
	return &historytest.Process{Runner: id, Name: name, Key: key(k)}
}

// report records a bundle of p, and returns the causes that it gives.
func (a *author) report(p *historytest.Process, reports ...runner.Report) func(index int) string {
	cause := a.Hear(p, reports...)
	return func(index int) string { return cause(index).Cause }
}

// join records that p joins for kinds.
func (a *author) join(p *historytest.Process, pin signing.PublicKey, kinds ...domain.Name) {
	cause := a.report(p, runner.Join{Key: p.Key.Public(), Kinds: kinds, Slots: 1})
	a.say(runnerOf(p.Runner), p.Actor(), cause(0), joined(p, pin, kinds...))
}

func joined(p *historytest.Process, pin signing.PublicKey, kinds ...domain.Name) runner.Joined {
	e := runner.Joined{Process: p.Name, Key: p.Key.Public(), Pin: pin, Kinds: kinds, Slots: 1}
	for _, q := range runner.Queues(p.Runner, kinds) {
		e.Marks = append(e.Marks, runner.Mark{Queue: q, Seq: 1})
	}
	return e
}

// start, complete and fail record what p says of the first attempt of a job.
func (a *author) start(p *historytest.Process, id string) {
	cause := a.report(p, runner.Started{About: a.About(id)})
	a.say(jobOf(id), p.Actor(), cause(0), job.Started{Attempt: 1, Process: p.Name})
}

func (a *author) complete(p *historytest.Process, id string) {
	cause := a.report(p, runner.Completed{About: a.About(id)})
	a.say(jobOf(id), p.Actor(), cause(0), job.Completed{Attempt: 1})
}

func (a *author) fail(p *historytest.Process, id string, kind job.FailureKind) {
	cause := a.report(p, runner.Failed{About: a.About(id), Kind: kind})
	a.say(jobOf(id), p.Actor(), cause(0), job.Failed{Attempt: 1, Kind: kind})
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
	a := &author{historytest.New("horus").Open()}
	a.Now, a.Draft.Term = noon, 7
	a.found()
	a.begin(7, leader)
	a.admit(webClient, access.Key{Class: access.Client, Name: "web"})
	a.admit(runnerOne, access.Key{Class: access.Runner, Name: "r1", Kinds: []domain.Name{"sh"}})
	a.admit(runnerTwo, access.Key{Class: access.Runner, Name: "r2", Kinds: []domain.Name{"sh"}})
	a.admit(standby, access.Key{Class: access.Supervisor, Name: "s2"})
	a.admit(retired, access.Key{Class: access.Supervisor, Name: "s0", Until: noon})
	a.Seal()
	a.join(one, signing.PublicKey{}, "sh")
	a.Seal()
	a.join(two, signing.PublicKey{}, "sh")
	a.Seal()
	a.submit("j1", `{"id":"j1","payload":"echo one","executor":"sh"}`, webClient)
	a.submit("j2", `{"payload":"echo two","runner":"r1"}`, "")
	a.Seal()
	a.start(one, "j1")
	a.Seal()
	cause := a.report(one, runner.Failed{About: a.About("j2"), Kind: job.FailedError, Exit: 1})
	a.say(jobOf("j2"), one.Actor(), cause(0), job.Started{Attempt: 1, Process: one.Name})
	a.say(jobOf("j2"), one.Actor(), cause(0), job.Failed{Attempt: 1, Kind: job.FailedError})
	a.Seal()
	a.submit("j3", `{"id":"j3","payload":"echo three","executor":"sh"}`, webClient)
	a.Seal()
	return a
}

// verify reads and checks a log as an auditor does.
func verify(raws []history.Raw) error {
	_, err := follow(raws, (*history.Chain).Check)
	return err
}

// follow reads a log and hands its commits to check.
func follow(raws []history.Raw, check func(*history.Chain, *history.Commit) error) (*history.Chain, error) {
	return historytest.Follow("horus", raws, signing.NewVerifier(16), check)
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
