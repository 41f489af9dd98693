// Package job is what Horus means by a job: its states, what can be asked of
// it, and what follows. Everything here is pure. Time and ids arrive in
// commands, so the same history and the same command give the same events for
// ever:
//
//	events, err := job.Decide(state, job.Submit{Job: opened, At: now})
//	for _, e := range events { state = job.Evolve(state, factOf(e)) }
//
// A job waits (created, scheduled, queued, retrying), runs (running, stopping)
// and has its outcome (completed, failed, stopped). One that failed is dead
// until a person replays or drops it.
package job

import (
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// Decide returns what happens when c is asked of a job in state s; no events
// and no error mean that it is so already. Its errors have [domain.Conflict],
// [domain.NotFound], [domain.Expired], [domain.Invalid] or [domain.Stale].
func Decide(s State, c Command) ([]Event, error) {
	if submit, ok := c.(Submit); ok {
		return decideSubmit(s, submit)
	}
	if s.Status == None {
		return nil, domain.Errorf(domain.NotFound, "job", "no such job")
	}
	switch c := c.(type) {
	case Release:
		return decideRelease(s, c), nil
	case Start:
		return decideStart(s, c)
	case Keep:
		return decideKeep(s, c)
	case Finish:
		return decideFinish(s, c)
	case Lose:
		if !s.Open() || s.Token != c.Token {
			return nil, stale()
		}
		return s.lose(c.Reason, c.At), nil
	case Refuse:
		return decideRefuse(s, c), nil
	case Tick:
		return decideTick(s, c.At), nil
	case Stop:
		return decideStop(s), nil
	case Withdraw:
		return decideWithdraw(s, c)
	case Replay:
		return decideReplay(s, c)
	case Drop:
		return decideDrop(s)
	case Delete:
		return decideDelete(s)
	case Submit: // answered above
	}
	panic("job: unknown command")
}

func decideSubmit(s State, c Submit) ([]Event, error) {
	if s.Status != None {
		if s.Same(c.Job, c.By) {
			return nil, nil
		}
		return nil, domain.Errorf(domain.Conflict, "id_taken", "another job has that id; ids are for ever")
	}
	if err := c.Job.Spec.CheckFor(c.Namespace, c.At); err != nil {
		return nil, err
	}
	if err := c.Job.Spec.CheckTimes(c.At); err != nil {
		return nil, err
	}
	if !c.Spent.IsZero() && c.At <= c.Spent {
		return nil, spent(c.Spent)
	}
	if !c.Job.from(c.By) {
		return nil, domain.Errorf(domain.Internal, "submitter", "%s did not submit what its signers signed", c.By)
	}
	e := Submitted{Submission: c.Job.Submission, opened: c.Job}
	if c.Held {
		return []Event{e}, nil
	}
	if e.Due = c.Job.Spec.Start(c.At); e.Due.IsZero() {
		e.Grant = &Grant{Attempt: 1, Queue: c.Job.Spec.Queue(), Job: c.Job.Hash, Keys: c.Job.Signers}
	}
	return []Event{e}, nil
}

// Same reports whether a submission is the one that made this job: the same
// content from the same signers, or from the same API key when nobody signed.
func (s *State) Same(o *Opened, by event.Actor) bool {
	if s.Hash != o.Hash || len(s.Signers) != len(o.Signers) {
		return false
	}
	if len(s.Signers) == 0 {
		return s.Submitter == by
	}
	return slices.Equal(slices.Sorted(slices.Values(s.Signers)), slices.Sorted(slices.Values(o.Signers)))
}

func decideRelease(s State, c Release) []Event {
	switch {
	case s.Status != Created:
		return nil
	case s.passed(c.At):
		return []Event{Failed{s.Attempt, FailedExpired}}
	case s.Due > c.At:
		return []Event{Scheduled{s.Due}}
	}
	return []Event{Queued{s.nextGrant()}}
}

func decideStart(s State, c Start) ([]Event, error) {
	if err := s.owned(c); err != nil {
		return nil, err
	}
	if s.Process != "" {
		return nil, nil
	}
	return []Event{Started{s.Attempt, c.Process}}, nil
}

func decideKeep(s State, c Keep) ([]Event, error) {
	events, err := decideStart(s, c.Start)
	if err != nil || !s.keeps(c.Hash, c.At) {
		return events, err
	}
	return append(events, Checkpointed{s.Attempt, c.Hash}), nil
}

func decideFinish(s State, c Finish) ([]Event, error) {
	if c.Stopped {
		return decideStopped(s, c)
	}
	events, err := decideStart(s, c.Start)
	if err != nil {
		return nil, err
	}
	switch c.Failure {
	case "":
		return append(events, Completed{s.Attempt}), nil
	case FailedError, FailedTimeout, FailedRejected:
		if due, again := s.Retry(c.Failure, c.Again, c.After, c.At); again {
			return append(events, AttemptFailed{s.Attempt, c.Failure, due}), nil
		}
		return append(events, Failed{s.Attempt, c.Failure}), nil
	case FailedLost, FailedExpired:
	}
	return nil, domain.Errorf(domain.Invalid, "kind", "a runner does not report a job as %s", c.Failure)
}

// decideStopped believes a runner that stopped only where somebody had asked.
func decideStopped(s State, c Finish) ([]Event, error) {
	if err := s.owned(c.Start); err != nil {
		return nil, err
	}
	if s.Status != Ending {
		return nil, stale()
	}
	return []Event{Stopped{s.Attempt}}, nil
}

// decideRefuse keeps it short: whoever is late again and again is counted, not
// recorded.
func decideRefuse(s State, c Refuse) []Event {
	if s.Status == Erased || s.Refused >= MaxRefused {
		return nil
	}
	return []Event{ReportRefused(c)}
}

// lose gives the job another attempt while it has any. A lost queue entry is
// our fault and costs the job none.
func (s *State) lose(reason LossReason, at event.Time) []Event {
	lost := AttemptLost{s.Attempt, reason}
	counted := s.Counted
	if reason != LostQueue {
		counted++
	}
	switch {
	case s.Status == Ending:
		return []Event{lost, Stopped{s.Attempt}}
	case s.passed(at):
		return []Event{lost, Failed{s.Attempt, FailedExpired}}
	case counted >= s.Policy.MaxAttempts || !s.Policy.retries(reason.failure(), ByPolicy):
		return []Event{lost, Failed{s.Attempt, reason.failure()}}
	}
	return []Event{lost, Queued{s.nextGrant()}}
}

func decideTick(s State, at event.Time) []Event {
	if due := s.Next(s.Status); due.IsZero() || at < due {
		return nil
	}
	expired := false
	if end := s.expiry(s.Status); !end.IsZero() {
		expired = at > end
	}
	switch s.Status {
	case Created, Planned, Waiting, Retrying:
		if expired {
			return []Event{Failed{s.Attempt, FailedExpired}}
		}
		if s.Status == Planned || s.Status == Retrying {
			return []Event{Queued{s.nextGrant()}}
		}
	case Running:
		return s.lose(LostTimeout, at)
	case Ending:
		return s.lose(LostStop, at)
	case None, Done, Broken, Halted, Shelved, Erased:
	}
	return nil
}

func decideStop(s State) []Event {
	switch s.Status {
	case Created, Planned, Retrying:
		return []Event{Stopped{s.Attempt}}
	case Waiting, Running:
		return []Event{Stopping{s.Attempt}}
	case None, Ending, Done, Broken, Halted, Shelved, Erased:
	}
	return nil
}

func decideWithdraw(s State, c Withdraw) ([]Event, error) {
	if !s.Open() || s.Token != c.Token || s.Process != "" || s.Status != Ending {
		return nil, stale()
	}
	return []Event{Stopped{s.Attempt}}, nil
}

func decideReplay(s State, c Replay) ([]Event, error) {
	if s.Status != Broken {
		return nil, notDead(s.Status)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	e := Replayed{Attempts: s.Policy.MaxAttempts, Limits: c.Limits}
	if c.Attempts > 0 {
		e.Attempts = c.Attempts
	}
	after := s.After(event.Fact[Event]{At: c.At, Data: e})
	switch {
	case !s.NotAfter.IsZero() && c.At > s.NotAfter:
		return nil, domain.Errorf(domain.Expired, "not_after", "the job's not_after has passed: its client must submit another one")
	case !s.NotAfter.IsZero() && after.Expires > s.NotAfter:
		return nil, domain.Errorf(domain.Invalid, "expires_at", "expires_at is behind the job's not_after, %s", s.NotAfter)
	case after.passed(c.At):
		return nil, domain.Errorf(domain.Expired, "expires_at", "the job's expires_at has passed: replay it with a new one")
	}
	s = s.replayed(e)
	return []Event{e, Queued{s.nextGrant()}}, nil
}

// check refuses what the event could not say.
func (c *Replay) check() error {
	switch timeout := c.Limits.Timeout; {
	case c.Attempts > MaxMaxAttempts:
		return at("/max_attempts", domain.Errorf(domain.Invalid, "bounds", "a replay gives 1 to %d attempts", MaxMaxAttempts))
	case timeout < 0 || timeout > MaxTimeout || timeout%time.Second != 0:
		return at("/timeout", domain.Errorf(domain.Invalid, "bounds", "a timeout is whole seconds, 1 to %d", MaxTimeout/time.Second))
	}
	return nil
}

func decideDrop(s State) ([]Event, error) {
	switch s.Status {
	case Broken:
		return []Event{Dropped{}}, nil
	case Shelved:
		return nil, nil
	default:
		return nil, notDead(s.Status)
	}
}

func decideDelete(s State) ([]Event, error) {
	switch {
	case s.Status == Erased:
		return nil, nil
	case !s.Status.Terminal():
		return nil, domain.Errorf(domain.Conflict, "not_ended", "the job is %s: stop it first, a job is deleted when it has its outcome", s.Status)
	}
	return []Event{Deleted{}}, nil
}

func notDead(s Status) error {
	return domain.Errorf(domain.Conflict, "not_dead", "the job is %s: only a failed one is replayed or dropped", s)
}

// owned refuses a report on any attempt but the open one, or from another
// process than the one that reported on it first.
func (s *State) owned(c Start) error {
	if !s.Open() || s.Token != c.Token || c.Process == "" {
		return stale()
	}
	if s.Process != "" && (s.Process != c.Process || s.By != c.By) {
		return stale()
	}
	return nil
}

func stale() error {
	return domain.Errorf(domain.Stale, "stale_attempt", "the attempt is not the open one")
}
