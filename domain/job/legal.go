package job

import (
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// Legal reports why a fact could not have followed a state, or nil. Auditors
// ask it of every event; deciders never cause anything else. What a runner
// reported, and so whether it could ask for another attempt, is for package
// history to compare.
func Legal(s State, f event.Fact[Event]) error {
	if f.Version != s.Version+1 {
		return illegal("version %d follows version %d", f.Version, s.Version)
	}
	if s.Lost != "" {
		switch f.Data.(type) {
		case Queued, Failed, Stopped:
		default:
			return illegal("%s follows a lost attempt", f.Data.EventName())
		}
	}
	switch e := f.Data.(type) {
	case Submitted:
		return legalSubmitted(s, e, f)
	case Scheduled:
		return legalScheduled(s, e, f)
	case Queued:
		return legalQueued(s, e, f.At)
	case Started:
		return legalStarted(s, e)
	case Checkpointed:
		return legalCheckpointed(s, e, f)
	case Completed:
		return s.reported(e, e.Attempt, f.Actor)
	case AttemptFailed:
		return legalAttemptFailed(s, e, f)
	case AttemptLost:
		return legalLost(s, e, f.At)
	case Stopping:
		return s.expect(e, e.Attempt, Waiting, Running)
	case Failed:
		return legalFailed(s, e, f)
	case Stopped:
		return legalStopped(s, e, f.Actor)
	case ReportRefused:
		return legalRefused(s, e, f.Actor)
	case Replayed:
		return legalReplayed(s, e, f.At)
	case Dropped:
		return s.expect(e, s.Attempt, Broken)
	case Deleted:
		return s.expect(e, s.Attempt, Done, Broken, Halted, Shelved)
	}
	panic("job: unknown event")
}

func legalSubmitted(s State, e Submitted, f event.Fact[Event]) error {
	if s.Status != None {
		return illegal("a job was submitted twice")
	}
	o, err := e.Open()
	if err != nil {
		return illegal("a job that cannot be read: %v", err)
	}
	if !o.from(f.Actor) {
		return illegal("%s did not submit what its signers signed", f.Actor)
	}
	if err := o.Spec.CheckTimes(f.At); err != nil {
		return illegal("%v", err)
	}
	start := o.Spec.Start(f.At)
	switch {
	case !e.Due.IsZero() && e.Due != start:
		return illegal("a job was scheduled for another time than its own")
	case e.Grant == nil:
		return nil
	case !start.IsZero():
		return illegal("a job was queued before its time")
	}
	first := State{Queue: o.Spec.Queue(), Hash: o.Hash, Signers: o.Signers}
	return first.legalGrant(*e.Grant)
}

func legalScheduled(s State, e Scheduled, f event.Fact[Event]) error {
	if err := s.expect(e, s.Attempt, Created); err != nil {
		return err
	}
	if e.Due != s.Due || e.Due <= f.At {
		return illegal("a job was scheduled for another time than its own")
	}
	return nil
}

func legalQueued(s State, e Queued, at event.Time) error {
	switch {
	case s.Lost != "" && s.Status == Ending:
		return illegal("a job was queued that was to be stopped")
	case s.Lost != "" && !s.Policy.retries(s.Lost.failure(), ByPolicy):
		return illegal("a job was queued again after its %s", s.Lost.failure())
	case s.Lost != "" && s.Counted >= s.Policy.MaxAttempts:
		return illegal("a job was queued that had all its %d attempts", s.Policy.MaxAttempts)
	case s.passed(at):
		return illegal("a job was queued after its end")
	case s.Lost != "":
	case s.Status != Created && s.Status != Planned && s.Status != Retrying:
		return illegal("a %s job was queued", s.Status)
	case at < s.Due:
		return illegal("a job was queued before its time")
	}
	return s.legalGrant(e.Grant)
}

func legalStarted(s State, e Started) error {
	if err := s.expect(e, e.Attempt, Waiting, Ending); err != nil {
		return err
	}
	if s.Process != "" {
		return illegal("an attempt started twice")
	}
	return nil
}

func legalCheckpointed(s State, e Checkpointed, f event.Fact[Event]) error {
	if err := s.reported(e, e.Attempt, f.Actor); err != nil {
		return err
	}
	if !s.keeps(e.Hash, f.At) {
		return illegal("a checkpoint was kept twice, or too soon after %d others", s.Kept)
	}
	return nil
}

func legalAttemptFailed(s State, e AttemptFailed, f event.Fact[Event]) error {
	if err := s.reported(e, e.Attempt, f.Actor); err != nil {
		return err
	}
	reported := e.Kind == FailedError || e.Kind == FailedTimeout
	if !reported || s.Status == Ending || s.Counted+1 >= s.Policy.MaxAttempts || e.Due <= f.At || s.passed(e.Due) {
		return illegal("an attempt that ended with %s is to be followed by another", e.Kind)
	}
	return nil
}

func legalLost(s State, e AttemptLost, at event.Time) error {
	var during []Status
	switch e.Reason {
	case LostTimeout:
		during = []Status{Running}
	case LostStop:
		during = []Status{Ending}
	case LostLease, LostQueue:
		return s.expect(e, e.Attempt, Waiting, Running, Ending)
	}
	if at < s.Due {
		return illegal("an attempt was given up before its time")
	}
	return s.expect(e, e.Attempt, during...)
}

func legalFailed(s State, e Failed, f event.Fact[Event]) error {
	switch {
	case e.Kind == FailedExpired:
		return legalExpired(s, e, f.At)
	case s.Lost == "":
		if e.Kind == FailedLost {
			return illegal("a job failed as lost without its cause")
		}
		return s.reported(e, e.Attempt, f.Actor)
	case s.Status == Ending || e.Kind != s.Lost.failure() || s.passed(f.At):
		return illegal("a job failed as %s without its cause", e.Kind)
	case s.Counted < s.Policy.MaxAttempts && s.Policy.retries(e.Kind, ByPolicy):
		return illegal("a job failed as %s after %d of %d attempts", e.Kind, s.Counted, s.Policy.MaxAttempts)
	}
	return s.expect(e, e.Attempt, Waiting, Running)
}

func legalExpired(s State, e Failed, at event.Time) error {
	end, during := s.expiry(s.Status), []Status{Created, Planned, Waiting, Retrying}
	if s.Lost != "" {
		end, during = s.Expires, []Status{Waiting, Running}
	}
	if end.IsZero() || at <= end {
		return illegal("a job expired before its end")
	}
	return s.expect(e, e.Attempt, during...)
}

// legalStopped has the runner of an attempt that began say itself that it was
// stopped, or be lost.
func legalStopped(s State, e Stopped, by event.Actor) error {
	if s.Open() && s.Process != "" && by != s.By {
		return illegal("a job that %s runs was stopped without its word", s.By)
	}
	return s.expect(e, e.Attempt, Created, Planned, Retrying, Ending)
}

// legalRefused refuses a refusal of what should have been taken. How many are
// named is not judged: who forgets what ended cannot count them.
func legalRefused(s State, e ReportRefused, by event.Actor) error {
	switch {
	case s.Status == None || s.Status == Erased:
		return illegal("%s in a %s job", e.EventName(), s.Status)
	case e.Said == SaidStopped && s.Status != Ending:
		return nil
	case s.owned(Start{e.Token, e.Process, by}) == nil:
		return illegal("a report on the open attempt was refused")
	}
	return nil
}

func legalReplayed(s State, e Replayed, at event.Time) error {
	if err := s.expect(e, s.Attempt, Broken); err != nil {
		return err
	}
	next := s.After(event.Fact[Event]{At: at, Data: e})
	if next.passed(at) || !s.NotAfter.IsZero() && next.Expires > s.NotAfter {
		return illegal("a job was replayed after its end")
	}
	return nil
}

// legalGrant reports why a grant is not the next one.
func (s *State) legalGrant(g Grant) error {
	want := s.nextGrant()
	same := g.Attempt == want.Attempt && g.Queue == want.Queue && g.Job == want.Job && slices.Equal(g.Keys, want.Keys) &&
		g.Checkpoint == want.Checkpoint && g.Timeout == want.Timeout
	if !same {
		return illegal("a grant does not fit its job")
	}
	return nil
}

// expect checks the status and the attempt's number.
func (s *State) expect(e Event, attempt uint32, statuses ...Status) error {
	if !slices.Contains(statuses, s.Status) {
		return illegal("%s in a %s job", e.EventName(), s.Status)
	}
	if attempt != s.Attempt {
		return illegal("%s of attempt %d while %d is open", e.EventName(), attempt, s.Attempt)
	}
	return nil
}

// reported checks that the runner of the open attempt said so.
func (s *State) reported(e Event, attempt uint32, by event.Actor) error {
	if err := s.expect(e, attempt, Running, Ending); err != nil {
		return err
	}
	if s.Process == "" {
		return illegal("%s of an attempt that nobody began", e.EventName())
	}
	if by != s.By {
		return illegal("%s by %s of an attempt that %s runs", e.EventName(), by, s.By)
	}
	return nil
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}
