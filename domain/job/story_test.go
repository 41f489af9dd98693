package job_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

const runnerOne, runnerTwo = event.Actor("runner:r1"), event.Actor("runner:r2")

// fact is the next event of s at a place, with a hash of its own.
func fact(s job.State, e job.Event, by event.Actor, at event.Time) event.Fact[job.Event] {
	version := s.Version + 1
	return event.Fact[job.Event]{
		Data: e, Version: version, Seq: 100 + version, At: at, Actor: by,
		Hash: signing.LeafHash(fmt.Appendf(nil, "%s %d", e.EventName(), version)),
	}
}

// token is the hash that [fact] gives to the event of a name and version.
func token(name string, version int) signing.Hash {
	return signing.LeafHash(fmt.Appendf(nil, "%s %d", name, version))
}

// The jobs that tests are about: signed by key 1, three attempts, good until an
// hour after noon. The second is tried again whatever failed, the third begins
// ten minutes after noon.
const (
	onceDoc  = `{"id":"j1","payload":"x","executor":"sh","not_after":"2026-01-02T13:00:00Z"}`
	againDoc = `{"id":"j1","payload":"x","executor":"sh","not_after":"2026-01-02T13:00:00Z","retry_on":["error","timeout"]}`
	laterDoc = `{"id":"j1","payload":"x","executor":"sh","not_after":"2026-01-02T13:00:00Z","run_at":"2026-01-02T12:10:00Z"}`
)

// asked is the submission that most tests are about.
func asked(t testing.TB) *job.Opened {
	t.Helper()
	return mustOpen(t, enveloped(t, job.PayloadType, onceDoc, 1))
}

func client(t testing.TB, n byte) event.Actor {
	t.Helper()
	return event.ByClient(string(key(t, n).Public().ID()))
}

// given makes the state of [asked] after some words of history.
func given(t testing.TB, words string) job.State {
	t.Helper()
	return lived(t, onceDoc, words)
}

// lived makes the state of a job after some words of its history, each of them
// at noon, or as long after noon as is said behind it: queued@10m.
func lived(t testing.TB, doc, words string) job.State {
	t.Helper()
	o := mustOpen(t, enveloped(t, job.PayloadType, doc, 1))
	var s job.State
	for word := range strings.FieldsSeq(words) {
		at := noon
		word, later, _ := strings.Cut(word, "@")
		if later != "" {
			d, err := time.ParseDuration(later)
			if err != nil {
				t.Fatal(err)
			}
			at = noon.Add(d)
		}
		e, by := happened(t, s, o, word, at)
		f := fact(s, e, by, at)
		if err := job.Legal(s, f); err != nil {
			t.Fatalf("%s in %q: %v", word, words, err)
		}
		s = job.Evolve(s, f)
	}
	return s
}

// happened is the event of a word.
func happened(t testing.TB, s job.State, o *job.Opened, word string, at event.Time) (job.Event, event.Actor) {
	t.Helper()
	grant := job.Grant{
		Attempt: s.Attempt + 1, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers, Checkpoint: s.Checkpoint, Timeout: s.Limits.Timeout,
	}
	test := event.BySystem("test")
	switch word {
	case "held":
		return job.Submitted{Submission: o.Submission}, client(t, 1)
	case "submitted":
		return job.Submitted{Submission: o.Submission, Grant: &grant}, client(t, 1)
	case "planned":
		return job.Submitted{Submission: o.Submission, Due: o.Spec.Start(at)}, client(t, 1)
	case "scheduled":
		return job.Scheduled{Due: s.Due}, test
	case "queued":
		return job.Queued{Grant: grant}, test
	case "started":
		return job.Started{Attempt: s.Attempt, Process: "a1"}, runnerOne
	case "kept":
		return job.Checkpointed{Attempt: s.Attempt, Hash: signing.Hash{1: byte(s.Version)}}, runnerOne
	case "completed":
		return job.Completed{Attempt: s.Attempt}, runnerOne
	case "again":
		return job.AttemptFailed{Attempt: s.Attempt, Kind: job.FailedError, Due: at.Add(10 * time.Second)}, runnerOne
	case "error":
		return job.Failed{Attempt: s.Attempt, Kind: job.FailedError}, runnerOne
	case "lease-lost", "queue-lost", "timeout-lost", "stop-lost":
		reason, _, _ := strings.Cut(word, "-")
		return job.AttemptLost{Attempt: s.Attempt, Reason: job.LossReason(reason)}, test
	case "failed-lost":
		return job.Failed{Attempt: s.Attempt, Kind: job.FailedLost}, test
	case "failed-expired":
		return job.Failed{Attempt: s.Attempt, Kind: job.FailedExpired}, test
	case "stopping":
		return job.Stopping{Attempt: s.Attempt}, test
	case "stopped":
		return job.Stopped{Attempt: s.Attempt}, test
	case "replayed":
		return job.Replayed{Attempts: 2}, test
	case "dropped":
		return job.Dropped{}, test
	case "deleted":
		return job.Deleted{}, test
	case "refused":
		return job.ReportRefused{Token: signing.Hash{9}, Process: "a1", Said: job.SaidFailed}, runnerOne
	}
	t.Fatalf("no such word: %s", word)
	return nil, ""
}

