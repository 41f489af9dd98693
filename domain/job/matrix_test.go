package job_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// moment is a job at one place of its life.
type moment struct {
	doc, words string
	status     job.Status
}

// moments has one of each status, and two where it matters whether somebody had
// begun.
func moments() map[string]moment {
	return map[string]moment{
		"nothing":  {onceDoc, "", job.None},
		"held":     {onceDoc, "held", job.Created},
		"planned":  {laterDoc, "planned", job.Planned},
		"waiting":  {againDoc, "submitted", job.Waiting},
		"running":  {againDoc, "submitted started", job.Running},
		"retrying": {againDoc, "submitted started again", job.Retrying},
		"ending":   {againDoc, "submitted stopping", job.Ending},
		"leaving":  {againDoc, "submitted started stopping", job.Ending},
		"done":     {againDoc, ended, job.Done},
		"broken":   {onceDoc, broken, job.Broken},
		"halted":   {againDoc, "submitted stopping stopped", job.Halted},
		"shelved":  {onceDoc, broken + " dropped", job.Shelved},
		"erased":   {againDoc, ended + " deleted", job.Erased},
	}
}

// TestEveryCommandInEveryStatus says, command by command, what happens at which
// moment: the names of the events, or why not.
func TestEveryCommandInEveryStatus(t *testing.T) {
	const ten = 10 * time.Minute
	start := job.Start{Token: token("job.submitted", 1), Process: "a1", By: runnerOne}
	for _, tt := range []struct {
		name string
		when func(s job.State, o *job.Opened) job.Command
		then string // "else" is every other moment
	}{
		{
			"submit", func(_ job.State, o *job.Opened) job.Command {
				return job.Submit{Job: o, Namespace: "horus", At: noon, By: event.ByClient(string(o.Signers[0]))}
			}, "nothing=submitted else=-",
		},
		{
			"release", func(job.State, *job.Opened) job.Command { return job.Release{At: noon} },
			"nothing=!job held=queued else=-",
		},
		{
			"release too late", func(job.State, *job.Opened) job.Command { return job.Release{At: noon + hour + 1} },
			"nothing=!job held=failed else=-",
		},
		{
			"start", func(job.State, *job.Opened) job.Command { return start },
			"nothing=!job waiting=started ending=started running=- leaving=- else=!stale_attempt",
		},
		{
			"keep", func(job.State, *job.Opened) job.Command {
				return job.Keep{Start: start, Hash: signing.Hash{7}, At: noon}
			},
			"nothing=!job waiting=started+checkpointed ending=started+checkpointed running=checkpointed leaving=checkpointed else=!stale_attempt",
		},
		{
			"complete", func(job.State, *job.Opened) job.Command { return job.Finish{Start: start, At: noon} },
			"nothing=!job waiting=started+completed ending=started+completed running=completed leaving=completed else=!stale_attempt",
		},
		{
			"fail", func(job.State, *job.Opened) job.Command {
				return job.Finish{Start: start, Failure: job.FailedError, At: noon}
			},
			"nothing=!job waiting=started+attempt_failed ending=started+failed running=attempt_failed leaving=failed else=!stale_attempt",
		},
		{
			"fail for good", func(job.State, *job.Opened) job.Command {
				return job.Finish{Start: start, Failure: job.FailedError, Again: job.Never, At: noon}
			},
			"nothing=!job waiting=started+failed ending=started+failed running=failed leaving=failed else=!stale_attempt",
		},
		{
			"fail and ask for more", func(job.State, *job.Opened) job.Command {
				return job.Finish{Start: start, Failure: job.FailedTimeout, Again: job.Please, After: time.Minute, At: noon}
			},
			"nothing=!job waiting=started+attempt_failed ending=started+failed running=attempt_failed leaving=failed else=!stale_attempt",
		},
		{
			"reject", func(job.State, *job.Opened) job.Command {
				return job.Finish{Start: start, Failure: job.FailedRejected, Again: job.Please, At: noon}
			},
			"nothing=!job waiting=started+failed ending=started+failed running=failed leaving=failed else=!stale_attempt",
		},
		{
			"end as asked", func(job.State, *job.Opened) job.Command { return job.Finish{Start: start, Stopped: true, At: noon} },
			"nothing=!job ending=stopped leaving=stopped else=!stale_attempt",
		},
		{
			"refuse", func(job.State, *job.Opened) job.Command {
				return job.Refuse{Token: signing.Hash{3}, Process: "a9", Said: job.SaidCompleted}
			}, "nothing=!job erased=- else=report_refused",
		},
		{
			"lose", func(s job.State, _ *job.Opened) job.Command {
				return job.Lose{Token: s.Token, Reason: job.LostLease, At: noon}
			}, "nothing=!job waiting=attempt_lost+queued running=attempt_lost+queued ending=attempt_lost+stopped leaving=attempt_lost+stopped else=!stale_attempt",
		},
		{
			"lose too late", func(s job.State, _ *job.Opened) job.Command {
				return job.Lose{Token: s.Token, Reason: job.LostQueue, At: noon + hour + 1}
			}, "nothing=!job waiting=attempt_lost+failed running=attempt_lost+failed ending=attempt_lost+stopped leaving=attempt_lost+stopped else=!stale_attempt",
		},
		{
			"tick at once", func(job.State, *job.Opened) job.Command { return job.Tick{At: noon} },
			"nothing=!job else=-",
		},
		{
			"tick later", func(job.State, *job.Opened) job.Command { return job.Tick{At: noon.Add(ten)} },
			"nothing=!job planned=queued running=attempt_lost+queued retrying=queued ending=attempt_lost+stopped leaving=attempt_lost+stopped else=-",
		},
		{
			"tick behind its end", func(job.State, *job.Opened) job.Command { return job.Tick{At: noon.Add(2 * time.Hour)} },
			"nothing=!job held=failed planned=failed waiting=failed running=attempt_lost+failed retrying=failed " +
				"ending=attempt_lost+stopped leaving=attempt_lost+stopped else=-",
		},
		{
			"stop", func(job.State, *job.Opened) job.Command { return job.Stop{} },
			"nothing=!job held=stopped planned=stopped retrying=stopped waiting=stopping running=stopping else=-",
		},
		{
			"withdraw", func(s job.State, _ *job.Opened) job.Command { return job.Withdraw{Token: s.Token} },
			"nothing=!job ending=stopped else=!stale_attempt",
		},
		{
			"replay", func(job.State, *job.Opened) job.Command { return job.Replay{At: noon} },
			"nothing=!job broken=replayed+queued else=!not_dead",
		},
		{
			"replay too late", func(job.State, *job.Opened) job.Command { return job.Replay{At: noon + hour + 1} },
			"nothing=!job broken=!not_after else=!not_dead",
		},
		{
			"drop", func(job.State, *job.Opened) job.Command { return job.Drop{} },
			"nothing=!job broken=dropped shelved=- else=!not_dead",
		},
		{
			"delete", func(job.State, *job.Opened) job.Command { return job.Delete{} },
			"nothing=!job done=deleted broken=deleted halted=deleted shelved=deleted erased=- else=!not_ended",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := map[string]string{}
			for cell := range strings.FieldsSeq(tt.then) {
				name, then, _ := strings.Cut(cell, "=")
				want[name] = then
			}
			for name, m := range moments() {
				s := lived(t, m.doc, m.words)
				if s.Status != m.status {
					t.Fatalf("%s is %s", name, s.Status)
				}
				then, listed := want[name]
				if !listed {
					then = want["else"]
				}
				events, err := job.Decide(s, tt.when(s, mustOpen(t, enveloped(t, job.PayloadType, m.doc, 1))))
				if got := brief(events, err); got != then {
					t.Errorf("%s: %s, want %s", name, got, then)
				}
				delete(want, name)
			}
			delete(want, "else")
			if len(want) > 0 {
				t.Errorf("no such moments: %v", slices.Sorted(maps.Keys(want)))
			}
		})
	}
}

// brief is what a decision came to: the names of its events, - for none, or ! and
// the reason of its error.
func brief(events []job.Event, err error) string {
	if err != nil {
		return "!" + domain.ReasonOf(err)
	}
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = strings.TrimPrefix(e.EventName(), "job.")
	}
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, "+")
}

func TestEveryStatusHasItsMoment(t *testing.T) {
	seen := map[job.Status]bool{job.None: true}
	for _, m := range moments() {
		seen[m.status] = true
	}
	for _, s := range job.Statuses() {
		if !seen[s] {
			t.Errorf("no moment is %s", s)
		}
	}
}
