package job_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// codes are what the refusals of a job mean to whoever asked.
var codes = map[string]domain.Code{
	"not_after": domain.Expired, "nonce": domain.Expired, "audience": domain.Expired, "id_taken": domain.Conflict, "job": domain.NotFound,
	"stale_attempt": domain.Stale, "kind": domain.Invalid, "submitter": domain.Internal,
}

func TestDecide(t *testing.T) {
	o := asked(t)
	submit := job.Submit{Job: o, Namespace: "horus", At: noon, By: client(t, 1)}
	held := submit
	held.Held = true
	otherJob := submit
	otherJob.Job = mustOpen(t, enveloped(t, job.PayloadType, `{"id":"j1","payload":"y","executor":"sh"}`, 1))
	otherSigner := submit
	otherSigner.Job = mustOpen(t, enveloped(t, job.PayloadType, string(o.Doc), 2))
	otherSigner.By = client(t, 2)
	moreSigners := submit
	moreSigners.Job = mustOpen(t, enveloped(t, job.PayloadType, string(o.Doc), 1, 2))
	resent := submit
	resent.By, resent.At = event.ByAPIKey("web"), noon+2*hour
	late := submit
	late.At = noon + hour + 1
	elsewhere := submit
	elsewhere.Job = mustOpen(t, enveloped(t, job.PayloadType, `{"id":"j1","payload":"x","executor":"sh","audience":"hero"}`, 1))
	replayed, good := submit, submit
	replayed.Spent, good.Spent = noon, noon-1
	pretended := submit
	pretended.By = event.ByAPIKey("web")

	first, second := token("job.submitted", 1), token("job.queued", 3)
	start := job.Start{Token: first, Process: "a1", By: runnerOne}
	finish := job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}}
	lose := job.Lose{Token: first, Reason: job.LostLease, At: noon}

	tests := []struct {
		name  string
		given string
		when  job.Command
		then  string
		why   string
	}{
		{"submit", "", submit, "submitted, attempt 1 granted to executor:sh", ""},
		{"submit held", "", held, "held", ""},
		{"submit after its end", "", late, "", "not_after"},
		{"submit to another namespace", "", elsewhere, "", "audience"},
		{"submit in the last instant of another job with its nonce", "", replayed, "", "nonce"},
		{"submit when the nonce is good again", "", good, "submitted, attempt 1 granted to executor:sh", ""},
		{"submit again what has the nonce", "submitted", replayed, "", ""},
		{"submit in another's name", "", pretended, "", "submitter"},
		{"submit again while it waits", "submitted", submit, "", ""},
		{"submit again while it is held", "held", held, "", ""},
		{"submit again while it runs", "submitted started", submit, "", ""},
		{"submit again when it is done", ended, submit, "", ""},
		{"submit again when it failed", broken, submit, "", ""},
		{"submit again when it is dead", dead, submit, "", ""},
		{"submit again after its end", "submitted", late, "", ""},
		{"submit again through another door", "submitted", resent, "", ""},
		{"submit another job of that id", "submitted", otherJob, "", "id_taken"},
		{"submit another job of a finished one's id", ended, otherJob, "", "id_taken"},
		{"submit the same job by another signer", "submitted", otherSigner, "", "id_taken"},
		{"submit the same job with one signer more", "submitted", moreSigners, "", "id_taken"},

		{"release nothing", "", job.Release{}, "", "job"},
		{"release what is held", "held", job.Release{}, "attempt 1 granted to executor:sh", ""},
		{"release what waits", "submitted", job.Release{}, "", ""},
		{"release what runs", "submitted started", job.Release{}, "", ""},
		{"release what is done", ended, job.Release{}, "", ""},
		{"release what failed", broken, job.Release{}, "", ""},

		{"start nothing", "", start, "", "job"},
		{"start what is held", "held", start, "", "stale_attempt"},
		{"start what waits", "submitted", start, "attempt 1 started by a1", ""},
		{"start again", "submitted started", start, "", ""},
		{"start in another process", "submitted started", job.Start{Token: first, Process: "a2", By: runnerOne}, "", "stale_attempt"},
		{"start in another runner's process of that name", "submitted started", job.Start{Token: first, Process: "a1", By: runnerTwo}, "", "stale_attempt"},
		{"start in no process", "submitted", job.Start{Token: first, By: runnerOne}, "", "stale_attempt"},
		{"start without a token", "submitted", job.Start{Process: "a1", By: runnerOne}, "", "stale_attempt"},
		{"start a lost attempt", "submitted lease-lost queued", start, "", "stale_attempt"},
		{"start the next attempt", "submitted lease-lost queued", job.Start{Token: second, Process: "a2", By: runnerTwo}, "attempt 2 started by a2", ""},
		{"start what is done", ended, start, "", "stale_attempt"},
		{"start what failed", broken, start, "", "stale_attempt"},
		{"start what is dead", dead, start, "", "stale_attempt"},

		{"finish nothing", "", finish, "", "job"},
		{"finish what is held", "held", finish, "", "stale_attempt"},
		{"finish what runs", "submitted started", finish, "attempt 1 completed", ""},
		{"finish what nobody said had started", "submitted", finish, "attempt 1 started by a1; attempt 1 completed", ""},
		{"finish with an error", "submitted started", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}, Failure: job.FailedError}, "attempt 1 failed: error", ""},
		{"finish late", "submitted", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}, Failure: job.FailedTimeout}, "attempt 1 started by a1; attempt 1 failed: timeout", ""},
		{"finish by declining", "submitted", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}, Failure: job.FailedRejected}, "attempt 1 started by a1; attempt 1 failed: rejected", ""},
		{"finish as lost", "submitted started", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}, Failure: job.FailedLost}, "", "kind"},
		{"finish as expired", "submitted started", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}, Failure: job.FailedExpired}, "", "kind"},
		{"finish as bored", "submitted started", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerOne}, Failure: "boredom"}, "", "kind"},
		{"finish in another process", "submitted started", job.Finish{Start: job.Start{Token: first, Process: "a2", By: runnerOne}}, "", "stale_attempt"},
		{"finish in another runner's process of that name", "submitted started", job.Finish{Start: job.Start{Token: first, Process: "a1", By: runnerTwo}}, "", "stale_attempt"},
		{"finish a lost attempt", "submitted started lease-lost queued", finish, "", "stale_attempt"},
		{"finish the second attempt", "submitted started lease-lost queued", job.Finish{Start: job.Start{Token: token("job.queued", 4), Process: "a2", By: runnerTwo}}, "attempt 2 started by a2; attempt 2 completed", ""},
		{"finish twice", ended, finish, "", "stale_attempt"},
		{"finish what failed", broken, finish, "", "stale_attempt"},
		{"finish what is dead", dead, finish, "", "stale_attempt"},

		{"lose nothing", "", lose, "", "job"},
		{"lose what is held", "held", lose, "", "stale_attempt"},
		{"lose what waits", "submitted", lose, "attempt 1 lost: lease; attempt 2 granted to executor:sh", ""},
		{"lose what runs", "submitted started", lose, "attempt 1 lost: lease; attempt 2 granted to executor:sh", ""},
		{"lose it twice", "submitted lease-lost queued", lose, "", "stale_attempt"},
		{"lose the second", "submitted lease-lost queued", job.Lose{Token: second, Reason: job.LostLease, At: noon}, "attempt 2 lost: lease; attempt 3 granted to executor:sh", ""},
		{"lose the last", twiceLost, job.Lose{Token: token("job.queued", 5), Reason: job.LostLease, At: noon}, "attempt 3 lost: lease; attempt 3 failed: lost", ""},
		{"lose the queue of the last", twiceLost, job.Lose{Token: token("job.queued", 5), Reason: job.LostQueue, At: noon}, "attempt 3 lost: queue; attempt 4 granted to executor:sh", ""},
		{"lose the last after a queue was lost", twiceLost + "queue-lost queued", job.Lose{Token: token("job.queued", 7), Reason: job.LostLease, At: noon}, "attempt 4 lost: lease; attempt 4 failed: lost", ""},
		{"lose it at its last instant", "submitted", job.Lose{Token: first, Reason: job.LostLease, At: noon + hour}, "attempt 1 lost: lease; attempt 2 granted to executor:sh", ""},
		{"lose it after its end", "submitted", job.Lose{Token: first, Reason: job.LostLease, At: noon + hour + 1}, "attempt 1 lost: lease; attempt 1 failed: expired", ""},
		{"lose its queue after its end", "submitted", job.Lose{Token: first, Reason: job.LostQueue, At: noon + hour + 1}, "attempt 1 lost: queue; attempt 1 failed: expired", ""},
		{"lose what is done", ended, lose, "", "stale_attempt"},
		{"lose what is dead", dead, job.Lose{Reason: job.LostLease, At: noon}, "", "stale_attempt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := given(t, tt.given)
			events, err := job.Decide(s, tt.when)
			if domain.ReasonOf(err) != tt.why || domain.CodeOf(err) != codes[tt.why] {
				t.Fatalf("%v: %v, want the reason %q", domain.CodeOf(err), err, tt.why)
			}
			if got := told(events); got != tt.then {
				t.Fatalf("then %s, want %s", got, tt.then)
			}
			by, at := event.BySystem("test"), noon
			switch c := tt.when.(type) {
			case job.Submit:
				by, at = c.By, c.At
			case job.Start:
				by = c.By
			case job.Finish:
				by = c.By
			case job.Lose:
				at = c.At
			case job.Release, job.Keep, job.Refuse, job.Tick, job.Stop, job.Withdraw, job.Replay, job.Drop, job.Delete:
			}
			for _, e := range events {
				f := fact(s, e, by, at)
				if err := job.Legal(s, f); err != nil {
					t.Fatalf("an auditor says %v", err)
				}
				s = job.Evolve(s, f)
			}
		})
	}
}