// told says in words what happened.
func told(events []job.Event) string {
	words := make([]string, len(events))
	for i, e := range events {
		words[i] = said(e)
	}
	return strings.Join(words, "; ")
}

func said(e job.Event) string {
	switch e := e.(type) {
	case job.Submitted:
		switch {
		case e.Grant != nil:
			return "submitted, " + granted(*e.Grant)
		case !e.Due.IsZero():
			return "scheduled for " + clock(e.Due)
		}
		return "held"
	case job.Scheduled:
		return "released for " + clock(e.Due)
	case job.Queued:
		return granted(e.Grant)
	case job.Started:
		return fmt.Sprintf("attempt %d started by %s", e.Attempt, e.Process)
	case job.Checkpointed:
		return fmt.Sprintf("attempt %d kept %x", e.Attempt, e.Hash[:2])
	case job.AttemptFailed:
		return fmt.Sprintf("attempt %d failed for now: %s, again at %s", e.Attempt, e.Kind, clock(e.Due))
	case job.AttemptLost:
		return fmt.Sprintf("attempt %d lost: %s", e.Attempt, e.Reason)
	case job.Stopping:
		return fmt.Sprintf("attempt %d stopping", e.Attempt)
	case job.Completed:
		return fmt.Sprintf("attempt %d completed", e.Attempt)
	case job.Failed:
		return fmt.Sprintf("attempt %d failed: %s", e.Attempt, e.Kind)
	case job.Stopped:
		return fmt.Sprintf("attempt %d stopped", e.Attempt)
	case job.ReportRefused:
		return fmt.Sprintf("refused to %s that it %s", e.Process, e.Said)
	case job.Replayed:
		return fmt.Sprintf("replayed with %d attempts%s", e.Attempts, limited(e.Limits))
	case job.Dropped:
		return "dropped"
	case job.Deleted:
		return "deleted"
	}
	panic("an event without words")
}

func granted(g job.Grant) string {
	text := fmt.Sprintf("attempt %d granted to %s", g.Attempt, g.Queue)
	if !g.Checkpoint.IsZero() {
		text += fmt.Sprintf(" behind %x", g.Checkpoint[:2])
	}
	return text + limited(job.Limits{Timeout: g.Timeout})
}

func limited(l job.Limits) (text string) {
	if l.Timeout > 0 {
		text += ", for " + l.Timeout.String()
	}
	if !l.Expires.IsZero() {
		text += ", until " + clock(l.Expires)
	}
	return text
}

// clock says a time as how long it is after noon.
func clock(at event.Time) string { return "noon+" + at.Sub(noon).String() }

const (
	twiceLost = "submitted lease-lost queued lease-lost queued "
	ended     = "submitted started completed"
	broken    = "submitted started error"
	dead      = twiceLost + "lease-lost failed-lost"
)
