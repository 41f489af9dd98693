package job_test

import (
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

func TestLegal(t *testing.T) {
	o := asked(t)
	grant := func(attempt uint32) job.Grant {
		return job.Grant{Attempt: attempt, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
	}
	granted := func(edit func(*job.Grant)) job.Submitted {
		g := grant(1)
		edit(&g)
		return job.Submitted{Submission: o.Submission, Grant: &g}
	}
	submitted := granted(func(*job.Grant) {})
	unreadable := job.Submitted{Submission: job.Submission{Form: job.FormUnsigned, Doc: []byte(`{}`)}}
	started, completed := job.Started{Attempt: 1, Process: "a1"}, job.Completed{Attempt: 1}
	failed := func(attempt uint32, kind job.FailureKind) job.Failed { return job.Failed{Attempt: attempt, Kind: kind} }
	lost := job.AttemptLost{Attempt: 1, Reason: job.LostLease}
	for _, tt := range []struct {
		name  string
		given string
		fact  job.Event
		by    event.Actor
	}{
		{"submitted twice", "submitted", submitted, client(t, 1)},
		{"submitted when it is done", ended, submitted, client(t, 1)},
		{"submitted by another than its signer", "", submitted, client(t, 2)},
		{"submitted signed, by an API key", "", submitted, event.ByAPIKey("web")},
		{"submitted unreadable", "", unreadable, event.ByAPIKey("web")},
		{"submitted with the second attempt", "", granted(func(g *job.Grant) { g.Attempt = 2 }), client(t, 1)},
		{"submitted to another queue", "", granted(func(g *job.Grant) { g.Queue = job.RunnerQueue("sh") }), client(t, 1)},
		{"submitted with another job's grant", "", granted(func(g *job.Grant) { g.Job[0] ^= 1 }), client(t, 1)},
		{"submitted with another signer's grant", "", granted(func(g *job.Grant) { g.Keys = []signing.KeyID{key(t, 2).Public().ID()} }), client(t, 1)},
		{"submitted with nobody's grant", "", granted(func(g *job.Grant) { g.Keys = nil }), client(t, 1)},

		{"queued out of nothing", "", job.Queued{Grant: grant(1)}, "system:x"},
		{"queued while it waits", "submitted", job.Queued{Grant: grant(2)}, "system:x"},
		{"queued while it runs", "submitted started", job.Queued{Grant: grant(2)}, "system:x"},
		{"queued when it is done", ended, job.Queued{Grant: grant(2)}, "system:x"},
		{"queued when it failed", broken, job.Queued{Grant: grant(2)}, "system:x"},
		{"queued when it is dead", dead, job.Queued{Grant: grant(4)}, "system:x"},
		{"queued when it expired", "submitted lease-lost failed-expired@1h1ms", job.Queued{Grant: grant(2)}, "system:x"},
		{"queued after its last attempt", twiceLost + "lease-lost", job.Queued{Grant: grant(4)}, "system:x"},
		{"queued with an attempt again", "submitted lease-lost", job.Queued{Grant: grant(1)}, "system:x"},
		{"queued with an attempt left out", "submitted lease-lost", job.Queued{Grant: grant(3)}, "system:x"},
		{"released with the second attempt", "held", job.Queued{Grant: grant(2)}, "system:x"},

		{"started out of nothing", "", started, runnerOne},
		{"started while held", "held", started, runnerOne},
		{"started twice", "submitted started", started, runnerOne},
		{"started when lost", "submitted lease-lost", started, runnerOne},
		{"started with the attempt before", "submitted lease-lost queued", started, runnerOne},
		{"started when it is done", ended, started, runnerOne},
		{"started when it is dead", dead, job.Started{Attempt: 3, Process: "a1"}, runnerOne},

		{"completed out of nothing", "", completed, runnerOne},
		{"completed without a start", "submitted", completed, runnerOne},
		{"completed twice", ended, completed, runnerOne},
		{"completed after failed", broken, completed, runnerOne},
		{"completed after dead", dead, job.Completed{Attempt: 3}, runnerOne},
		{"completed when lost", "submitted started lease-lost", completed, runnerOne},
		{"completed with the attempt before", "submitted lease-lost queued started", completed, runnerOne},
		{"completed by another runner", "submitted started", completed, runnerTwo},
		{"completed by nobody", "submitted started", completed, "system:x"},

		{"failed without a start", "submitted", failed(1, job.FailedError), runnerOne},
		{"failed after completed", ended, failed(1, job.FailedError), runnerOne},
		{"failed twice", broken, failed(1, job.FailedError), runnerOne},
		{"failed by another runner", "submitted started", failed(1, job.FailedTimeout), runnerTwo},
		{"failed as lost without a loss", "submitted started", failed(1, job.FailedLost), "system:x"},
		{"failed as expired without a loss", "submitted", failed(1, job.FailedExpired), "system:x"},
		{"failed as lost before the last attempt", "submitted lease-lost", failed(1, job.FailedLost), "system:x"},
		{"failed as error when lost", "submitted started lease-lost", failed(1, job.FailedError), runnerOne},
		{"failed with another attempt", "submitted started", failed(2, job.FailedError), runnerOne},
		{"failed as lost when dead", dead, failed(3, job.FailedLost), "system:x"},

		{"lost while held", "held", lost, "system:x"},
		{"lost twice", "submitted lease-lost", lost, "system:x"},
		{"lost when it is done", ended, lost, "system:x"},
		{"lost when it is dead", dead, job.AttemptLost{Attempt: 3, Reason: job.LostLease}, "system:x"},
		{"lost with the next attempt", "submitted", job.AttemptLost{Attempt: 2, Reason: job.LostLease}, "system:x"},
	} {
		s := given(t, tt.given)
		err := job.Legal(s, fact(s, tt.fact, tt.by, noon))
		if domain.CodeOf(err) != domain.Halted || domain.ReasonOf(err) != "illegal" {
			t.Errorf("%s: %v, want an illegal transition", tt.name, err)
		}
	}
	waiting := given(t, "submitted")
	for _, version := range []uint64{0, 1, 3} {
		f := fact(waiting, started, runnerOne, noon)
		f.Version = version
		if err := job.Legal(waiting, f); domain.ReasonOf(err) != "illegal" {
			t.Errorf("version %d after 1: %v", version, err)
		}
	}
}

// TestLegalOverAWholeLife is about what came later than the first attempts:
// schedules, retries, stops, checkpoints, replays.
func TestLegalOverAWholeLife(t *testing.T) {
	const second, minute = time.Second, time.Minute
	o := mustOpen(t, enveloped(t, job.PayloadType, againDoc, 1))
	later := mustOpen(t, enveloped(t, job.PayloadType, laterDoc, 1))
	grant := func(attempt uint32, edit ...func(*job.Grant)) job.Queued {
		g := job.Grant{Attempt: attempt, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
		for _, change := range edit {
			change(&g)
		}
		return job.Queued{Grant: g}
	}
	first := job.Grant{Attempt: 1, Queue: later.Spec.Queue(), Job: later.Hash, Keys: later.Signers}
	failed := func(kind job.FailureKind) job.Failed { return job.Failed{Attempt: 1, Kind: kind} }
	again := func(kind job.FailureKind, due time.Duration) job.AttemptFailed {
		return job.AttemptFailed{Attempt: 1, Kind: kind, Due: noon.Add(due)}
	}
	lost := func(reason job.LossReason) job.AttemptLost { return job.AttemptLost{Attempt: 1, Reason: reason} }
	refused := func(process string, said job.Said) job.ReportRefused {
		return job.ReportRefused{Token: token("job.submitted", 1), Process: process, Said: said}
	}
	const test = event.Actor("system:x")
	me := client(t, 1)
	for _, tt := range []struct {
		name  string
		doc   string
		given string
		fact  job.Event
		by    event.Actor
		at    time.Duration
		good  bool
	}{
		{"scheduled for its time", laterDoc, "", job.Submitted{Submission: later.Submission, Due: noon.Add(10 * minute)}, me, 0, true},
		{"scheduled for another time", laterDoc, "", job.Submitted{Submission: later.Submission, Due: noon.Add(11 * minute)}, me, 0, false},
		{"scheduled when its time had come", laterDoc, "", job.Submitted{Submission: later.Submission, Due: noon.Add(10 * minute)}, me, 10 * minute, false},
		{"scheduled though it has no time", onceDoc, "", job.Submitted{Submission: asked(t).Submission, Due: noon.Add(minute)}, me, 0, false},
		{"granted before its time", laterDoc, "", job.Submitted{Submission: later.Submission, Grant: &first}, me, 0, false},
		{"granted at its time", laterDoc, "", job.Submitted{Submission: later.Submission, Grant: &first}, me, 10 * minute, true},
		{"released for its time", laterDoc, "held", job.Scheduled{Due: noon.Add(10 * minute)}, test, minute, true},
		{"released for another time", laterDoc, "held", job.Scheduled{Due: noon.Add(9 * minute)}, test, minute, false},
		{"released for a time that has come", laterDoc, "held", job.Scheduled{Due: noon.Add(10 * minute)}, test, 10 * minute, false},
		{"released for a time, twice", laterDoc, "planned", job.Scheduled{Due: noon.Add(10 * minute)}, test, minute, false},
		{"released for no time", againDoc, "held", job.Scheduled{}, test, 0, false},
		{"queued before its time", laterDoc, "planned", job.Queued{Grant: first}, test, 10*minute - 1000, false},
		{"queued at its time", laterDoc, "planned", job.Queued{Grant: first}, test, 10 * minute, true},
		{"queued behind its end", laterDoc, "planned", job.Queued{Grant: first}, test, time.Hour + 1000, false},
		{"released behind its end", againDoc, "held", grant(1), test, time.Hour + 1000, false},
		{"queued again behind its end", againDoc, "submitted lease-lost@1h1s", grant(2), test, time.Hour + second, false},

		{"tried again after an error", againDoc, "submitted started", again(job.FailedError, second), runnerOne, 0, true},
		{"tried again at once", againDoc, "submitted started", again(job.FailedError, 0), runnerOne, 0, false},
		{"tried again in the past", againDoc, "submitted started", again(job.FailedTimeout, second), runnerOne, minute, false},
		{"tried again behind its end", againDoc, "submitted started", again(job.FailedError, time.Hour+1000), runnerOne, 0, false},
		{"tried again at its end", againDoc, "submitted started", again(job.FailedError, time.Hour), runnerOne, 0, true},
		{"tried again after a refusal", againDoc, "submitted started", again(job.FailedRejected, second), runnerOne, 0, false},
		{"tried again as lost", againDoc, "submitted started", again(job.FailedLost, second), runnerOne, 0, false},
		{"tried again while it is stopped", againDoc, "submitted started stopping", again(job.FailedError, second), runnerOne, 0, false},
		{"tried again before it began", againDoc, "submitted", again(job.FailedError, second), runnerOne, 0, false},
		{"tried again by another", againDoc, "submitted started", again(job.FailedError, second), runnerTwo, 0, false},
		{"tried again after its last attempt", againDoc, twiceLost + "started", job.AttemptFailed{Attempt: 3, Kind: job.FailedError, Due: noon.Add(second)}, runnerOne, 0, false},
		{"queued before its back-off is over", againDoc, "submitted started again", grant(2), test, 10*second - 1000, false},
		{"queued when its back-off is over", againDoc, "submitted started again", grant(2), test, 10 * second, true},
		{"started during its back-off", againDoc, "submitted started again", job.Started{Attempt: 1, Process: "a1"}, runnerOne, 0, false},
		{"completed during its back-off", againDoc, "submitted started again", job.Completed{Attempt: 1}, runnerOne, 0, false},

		{"expired before its end", againDoc, "held", failed(job.FailedExpired), test, time.Hour, false},
		{"expired behind its end", againDoc, "held", job.Failed{Kind: job.FailedExpired}, test, time.Hour + 1000, true},
		{"expired in its queue, too soon", againDoc, "submitted", failed(job.FailedExpired), test, time.Hour + 2*second, false},
		{"expired in its queue", againDoc, "submitted", failed(job.FailedExpired), test, time.Hour + 2*second + 1000, true},
		{"expired while it runs", againDoc, "submitted started", failed(job.FailedExpired), test, 2 * time.Hour, false},
		{"expired while it is stopped", againDoc, "submitted stopping", failed(job.FailedExpired), test, 2 * time.Hour, false},
		{"expired when it is done", againDoc, ended, failed(job.FailedExpired), test, 2 * time.Hour, false},
		{"failed as lost behind its end", againDoc, twiceLost + "lease-lost@1h1s", job.Failed{Attempt: 3, Kind: job.FailedLost}, test, time.Hour + second, false},
		{"failed as expired when lost in time", againDoc, twiceLost + "lease-lost", job.Failed{Attempt: 3, Kind: job.FailedExpired}, test, 0, false},

		{"timed out too soon", againDoc, "submitted started", lost(job.LostTimeout), test, 330*second - 1000, false},
		{"timed out", againDoc, "submitted started", lost(job.LostTimeout), test, 330 * second, true},
		{"timed out before it began", againDoc, "submitted", lost(job.LostTimeout), test, 2 * time.Hour, false},
		{"timed out while it is stopped", againDoc, "submitted started stopping", lost(job.LostTimeout), test, 2 * time.Hour, false},
		{"tried again after its runner was silent", againDoc, "submitted started timeout-lost@6m", grant(2), test, 6 * minute, true},
		{"tried again after its runner was silent, unasked", onceDoc, "submitted started timeout-lost@6m", grant(2), test, 6 * minute, false},
		{"failed as lost after a timeout", onceDoc, "submitted started timeout-lost@6m", failed(job.FailedLost), test, 6 * minute, false},
		{"failed as timed out", onceDoc, "submitted started timeout-lost@6m", failed(job.FailedTimeout), test, 6 * minute, true},

		{"to be stopped while it is held", againDoc, "held", job.Stopping{}, test, 0, false},
		{"to be stopped twice", againDoc, "submitted stopping", job.Stopping{Attempt: 1}, test, 0, false},
		{"to be stopped when lost", againDoc, "submitted lease-lost", job.Stopping{Attempt: 1}, test, 0, false},
		{"stopped while it waits", againDoc, "submitted", job.Stopped{Attempt: 1}, test, 0, false},
		{"stopped by nobody while it runs", againDoc, "submitted started stopping", job.Stopped{Attempt: 1}, test, 0, false},
		{"stopped by another runner", againDoc, "submitted started stopping", job.Stopped{Attempt: 1}, runnerTwo, 0, false},
		{"stopped by its runner", againDoc, "submitted started stopping", job.Stopped{Attempt: 1}, runnerOne, 0, true},
		{"stopped when nobody had begun", againDoc, "submitted stopping", job.Stopped{Attempt: 1}, test, 0, true},
		{"stopped when lost", againDoc, "submitted started lease-lost", job.Stopped{Attempt: 1}, test, 0, false},
		{"stopped twice", againDoc, "submitted stopping stopped", job.Stopped{Attempt: 1}, test, 0, false},
		{"stopped when it is done", againDoc, ended, job.Stopped{Attempt: 1}, test, 0, false},
		{"given up as stopped, too soon", againDoc, "submitted stopping", lost(job.LostStop), test, 30*second - 1000, false},
		{"given up as stopped", againDoc, "submitted stopping", lost(job.LostStop), test, 30 * second, true},
		{"given up as stopped while it runs", againDoc, "submitted started", lost(job.LostStop), test, time.Hour, false},
		{"queued when it was to be stopped", againDoc, "submitted stopping stop-lost@30s", grant(2), test, 30 * second, false},
		{"failed when it was to be stopped", againDoc, "submitted stopping stop-lost@30s", failed(job.FailedLost), test, 30 * second, false},
		{"failed as expired when it was to be stopped", againDoc, "submitted stopping stop-lost@2h", failed(job.FailedExpired), test, 2 * time.Hour, false},

		{"kept before it began", againDoc, "submitted", job.Checkpointed{Attempt: 1, Hash: signing.Hash{7}}, runnerOne, 0, false},
		{"kept by another", againDoc, "submitted started", job.Checkpointed{Attempt: 1, Hash: signing.Hash{7}}, runnerTwo, 0, false},
		{"kept twice", againDoc, "submitted started kept", job.Checkpointed{Attempt: 1, Hash: signing.Hash{1: 2}}, runnerOne, 0, false},
		{"kept when it is done", againDoc, ended, job.Checkpointed{Attempt: 1, Hash: signing.Hash{7}}, runnerOne, 0, false},
		{"granted behind its checkpoint", againDoc, "submitted started kept lease-lost", grant(2, func(g *job.Grant) { g.Checkpoint = signing.Hash{1: 2} }), test, 0, true},
		{"granted without its checkpoint", againDoc, "submitted started kept lease-lost", grant(2), test, 0, false},
		{"granted behind another checkpoint", againDoc, "submitted started kept lease-lost", grant(2, func(g *job.Grant) { g.Checkpoint = signing.Hash{7} }), test, 0, false},
		{"granted behind a checkpoint out of nothing", againDoc, "held", grant(1, func(g *job.Grant) { g.Checkpoint = signing.Hash{7} }), test, 0, false},
		{"granted for another time", againDoc, "held", grant(1, func(g *job.Grant) { g.Timeout = minute }), test, 0, false},

		{"refused to who may", againDoc, "submitted started", refused("a1", job.SaidCompleted), runnerOne, 0, false},
		{"refused to who may be the first", againDoc, "submitted", refused("a1", job.SaidFailed), runnerOne, 0, false},
		{"refused to another process", againDoc, "submitted started", refused("a2", job.SaidCompleted), runnerOne, 0, true},
		{"refused to another runner", againDoc, "submitted started", refused("a1", job.SaidCompleted), runnerTwo, 0, true},
		{"refused that it was stopped, unasked", againDoc, "submitted started", refused("a1", job.SaidStopped), runnerOne, 0, true},
		{"refused that it was stopped, as asked", againDoc, "submitted started stopping", refused("a1", job.SaidStopped), runnerOne, 0, false},
		{"refused after a retry", againDoc, "submitted started again", refused("a1", job.SaidCompleted), runnerOne, 0, true},
		{"refused when it is done", againDoc, ended, refused("a1", job.SaidFailed), runnerOne, 0, true},
		{"refused when it is deleted", againDoc, ended + " deleted", refused("a1", job.SaidFailed), runnerOne, 0, false},
		{"refused out of nothing", againDoc, "", refused("a1", job.SaidFailed), runnerOne, 0, false},
		{"refused when lost", againDoc, "submitted started lease-lost", refused("a1", job.SaidFailed), runnerOne, 0, false},

		{"replayed", onceDoc, broken, job.Replayed{Attempts: 3}, test, 0, true},
		{"replayed when it is done", againDoc, ended, job.Replayed{Attempts: 3}, test, 0, false},
		{"replayed when it was stopped", againDoc, "held stopped", job.Replayed{Attempts: 3}, test, 0, false},
		{"replayed when it was dropped", onceDoc, broken + " dropped", job.Replayed{Attempts: 3}, test, 0, false},
		{"replayed when it was deleted", onceDoc, broken + " deleted", job.Replayed{Attempts: 3}, test, 0, false},
		{"replayed behind its end", onceDoc, broken, job.Replayed{Attempts: 3}, test, time.Hour + 1000, false},
		{"replayed to a time behind its end", onceDoc, broken, job.Replayed{Attempts: 3, Limits: job.Limits{Expires: noon + hour + 1}}, test, 0, false},
		{"replayed to a time that has passed", onceDoc, broken, job.Replayed{Attempts: 3, Limits: job.Limits{Expires: noon - 1}}, test, 0, false},
		{"completed after a replay", onceDoc, broken + " replayed", job.Completed{Attempt: 1}, runnerOne, 0, false},
		{"granted after a replay", onceDoc, broken + " replayed queued started", job.Completed{Attempt: 2}, runnerOne, 0, true},

		{"dropped when it is done", againDoc, ended, job.Dropped{}, test, 0, false},
		{"dropped twice", onceDoc, broken + " dropped", job.Dropped{}, test, 0, false},
		{"deleted while it waits", againDoc, "submitted", job.Deleted{}, test, 0, false},
		{"deleted during its back-off", againDoc, "submitted started again", job.Deleted{}, test, 0, false},
		{"deleted when it was dropped", onceDoc, broken + " dropped", job.Deleted{}, test, 0, true},
		{"deleted twice", againDoc, ended + " deleted", job.Deleted{}, test, 0, false},
	} {
		s := lived(t, tt.doc, tt.given)
		err := job.Legal(s, fact(s, tt.fact, tt.by, noon.Add(tt.at)))
		if illegal := domain.CodeOf(err) == domain.Halted && domain.ReasonOf(err) == "illegal"; illegal == tt.good || err != nil && !illegal {
			t.Errorf("%s: %v; it is legal: %v", tt.name, err, tt.good)
		}
	}
}