func TestUnsignedJobsAreTheirSendersOwn(t *testing.T) {
	web, app := event.ByAPIKey("web"), event.ByAPIKey("app")
	o := mustOpen(t, []byte(plainDoc))
	events, err := job.Decide(job.State{}, job.Submit{Job: o, Namespace: "horus", At: noon, By: web})
	if err != nil {
		t.Fatal(err)
	}
	s := job.Evolve(job.State{}, fact(job.State{}, events[0], web, noon))
	for _, tt := range []struct {
		name string
		by   event.Actor
		code domain.Code
	}{
		{"the same key again", web, 0},
		{"another key", app, domain.Conflict},
	} {
		events, err := job.Decide(s, job.Submit{Job: o, Namespace: "horus", At: noon, By: tt.by})
		if len(events) != 0 || (err != nil) != (tt.code != 0) || err != nil && domain.CodeOf(err) != tt.code {
			t.Errorf("%s: %d events, %v", tt.name, len(events), err)
		}
	}
	if _, err := job.Decide(job.State{}, job.Submit{Job: o, Namespace: "horus", At: noon, By: client(t, 1)}); domain.ReasonOf(err) != "submitter" {
		t.Errorf("an unsigned job of a client: %v", err)
	}
}

func TestTheGrantBindsAttemptQueueJobAndSigners(t *testing.T) {
	o := mustOpen(t, enveloped(t, job.PayloadType, plainDoc, 2, 1))
	events, err := job.Decide(job.State{}, job.Submit{Job: o, Namespace: "horus", At: noon, By: client(t, 2)})
	if err != nil {
		t.Fatal(err)
	}
	want := &job.Grant{
		Attempt: 1, Queue: job.ExecutorQueue("sh"), Job: o.Hash,
		Keys: []signing.KeyID{key(t, 2).Public().ID(), key(t, 1).Public().ID()},
	}
	if diff := cmp.Diff(want, events[0].(job.Submitted).Grant, byText); diff != "" {
		t.Errorf("grant (-want +got):\n%s", diff)
	}
	f := fact(job.State{}, events[0], client(t, 2), noon)
	s := job.Evolve(job.State{}, f)
	if s.Token != f.Hash || s.GrantSeq != f.Seq || !s.Open() || s.ID != o.Spec.ID {
		t.Errorf("state %+v", s)
	}
}

