package job_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// TestNothingIsLegalThatNobodyCouldHaveDecided asks, all through many lives,
// whether random facts could follow: an auditor says yes where there is a command
// that leads there, and only there.
func TestNothingIsLegalThatNobodyCouldHaveDecided(t *testing.T) {
	o := asked(t)
	legal, illegal := map[string]int{}, map[string]int{}
	var lost job.State // before the last loss
	live(t, 12, 25, func(t *rapid.T, before job.State, f event.Fact[job.Event]) {
		if f.Data.EventName() == "job.attempt_lost" {
			lost = before
		}
		source := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)) // rapid likes what is small
		for range 150 {
			var dice [8]int
			for i := range dice {
				dice[i] = source.IntN(6)
			}
			e, by := invented(before, o, f.At, dice)
			guess := fact(before, e, by, f.At)
			err := job.Legal(before, guess)
			if err != nil && domain.ReasonOf(err) != "illegal" {
				t.Fatalf("%s of a %s job: %v", said(e), before.Status, err)
			}
			if could := decidable(before, lost, guess); could != (err == nil) {
				t.Fatalf("%s by %s of a %s job at %s: somebody could have decided so: %v; an auditor says %v\n%+v",
					said(e), by, before.Status, clock(f.At), could, err, before)
			}
			if err == nil {
				legal[e.EventName()]++
			} else {
				illegal[e.EventName()]++
			}
		}
	})
	for _, e := range job.Events() {
		if name := e.EventName(); name != "job.submitted" && (legal[name] == 0 || illegal[name] == 0) {
			t.Errorf("%s was legal %d times and illegal %d times: the test sees too little", name, legal[name], illegal[name])
		}
	}
}

// invented is an event that might or might not follow a state.
func invented(s job.State, o *job.Opened, at event.Time, dice [8]int) (job.Event, event.Actor) {
	attempt := s.Attempt
	if dice[1] == 0 {
		attempt++
	}
	by := []event.Actor{runnerOne, runnerOne, runnerOne, runnerTwo, "system:x", s.By}[dice[2]]
	process := []string{"a1", "a1", "a1", "a2", s.Process, s.Process}[dice[3]]
	if process == "" {
		process = "a1"
	}
	kinds := []job.FailureKind{
		job.FailedError, job.FailedTimeout, job.FailedRejected, job.FailedLost, job.FailedExpired, job.FailedExpired,
	}
	grant := job.Grant{
		Attempt: s.Attempt + 1, Queue: s.Queue, Job: s.Hash, Keys: s.Signers, Checkpoint: s.Checkpoint, Timeout: s.Limits.Timeout,
	}
	if dice[1] == 0 {
		grant.Attempt = s.Attempt
	}
	switch dice[4] {
	case 0:
		grant.Checkpoint = signing.Hash{8}
	case 1:
		grant.Timeout = 3 * time.Second
	}
	// What is more often legal comes more often.
	switch what := dice[0]*6 + dice[5]; what {
	case 0, 1:
		return job.Submitted{Submission: o.Submission}, by
	case 2, 3:
		return job.Scheduled{Due: []event.Time{s.Due, s.Due, s.Due, s.Due, at, s.Due + 1}[dice[3]]}, by
	case 4, 5, 6, 7, 8:
		return job.Queued{Grant: grant}, by
	case 9, 10, 11:
		return job.Started{Attempt: attempt, Process: process}, by
	case 12, 13:
		return job.Checkpointed{Attempt: attempt, Hash: signing.Hash{byte(dice[3])}}, by
	case 14, 15, 16:
		due := at.Add([]time.Duration{-1, 0, 1000, time.Second, time.Minute, time.Hour}[dice[3]])
		return job.AttemptFailed{Attempt: attempt, Kind: kinds[dice[4]], Due: due}, by
	case 17, 18, 19:
		reasons := []job.LossReason{job.LostLease, job.LostQueue, job.LostTimeout, job.LostTimeout, job.LostStop, job.LostStop}
		return job.AttemptLost{Attempt: attempt, Reason: reasons[dice[3]]}, by
	case 20, 21:
		return job.Stopping{Attempt: attempt}, by
	case 22, 23:
		return job.Completed{Attempt: attempt}, by
	case 24, 25, 26, 27:
		return job.Failed{Attempt: attempt, Kind: kinds[dice[4]]}, by
	case 28, 29:
		return job.Stopped{Attempt: attempt}, by
	case 30, 31:
		token := []signing.Hash{s.Token, s.Token, s.Token, {1}, {2}, {}}[dice[4]]
		return job.ReportRefused{Token: token, Process: process, Said: []job.Said{job.SaidCompleted, job.SaidFailed, job.SaidStopped}[dice[6]%3]}, by
	case 32, 33:
		limits := job.Limits{Expires: []event.Time{0, 0, 0, at - 1, at + 1, at + hour}[dice[6]]}
		return job.Replayed{Attempts: uint32(1 + dice[3]), Limits: limits}, by //nolint:gosec // few
	case 34:
		return job.Dropped{}, by
	}
	return job.Deleted{}, by
}

