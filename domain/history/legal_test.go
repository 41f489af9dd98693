package history_test

import (
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// none is no pin.
var none signing.PublicKey

// Everything here is sealed by the leader, in its term, with the right versions:
// only the rules of what may happen can find it. Each suffix begins at seq 20.
func TestWhatCouldNotHaveHappenedIsFound(t *testing.T) {
	const unsigned = `{"payload":"x","runner":"r1"}`
	redelivery := event.BySystem("redelivery")
	third := process("r3", "c3", stranger)
	for _, tt := range []struct {
		name  string
		write func(a *author)
		seq   uint64
		why   string
	}{
		{"completed after failed", func(a *author) { a.complete(one, "j2") }, 21, "job.completed in a failed job"},
		{"a second outcome in one commit", func(a *author) {
			a.complete(one, "j1")
			a.fail(one, "j1", job.FailedError)
		}, 23, "job.failed in a completed job"},
		{"submitted twice", func(a *author) { a.submit("j1", `{"id":"j1","payload":"x","executor":"sh"}`, webClient) }, 20, "submitted twice"},
		{"started twice", func(a *author) { a.start(one, "j1") }, 21, "job.started in a running job"},
		{"completed without a start", func(a *author) { a.complete(one, "j3") }, 21, "job.completed in a queued job"},
		{"completed without a report", func(a *author) { a.say(jobOf("j1"), one.Actor(), "", job.Completed{Attempt: 1}) }, 20, "has no report in its commit"},
		{"completed by a report of an earlier commit", func(a *author) {
			a.say(jobOf("j1"), one.Actor(), "report/r1/a1/2/0", job.Completed{Attempt: 1})
		}, 20, "has no report in its commit"},
		{"completed by a report that comes later", func(a *author) {
			a.say(jobOf("j1"), one.Actor(), "report/r1/a1/4/0", job.Completed{Attempt: 1})
			a.report(one, runner.Completed{About: a.About("j1")})
		}, 20, "has no report in its commit"},
		{"completed by a report of another kind", func(a *author) {
			cause := a.report(one, runner.Failed{About: a.About("j1"), Kind: job.FailedError})
			a.say(jobOf("j1"), one.Actor(), cause(0), job.Completed{Attempt: 1})
		}, 21, "does not say what was reported"},
		{"completed by a report that is not there", func(a *author) {
			cause := a.report(one, runner.Completed{About: a.About("j1")})
			a.say(jobOf("j1"), one.Actor(), cause(1), job.Completed{Attempt: 1})
		}, 21, "has no report in its commit"},
		{"completed by a report on another job", func(a *author) {
			cause := a.report(one, runner.Completed{About: a.About("j2")})
			a.say(jobOf("j1"), one.Actor(), cause(0), job.Completed{Attempt: 1})
		}, 21, "does not say what was reported"},
		{"completed by a report on another grant", func(a *author) {
			about := a.About("j1")
			about.Token = a.Job("j3").Token
			cause := a.report(one, runner.Completed{About: about})
			a.say(jobOf("j1"), one.Actor(), cause(0), job.Completed{Attempt: 1})
		}, 21, "does not say what was reported"},
		{"failed in other words than were reported", func(a *author) {
			cause := a.report(one, runner.Failed{About: a.About("j1"), Kind: job.FailedError})
			a.say(jobOf("j1"), one.Actor(), cause(0), job.Failed{Attempt: 1, Kind: job.FailedTimeout})
		}, 21, "does not say what was reported"},
		{"started in another process than reported", func(a *author) {
			cause := a.report(one, runner.Started{About: a.About("j3")})
			a.say(jobOf("j3"), one.Actor(), cause(0), job.Started{Attempt: 1, Process: "b2"})
		}, 21, "does not say what was reported"},
		{"started because of a log line", func(a *author) {
			cause := a.report(one, runner.Log{About: a.About("j3"), Lines: []runner.Line{{At: a.Now, Stream: runner.Stdout}}})
			a.say(jobOf("j3"), one.Actor(), cause(0), job.Started{Attempt: 1, Process: "a1"})
		}, 21, "does not say what was reported"},
		{"completed by another runner", func(a *author) { a.complete(two, "j1") }, 21, "job.completed by runner:r2"},
		{"completed by another runner in the runner's name", func(a *author) {
			cause := a.report(two, runner.Completed{About: a.About("j1")})
			a.say(jobOf("j1"), one.Actor(), cause(0), job.Completed{Attempt: 1})
		}, 21, "has no report in its commit"},
		{"completed by a process of the same name of another runner", func(a *author) {
			same := process("r2", "a1", runnerTwo)
			a.join(same, none, "sh")
			a.complete(same, "j1")
		}, 23, "job.completed by runner:r2"},
		{"a runner serves another's queue", func(a *author) {
			a.submit("j4", unsigned, "")
			a.complete0(two, "j4")
		}, 22, "may not serve queue runner:r1"},
		{"a runner serves a kind that it is not admitted for", func(a *author) {
			a.submit("j4", `{"payload":"x","executor":"hero"}`, "")
			a.complete0(two, "j4")
		}, 22, "may not serve queue executor:hero"},

		{"a grant for another queue", func(a *author) {
			a.submit("j4", unsigned, "")
			g := a.Grant("j4", 2)
			g.Queue = job.RunnerQueue("r2")
			a.say(jobOf("j4"), redelivery, "", job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			a.say(jobOf("j4"), redelivery, "", job.Queued{Grant: g})
		}, 22, "a grant does not fit its job"},
		{"a grant for another job", func(a *author) {
			o := opened(unsigned, "")
			g := grant(o, 1)
			g.Job = a.Job("j1").Hash
			a.say(jobOf("j4"), event.ByAPIKey("web"), "", job.Submitted{Submission: o.Submission, Grant: g})
		}, 20, "a grant does not fit its job"},
		{"a grant for another attempt", func(a *author) {
			a.say(jobOf("j3"), redelivery, "", job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			a.say(jobOf("j3"), redelivery, "", job.Queued{Grant: a.Grant("j3", 3)})
		}, 21, "a grant does not fit its job"},
		{"queued after a failure", func(a *author) { a.say(jobOf("j2"), redelivery, "", job.Queued{Grant: a.Grant("j2", 2)}) }, 20, "a failed job was queued"},

		{"a job under another id", func(a *author) { a.submit("j5", `{"id":"j4","payload":"x","runner":"r1"}`, webClient) }, 20, "under another id"},
		{"a job that has no id", func(a *author) { a.submit("../j4", unsigned, "") }, 20, "a job id is"},
		{"a job for another audience", func(a *author) {
			a.submit("j4", `{"id":"j4","payload":"x","runner":"r1","audience":"hero"}`, webClient)
		}, 20, "meant for the namespace hero"},
		{"a job after its end", func(a *author) {
			a.submit("j4", `{"id":"j4","payload":"x","runner":"r1","not_after":"2026-01-02T11:00:00Z"}`, webClient)
		}, 20, "not_after has passed"},
		{"a nonce for two jobs of a key", func(a *author) {
			a.submit("j4", `{"id":"j4","payload":"x","runner":"r1","nonce":"n1","not_after":"2027-01-02T11:00:00Z"}`, webClient)
			a.submit("j5", `{"id":"j5","payload":"x","runner":"r1","nonce":"n1","not_after":"2026-01-02T13:00:00Z"}`, webClient)
		}, 21, "a nonce was used for two jobs"},
		{"a nonce of nobody's", func(a *author) {
			s := job.Submission{Form: job.FormUnsigned, Doc: []byte(`{"payload":"x","runner":"r1","nonce":"n1","not_after":"2027-01-02T11:00:00Z"}`)}
			a.say(jobOf("j4"), event.ByAPIKey("web"), "", job.Submitted{Submission: s})
		}, 20, "nobody signed this job"},
		{"a job of a stranger", func(a *author) { a.submit("j4", `{"id":"j4","payload":"x","runner":"r1"}`, stranger) }, 20, "may not sign jobs"},
		{"a job signed by a supervisor", func(a *author) { a.submit("j4", `{"id":"j4","payload":"x","runner":"r1"}`, leader) }, 20, "may not sign jobs"},
		{"a job with a signature of another document", func(a *author) {
			good := opened(`{"id":"j4","payload":"x","runner":"r1"}`, webClient)
			s := good.Submission
			s.Doc = []byte(`{"id":"j4","payload":"y","runner":"r1"}`)
			a.say(jobOf("j4"), event.ByClient(string(keyID(webClient))), "", job.Submitted{Submission: s})
		}, 20, "a signature is not of the key"},
		{"a signed job in an API key's name", func(a *author) {
			o := opened(`{"id":"j4","payload":"x","runner":"r1"}`, webClient)
			a.say(jobOf("j4"), event.ByAPIKey("web"), "", job.Submitted{Submission: o.Submission})
		}, 20, "did not submit what its signers signed"},
		{"an unsigned job in a client's name", func(a *author) {
			a.say(jobOf("j4"), event.ByClient(string(keyID(webClient))), "", job.Submitted{Submission: opened(unsigned, "").Submission})
		}, 20, "did not submit what its signers signed"},

		{"joined with a key that nobody admitted", func(a *author) { a.join(process("r1", "a9", stranger), none) }, 21, "a key that was not admitted"},
		{"joined with another runner's key", func(a *author) { a.join(process("r1", "a9", runnerTwo), none) }, 21, "a key that was not admitted"},
		{"joined with a client's key", func(a *author) { a.join(process("r1", "a9", webClient), none) }, 21, "a key that was not admitted"},
		{"joined for a kind that nobody admitted it for", func(a *author) { a.join(process("r1", "a9", runnerOne), none, "hero") }, 21, "a key that was not admitted"},
		{"joined by first use of an id that was used", func(a *author) { a.join(process("r1", "a9", stranger), key(stranger).Public()) }, 21, "not admitted"},
		{"joined by first use for a kind", func(a *author) { a.join(third, key(stranger).Public(), "sh") }, 21, "a key that was not admitted"},
		{"joined without a report", func(a *author) { a.say(runnerOf("r1"), one.Actor(), "", joined(one, none, "sh")) }, 20, "has no report"},
		{"joined with more slots than reported", func(a *author) {
			p := process("r1", "a9", runnerOne)
			cause := a.report(p, runner.Join{Key: p.Key.Public(), Slots: 1})
			e := joined(p, none)
			e.Slots = 2
			a.say(runnerOf("r1"), p.Actor(), cause(0), e)
		}, 21, "does not say what was reported"},
		{"joined with the marks of other queues", func(a *author) {
			p := process("r1", "a9", runnerOne)
			cause := a.report(p, runner.Join{Key: p.Key.Public(), Slots: 1})
			e := joined(p, none)
			e.Marks[0].Queue = job.RunnerQueue("r2")
			a.say(runnerOf("r1"), p.Actor(), cause(0), e)
		}, 21, "does not say what was reported"},
		{"joined in another runner's place", func(a *author) {
			p := process("r1", "a9", runnerOne)
			cause := a.report(p, runner.Join{Key: p.Key.Public(), Slots: 1})
			a.say(runnerOf("r2"), p.Actor(), cause(0), joined(p, none))
		}, 21, "does not say what was reported"},
		{"joined with a key that does not sign", func(a *author) {
			p := process("r1", "a9", runnerOne)
			cause := a.report(p, runner.Join{Key: key(runnerTwo).Public(), Slots: 1})
			a.say(runnerOf("r1"), p.Actor(), cause(0), joined(process("r1", "a9", runnerTwo), none))
		}, 20, "not its runner's"},
		{"a process that does not join", func(a *author) {
			a.report(process("r1", "a9", runnerOne), runner.Join{Key: key(runnerOne).Public(), Slots: 1})
		}, 20, "did not join"},
		{"a process that speaks before it joins", func(a *author) { a.report(process("r1", "a9", runnerOne), runner.Leave{}) }, 20, "joins with the first report"},
		{"left without a report", func(a *author) { a.say(runnerOf("r1"), one.Actor(), "", runner.Left{Process: "a1"}) }, 20, "has no report"},
		{"left in another process' name", func(a *author) {
			cause := a.report(one, runner.Leave{})
			a.say(runnerOf("r1"), one.Actor(), cause(0), runner.Left{Process: "a2"})
		}, 21, "does not say what was reported"},

		{"a bundle signed by another", func(a *author) { a.report(process("r1", "a1", stranger), runner.Started{About: a.About("j3")}) }, 20, "speaks with another key"},
		{"a bundle with a signature of nobody", func(a *author) {
			b := &runner.Bundle{Namespace: "horus", Runner: "r1", Process: "a1", Number: 4, Reports: []runner.Report{runner.Leave{}}}
			signed := b.Sign(key(runnerOne))
			signed.Signature[7] ^= 1
			a.say(one.Aggregate(), one.Actor(), "", runner.NewReported(signed, b))
		}, 20, "a signature is not of the key"},
		{"a bundle again", func(a *author) {
			a.numbered(3, runner.Started{About: a.About("j3")})
		}, 20, "recorded twice"},
		{"a bundle for another namespace", func(a *author) {
			b := &runner.Bundle{Namespace: "hero", Runner: "r1", Process: "a1", Number: 4, Reports: []runner.Report{runner.Leave{}}}
			a.say(one.Aggregate(), one.Actor(), "", runner.NewReported(b.Sign(key(runnerOne)), b))
		}, 20, "in the place of another"},
		{"a bundle for another partition", func(a *author) {
			b := &runner.Bundle{Namespace: "horus", Partition: 1, Runner: "r1", Process: "a1", Number: 4, Reports: []runner.Report{runner.Leave{}}}
			a.say(one.Aggregate(), one.Actor(), "", runner.NewReported(b.Sign(key(runnerOne)), b))
		}, 20, "in the place of another"},
		{"a bundle in another process' place", func(a *author) {
			b := &runner.Bundle{Namespace: "horus", Runner: "r1", Process: "a1", Number: 4, Reports: []runner.Report{runner.Leave{}}}
			a.say(two.Aggregate(), one.Actor(), "", runner.NewReported(b.Sign(key(runnerOne)), b))
		}, 20, "in the place of another"},
		{"a bundle in another runner's name", func(a *author) {
			b := &runner.Bundle{Namespace: "horus", Runner: "r1", Process: "a1", Number: 4, Reports: []runner.Report{runner.Leave{}}}
			a.say(one.Aggregate(), two.Actor(), "", runner.NewReported(b.Sign(key(runnerOne)), b))
		}, 20, "in the place of another"},
		{"a bundle after the process left", func(a *author) {
			cause := a.report(one, runner.Leave{})
			a.say(runnerOf("r1"), one.Actor(), cause(0), runner.Left{Process: "a1"})
			a.report(one, runner.Started{About: a.About("j3")})
		}, 22, "the process left"},

		{"a second founding", func(a *author) { a.found() }, 20, "founded twice"},
		{"a key admitted twice", func(a *author) { a.admit(webClient, access.Key{Class: access.Client, Name: "web"}) }, 20, "admitted twice"},
		{"a key in two classes", func(a *author) { a.admit(webClient, access.Key{Class: access.Supervisor, Name: "s9"}) }, 20, "one key has one class"},
		{"a key without a proof", func(a *author) {
			a.say(event.Aggregate{Kind: event.Access}, event.ByAPIKey("admin"), "", access.Admitted{
				Key: access.Key{Class: access.Client, Name: "eve", Public: key(stranger).Public()},
			})
		}, 20, "proof of possession"},
		{"the term again", func(a *author) { a.begin(7, leader) }, 20, "term 7 began after term 7"},
		{"a version left out", func(a *author) { a.completeAs(4) }, 21, "version 4 follows version 2"},
		{"a version again", func(a *author) { a.completeAs(2) }, 21, "version 2 follows version 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := story(t)
			tt.write(a)
			a.Seal()
			wantFault(t, verify(a.Raws()), tt.seq, tt.why)
		})
	}
}

// The same tools write histories that are good: what the table above finds is
// what is wrong with them and not how they were written.
func TestWhatMayHappenIsLegal(t *testing.T) {
	redelivery := event.BySystem("redelivery")
	for name, write := range map[string]func(a *author){
		"a job completes":               func(a *author) { a.complete(one, "j1") },
		"a job fails":                   func(a *author) { a.fail(one, "j1", job.FailedTimeout) },
		"a job starts and ends at once": func(a *author) { a.complete0(two, "j3") },
		"an attempt is lost and run again": func(a *author) {
			a.say(jobOf("j1"), redelivery, "", job.AttemptLost{Attempt: 1, Reason: job.LostLease})
			a.say(jobOf("j1"), redelivery, "", job.Queued{Grant: a.Grant("j1", 2)})
			cause := a.report(two, runner.Completed{About: a.About("j1")})
			a.say(jobOf("j1"), two.Actor(), cause(0), job.Started{Attempt: 2, Process: two.Name})
			a.say(jobOf("j1"), two.Actor(), cause(0), job.Completed{Attempt: 2})
		},
		"a job is held and released": func(a *author) {
			o := opened(`{"id":"j4","payload":"x","runner":"r1"}`, webClient)
			a.say(jobOf("j4"), event.ByClient(string(keyID(webClient))), "", job.Submitted{Submission: o.Submission})
			a.say(jobOf("j4"), event.ByAPIKey("web"), "", job.Queued{Grant: a.Grant("j4", 1)})
		},
		"a runner joins by first use, and again": func(a *author) {
			pin := key(stranger).Public()
			a.join(process("r3", "c3", stranger), pin)
			a.Seal()
			a.join(process("r3", "c4", stranger), pin)
			a.submit("j4", `{"payload":"x","runner":"r3"}`, "")
			a.complete0(process("r3", "c4", stranger), "j4")
		},
		"a runner leaves": func(a *author) {
			cause := a.report(one, runner.Log{About: a.About("j1"), Lines: []runner.Line{{At: a.Now, Stream: runner.System, Text: "bye"}}}, runner.Leave{})
			a.say(runnerOf("r1"), one.Actor(), cause(1), runner.Left{Process: "a1"})
		},
		"a late report stays evidence": func(a *author) { a.report(two, runner.Completed{About: a.About("j2")}) },
		"a bundle number is left out": func(a *author) {
			cause := a.numbered(9, runner.Completed{About: a.About("j1")})
			a.say(jobOf("j1"), one.Actor(), cause, job.Completed{Attempt: 1})
		},
		"a key is admitted": func(a *author) {
			a.admit(stranger, access.Key{Class: access.Runner, Name: "r9", Kinds: []domain.Name{"hero"}})
		},
	} {
		a := story(t)
		write(a)
		a.Seal()
		if err := verify(a.Raws()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A leader that does not check every signature still follows the log's seals.
func TestFollowingTrustsDecisionsAndNotTheStore(t *testing.T) {
	a := story(t)
	a.complete(two, "j2") // nonsense, but sealed
	a.Seal()
	if _, err := follow(a.Raws(), (*history.Chain).Follow); err != nil {
		t.Errorf("a sealed decision: %v", err)
	}
	raws := copied(a.Raws())
	raws[14].Event[len(raws[14].Event)-4] ^= 1
	_, err := follow(raws, (*history.Chain).Follow)
	wantFault(t, err, 14, "not those that were sealed")
}