// A job that failed as lost kept the mark of the loss, so that the next attempt
// was legal again, and so was its outcome: two outcomes of one job.
func TestALostJobStaysFailed(t *testing.T) {
	s := given(t, dead)
	if s.Lost != "" || s.Open() || !s.Status.Terminal() || s.Failure != job.FailedLost {
		t.Errorf("a dead job: %+v", s)
	}
}

// Between the loss of an attempt and what follows it no attempt is open: the
// token is gone, and one of zeros fitted it.
func TestALostAttemptIsNotOpen(t *testing.T) {
	s := given(t, "submitted started lease-lost")
	if s.Open() || s.GrantSeq != 0 {
		t.Errorf("a lost attempt is open: %+v", s)
	}
	for _, c := range []job.Command{
		job.Start{Process: "a1", By: runnerOne}, job.Finish{Start: job.Start{Process: "a1", By: runnerOne}}, job.Lose{Reason: job.LostLease},
	} {
		if events, err := job.Decide(s, c); domain.CodeOf(err) != domain.Stale {
			t.Errorf("%T: %s, %v", c, told(events), err)
		}
	}
}

func TestEvolveLeavesTheEarlierStateAlone(t *testing.T) {
	for _, words := range []string{"", "held", "submitted", "submitted started", "submitted started lease-lost", ended, dead} {
		s := given(t, words)
		before := s
		before.Signers = slices.Clone(s.Signers)
		for _, e := range job.Events() {
			if q, ok := e.(job.Queued); ok {
				q.Grant.Keys = []signing.KeyID{"changed"}
				e = q
			}
			job.Evolve(s, fact(s, e, runnerTwo, noon))
			if diff := cmp.Diff(before, s, byText); diff != "" {
				t.Errorf("%s changed the state after %q: %s", e.EventName(), words, diff)
			}
		}
	}
}

func TestEventsListsEveryKindOnce(t *testing.T) {
	var names []string
	for _, e := range job.Events() {
		names = append(names, e.EventName())
	}
	want := []string{
		"job.submitted", "job.scheduled", "job.queued", "job.started", "job.checkpointed", "job.attempt_failed", "job.attempt_lost",
		"job.stopping", "job.completed", "job.failed", "job.stopped", "job.report_refused", "job.replayed", "job.dropped", "job.deleted",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}
