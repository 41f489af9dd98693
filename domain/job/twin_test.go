package job_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// twin is a job as somebody would write it down who knows the rules and nothing
// of this package: three attempts, good until an hour after noon.
type twin struct {
	word    string // "", held, waiting, running, over
	attempt int
	losses  int
	owner   string // who runs it
}

// ask answers in words what happens, or why nothing may.
func (w *twin) ask(c move) (then, why string) {
	switch {
	case c.what == "submit" && w.word == "":
		if c.late {
			return "", "not_after"
		}
		if c.held {
			w.word = "held"
			return "held", ""
		}
		return "submitted, " + w.grant(), ""
	case c.what == "submit" && c.other:
		return "", "id_taken"
	case c.what == "submit":
		return "", ""
	case w.word == "":
		return "", "job"
	case c.what == "release" && w.word == "held":
		return w.grant(), ""
	case c.what == "release":
		return "", ""
	case w.word == "held" || w.word == "over" || c.back > 0:
		return "", "stale_attempt"
	case c.what == "lose":
		return w.lose(c), ""
	}
	who := c.process + " of " + string(c.by)
	if w.word == "running" && w.owner != who {
		return "", "stale_attempt"
	}
	if c.what == "finish" && (c.failure == job.FailedLost || c.failure == job.FailedExpired) {
		return "", "kind"
	}
	if w.word == "waiting" {
		then = fmt.Sprintf("attempt %d started by %s", w.attempt, c.process)
		w.word, w.owner = "running", who
	}
	if c.what == "start" {
		return then, ""
	}
	if then != "" {
		then += "; "
	}
	w.word = "over"
	if c.failure == "" {
		return then + fmt.Sprintf("attempt %d completed", w.attempt), ""
	}
	return then + fmt.Sprintf("attempt %d failed: %s", w.attempt, c.failure), ""
}

func (w *twin) grant() string {
	w.attempt++
	w.word, w.owner = "waiting", ""
	return fmt.Sprintf("attempt %d granted to executor:sh", w.attempt)
}

func (w *twin) lose(c move) string {
	then := fmt.Sprintf("attempt %d lost: %s; ", w.attempt, c.reason)
	if c.reason == job.LostLease {
		w.losses++
	}
	switch {
	case c.late:
		w.word = "over"
		return then + fmt.Sprintf("attempt %d failed: expired", w.attempt)
	case w.losses == 3:
		w.word = "over"
		return then + fmt.Sprintf("attempt %d failed: lost", w.attempt)
	}
	return then + w.grant()
}

// move is a command before it knows the tokens.
type move struct {
	what    string
	held    bool // submit
	other   bool // submit another job of the id
	late    bool // after the job's end
	back    int  // how many grants before the open one it names
	process string
	by      event.Actor
	failure job.FailureKind
	reason  job.LossReason
}

func moves() *rapid.Generator[move] {
	return rapid.Custom(func(t *rapid.T) move {
		return move{
			what:    rapid.SampledFrom([]string{"submit", "release", "start", "start", "finish", "lose", "lose", "lose"}).Draw(t, "what"),
			held:    rapid.Bool().Draw(t, "held"),
			other:   rapid.IntRange(0, 5).Draw(t, "other") == 0,
			late:    rapid.IntRange(0, 9).Draw(t, "late") == 0,
			back:    max(rapid.IntRange(-6, 2).Draw(t, "back"), 0),
			process: rapid.SampledFrom([]string{"a1", "a1", "a1", "a2"}).Draw(t, "process"),
			by:      rapid.SampledFrom([]event.Actor{runnerOne, runnerOne, runnerOne, runnerTwo}).Draw(t, "by"),
			failure: rapid.SampledFrom([]job.FailureKind{"", "", job.FailedError, job.FailedTimeout, job.FailedRejected, job.FailedLost, job.FailedExpired}).Draw(t, "failure"),
			reason:  rapid.SampledFrom([]job.LossReason{job.LostLease, job.LostLease, job.LostQueue}).Draw(t, "reason"),
		}
	})
}

// TestJobsDoAsTheirTwins lets a job and its twin live through the same commands.
func TestJobsDoAsTheirTwins(t *testing.T) {
	mine := asked(t)
	other := mustOpen(t, enveloped(t, job.PayloadType, `{"id":"j1","payload":"y","executor":"sh","not_after":"2026-01-02T13:00:00Z"}`, 1))
	me := client(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		var s job.State
		var w twin
		var grants []signing.Hash
		outcomes := 0
		for i, m := range rapid.SliceOfN(moves(), 1, 40).Draw(t, "moves") {
			if w.word == "" {
				m.other = false // whichever comes first is the job
			}
			at := noon + event.Time(i+1)
			if m.late {
				at += hour
			}
			token := signing.Hash{31: 1} // of no grant
			if m.back < len(grants) {
				token = grants[len(grants)-1-m.back]
			}
			c, by := command(m, token, at, mine, other, me)

			before := s
			before.Signers = slices.Clone(s.Signers)
			events, err := job.Decide(s, c)
			again, _ := job.Decide(s, c)
			then, why := w.ask(m)
			if told(events) != then || domain.ReasonOf(err) != why || told(again) != then {
				t.Fatalf("%d %+v: %q, %v; the twin says %q, %q", i, m, told(events), err, then, why)
			}
			for _, e := range events {
				f := fact(s, e, by, at)
				if err := job.Legal(s, f); err != nil {
					t.Fatalf("%d %+v: an auditor says of %s: %v", i, m, e.EventName(), err)
				}
				next := job.Evolve(s, f)
				checkStep(t, s, next, e)
				if s = next; s.Status.Terminal() {
					outcomes++
				}
				if s.Token == f.Hash {
					grants = append(grants, f.Hash)
				}
			}
			if len(events) == 0 && cmp.Diff(before, s, byText) != "" {
				t.Fatalf("%d %+v changed the state without an event", i, m)
			}
			if outcomes > 1 {
				t.Fatalf("%d %+v: the job has two outcomes", i, m)
			}
		}
	})
}

// checkStep holds what is true of every step: versions without a gap, attempts
// that grow by one, nothing after an outcome.
func checkStep(t *rapid.T, s, next job.State, e job.Event) {
	t.Helper()
	if next.Version != s.Version+1 {
		t.Fatalf("version %d follows %d", next.Version, s.Version)
	}
	if s.Status.Terminal() {
		t.Fatalf("%s after an outcome", e.EventName())
	}
	granted := !next.Token.IsZero() && next.Token != s.Token
	if granted && next.Attempt != s.Attempt+1 || !granted && next.Attempt != s.Attempt {
		t.Fatalf("%s: attempt %d follows %d", e.EventName(), next.Attempt, s.Attempt)
	}
	if next.Counted > next.MaxAttempts || next.Open() != !next.Token.IsZero() {
		t.Fatalf("%s: %+v", e.EventName(), next)
	}
}

// command gives a move its job and tokens.
func command(m move, token signing.Hash, at event.Time, mine, other *job.Opened, me event.Actor) (job.Command, event.Actor) {
	switch m.what {
	case "submit":
		o := mine
		if m.other {
			o = other
		}
		return job.Submit{Job: o, Namespace: "horus", At: at, By: me, Held: m.held}, me
	case "release":
		return job.Release{}, event.BySystem("test")
	case "start":
		return job.Start{Token: token, Process: m.process, By: m.by}, m.by
	case "finish":
		return job.Finish{Token: token, Process: m.process, By: m.by, Failure: m.failure}, m.by
	}
	return job.Lose{Token: token, Reason: m.reason, At: at}, event.BySystem("test")
}
