package job_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// move is something that is asked of a job, and when.
type move struct {
	what    string
	at      event.Time
	token   signing.Hash // of the attempt that it names
	back    int          // how many attempts before the open one that is
	held    bool         // submit
	other   bool         // submit another job of the id
	process string
	by      event.Actor
	hash    signing.Hash // keep
	failure job.FailureKind
	stopped bool // finish
	again   job.Again
	after   time.Duration
	reason  job.LossReason
	// replay
	attempts int
	limits   job.Limits
}

func moves() *rapid.Generator[move] {
	words := []string{
		"submit", "release", "start", "start", "keep", "finish", "finish", "finish", "lose", "lose", "tick", "tick", "tick", "stop",
		"withdraw", "refuse", "replay", "replay", "replay", "drop", "delete",
	}
	return rapid.Custom(func(t *rapid.T) move {
		m := move{
			what:    rapid.SampledFrom(words).Draw(t, "what"),
			held:    rapid.Bool().Draw(t, "held"),
			other:   rapid.IntRange(0, 5).Draw(t, "other") == 0,
			back:    max(rapid.IntRange(-6, 2).Draw(t, "back"), 0),
			process: rapid.SampledFrom([]string{"a1", "a1", "a1", "a2"}).Draw(t, "process"),
			by:      rapid.SampledFrom([]event.Actor{runnerOne, runnerOne, runnerOne, runnerTwo}).Draw(t, "by"),
			hash:    signing.Hash{rapid.SampledFrom([]byte{1, 2, 3}).Draw(t, "checkpoint")},
			failure: rapid.SampledFrom([]job.FailureKind{
				"", "", job.FailedError, job.FailedError, job.FailedError, job.FailedTimeout, job.FailedRejected, job.FailedLost, job.FailedExpired,
			}).Draw(t, "failure"),
			stopped:  rapid.IntRange(0, 5).Draw(t, "stopped") == 0,
			again:    rapid.SampledFrom([]job.Again{job.ByPolicy, job.ByPolicy, job.Please, job.Never}).Draw(t, "again"),
			after:    time.Duration(rapid.SampledFrom([]int{0, 0, 1, 5_000, 86_400_000}).Draw(t, "after")) * time.Millisecond,
			reason:   rapid.SampledFrom([]job.LossReason{job.LostLease, job.LostLease, job.LostQueue}).Draw(t, "reason"),
			attempts: rapid.SampledFrom([]int{0, 1, 2, 25}).Draw(t, "attempts"),
		}
		m.limits.Timeout = time.Duration(rapid.SampledFrom([]int{0, 0, 10}).Draw(t, "timeout")) * time.Second
		if end := rapid.SampledFrom([]int{0, 0, 40, 90}).Draw(t, "expires"); end > 0 {
			m.limits.Expires = noon.Add(time.Duration(end) * time.Minute)
		}
		return m
	})
}

// life is a job and its twin, and what both were asked.
type life struct {
	t        *rapid.T
	s        job.State
	w        twin
	now      event.Time
	grants   []signing.Hash
	mine     *job.Opened
	other    *job.Opened
	me       event.Actor
	outcomes int // since it was submitted, or replayed
	visit    func(t *rapid.T, before job.State, f event.Fact[job.Event])
}

// TestJobsDoAsTheirTwins lets jobs and their twins live through the same
// commands.
func TestJobsDoAsTheirTwins(t *testing.T) {
	live(t, 1, 40, func(*rapid.T, job.State, event.Fact[job.Event]) {})
}

// live lets a job and its twin live through random moves. visit is told of every
// fact, and the state before it.
func live(t *testing.T, least, most int, visit func(t *rapid.T, before job.State, f event.Fact[job.Event])) {
	t.Helper()
	type told struct{ mine, other *job.Opened }
	documents := map[string]told{}
	for _, p := range plans() {
		documents[p.doc] = told{
			mustOpen(t, enveloped(t, job.PayloadType, p.doc, 1)),
			mustOpen(t, enveloped(t, job.PayloadType, `{"id":"j1","payload":"y","executor":"sh"}`, 1)),
		}
	}
	me := client(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(plans()).Draw(t, "plan")
		l := &life{t: t, w: twin{plan: p}, now: noon, mine: documents[p.doc].mine, other: documents[p.doc].other, me: me, visit: visit}
		for _, m := range rapid.SliceOfN(moves(), least, most).Draw(t, "moves") {
			l.pass(rapid.SampledFrom([]string{"", "", "1us", "1s", "31s", "6m", "40m", "before", "until"}).Draw(t, "time"))
			l.ask(m)
		}
		l.rest()
	})
}

// pass lets time go by: for a while, or until something is due, or until just
// before.
func (l *life) pass(while string) {
	next := l.w.next()
	switch while {
	case "":
	case "before":
		l.now = max(l.now, next-1)
	case "until":
		l.now = max(l.now, next)
	default:
		d, err := time.ParseDuration(while)
		if err != nil {
			l.t.Fatal(err)
		}
		l.now = l.now.Add(d)
	}
}