// decidable reports whether there is a command that makes a fact happen next.
// Between the loss of an attempt and what follows it there is none: the command
// is the one that lost it, asked of the state before.
func decidable(s, beforeLoss job.State, f event.Fact[job.Event]) bool {
	if s.Lost != "" {
		events, err := job.Decide(beforeLoss, job.Lose{Token: beforeLoss.Token, Reason: s.Lost, At: f.At})
		return err == nil && said(events[1]) == said(f.Data)
	}
	start := job.Start{Token: s.Token, Process: s.Process, By: f.Actor}
	finish := job.Finish{Start: start, Again: job.Never, At: f.At}
	var commands []job.Command
	switch e := f.Data.(type) {
	case job.Submitted:
		return false // every life that is visited has begun
	case job.Scheduled:
		commands = append(commands, job.Release{At: f.At})
	case job.Queued:
		commands = append(commands, job.Release{At: f.At}, job.Tick{At: f.At})
	case job.Started:
		start.Process = e.Process
		commands = append(commands, start)
	case job.Checkpointed:
		commands = append(commands, job.Keep{Start: start, Hash: e.Hash, At: f.At})
	case job.AttemptFailed:
		finish.Failure, finish.Again, finish.After = e.Kind, job.Please, e.Due.Sub(f.At)
		if finish.After <= 0 {
			return false // a runner cannot ask for the past
		}
		commands = append(commands, finish)
	case job.AttemptLost:
		commands = append(commands, job.Tick{At: f.At})
		if e.Reason == job.LostLease || e.Reason == job.LostQueue {
			commands = append(commands, job.Lose{Token: s.Token, Reason: e.Reason, At: f.At})
		}
	case job.Stopping:
		commands = append(commands, job.Stop{})
	case job.Completed:
		commands = append(commands, finish)
	case job.Failed:
		finish.Failure = e.Kind
		commands = append(commands, job.Tick{At: f.At}, job.Release{At: f.At}, finish)
	case job.Stopped:
		finish.Stopped = true
		if s.Process == "" {
			finish.Process = "a1" // whoever comes first
		}
		commands = append(commands, job.Stop{}, job.Withdraw{Token: s.Token}, finish)
	case job.ReportRefused:
		return refusable(s, e, f)
	case job.Replayed:
		commands = append(commands, job.Replay{Attempts: e.Attempts, Limits: e.Limits, At: f.At})
	case job.Dropped:
		commands = append(commands, job.Drop{})
	case job.Deleted:
		commands = append(commands, job.Delete{})
	}
	for _, c := range commands {
		if events, err := job.Decide(s, c); err == nil && len(events) > 0 && said(events[0]) == said(f.Data) {
			return true
		}
	}
	return false
}

// refusable reports whether a report would have been refused, and that recorded.
func refusable(s job.State, e job.ReportRefused, f event.Fact[job.Event]) bool {
	report := job.Finish{Start: job.Start{Token: e.Token, Process: e.Process, By: f.Actor}, At: f.At, Stopped: e.Said == job.SaidStopped}
	if e.Said == job.SaidFailed {
		report.Failure = job.FailedError
	}
	_, err := job.Decide(s, report)
	s.Refused = 0 // however many there were
	recorded, _ := job.Decide(s, job.Refuse(e))
	return domain.CodeOf(err) == domain.Stale && len(recorded) == 1
}