// ask asks the same of both.
func (l *life) ask(m move) {
	l.t.Helper()
	m.other = m.other && l.w.phase != "" // whichever comes first is the job
	m.at, m.token = l.now, signing.Hash{31: 1}
	if m.back < len(l.grants) {
		m.token = l.grants[len(l.grants)-1-m.back]
	}
	c, by := l.command(m)
	before := l.s
	before.Signers = slices.Clone(l.s.Signers)
	events, err := job.Decide(l.s, c)
	again, _ := job.Decide(l.s, c)
	then, why := l.w.ask(m)
	if told(events) != then || domain.ReasonOf(err) != why || told(again) != then {
		l.t.Fatalf("%s %+v of a %s job: %q, %v; the twin says %q, %q", clock(m.at), m, l.s.Status, told(events), err, then, why)
	}
	for _, e := range events {
		l.happen(e, by)
	}
	if len(events) == 0 && cmp.Diff(before, l.s, byText) != "" {
		l.t.Fatalf("%+v changed the state without an event", m)
	}
	if next := l.s.Next(l.s.Status); next != l.w.next() {
		l.t.Fatalf("%+v: a %s job is to be looked at %s, the twin %s", m, l.s.Status, clock(next), clock(l.w.next()))
	}
}

// happen folds an event in and holds what is true of every one: it can be
// written and read, an auditor accepts it, versions have no gap, attempts grow by
// one, and one outcome is the only one until somebody replays the job.
func (l *life) happen(e job.Event, by event.Actor) {
	l.t.Helper()
	again, err := job.DecodeEvent(e.EventName(), e.AppendData(nil))
	if err != nil || string(again.AppendData(nil)) != string(e.AppendData(nil)) {
		l.t.Fatalf("%s is written as %s, and read with %v", said(e), e.AppendData(nil), err)
	}
	s, f := l.s, fact(l.s, e, by, l.now)
	if err := job.Legal(s, f); err != nil {
		l.t.Fatalf("an auditor says of %s: %v", said(e), err)
	}
	l.visit(l.t, s, f)
	next := job.Evolve(s, f)
	if next.Version != s.Version+1 {
		l.t.Fatalf("version %d follows %d", next.Version, s.Version)
	}
	isGranted := !next.Token.IsZero() && next.Token != s.Token
	if isGranted && next.Attempt != s.Attempt+1 || !isGranted && next.Attempt != s.Attempt {
		l.t.Fatalf("%s: attempt %d follows %d", said(e), next.Attempt, s.Attempt)
	}
	if next.Counted > next.Policy.MaxAttempts || next.Open() != !next.Token.IsZero() {
		l.t.Fatalf("%s: %+v", said(e), next)
	}
	switch e.EventName() {
	case "job.completed", "job.failed", "job.stopped":
		l.outcomes++
	case "job.replayed":
		l.outcomes--
	}
	if l.outcomes > 1 || (l.outcomes == 1) != next.Status.Terminal() {
		l.t.Fatalf("%s: the job is %s and has %d outcomes", said(e), next.Status, l.outcomes)
	}
	if isGranted {
		l.grants = append(l.grants, next.Token)
	}
	l.s = next
}

// rest asks nobody but the timer: a tick just before it is due does nothing, one
// when it is due does something, and after a few of them nothing is due any more.
func (l *life) rest() {
	l.t.Helper()
	if l.s.Status == job.None {
		return
	}
	for range 4*job.MaxMaxAttempts + 8 {
		due := l.s.Next(l.s.Status)
		if due.IsZero() {
			return
		}
		if events, err := job.Decide(l.s, job.Tick{At: due - 1}); len(events) > 0 || err != nil {
			l.t.Fatalf("a %s job is due %s, and before that %s, %v", l.s.Status, clock(due), told(events), err)
		}
		l.now = max(l.now, due)
		before := l.s.Version
		l.ask(move{what: "tick"})
		if l.s.Version == before {
			l.t.Fatalf("a %s job is due %s, and nothing happened", l.s.Status, clock(due))
		}
	}
	l.t.Fatalf("a %s job is due again and again", l.s.Status)
}

// command gives a move its job and tokens.
func (l *life) command(m move) (job.Command, event.Actor) {
	test := event.BySystem("test")
	start := job.Start{Token: m.token, Process: m.process, By: m.by}
	switch m.what {
	case "submit":
		o := l.mine
		if m.other {
			o = l.other
		}
		return job.Submit{Job: o, Namespace: "horus", At: m.at, By: l.me, Held: m.held}, l.me
	case "release":
		return job.Release{At: m.at}, test
	case "start":
		return start, m.by
	case "keep":
		return job.Keep{Start: start, Hash: m.hash, At: m.at}, m.by
	case "finish":
		return job.Finish{Start: start, Failure: m.failure, Stopped: m.stopped, Again: m.again, After: m.after, At: m.at}, m.by
	case "tick":
		return job.Tick{At: m.at}, test
	case "stop":
		return job.Stop{}, test
	case "withdraw":
		return job.Withdraw{Token: m.token}, test
	case "refuse":
		return job.Refuse{Token: signing.Hash{9}, Process: m.process, Said: job.SaidCompleted}, m.by
	case "replay":
		return job.Replay{Attempts: uint32(m.attempts), Limits: m.limits, At: m.at}, test //nolint:gosec // few
	case "drop":
		return job.Drop{}, test
	case "delete":
		return job.Delete{}, test
	}
	return job.Lose{Token: m.token, Reason: m.reason, At: m.at}, test
}
