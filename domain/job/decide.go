// Package job is what Horus means by a job: its states, what can be asked of
// it, and what follows. Everything here is pure. Time and ids arrive in
// commands, so the same history and the same command give the same events for
// ever:
//
//	events, err := job.Decide(state, job.Submit{Job: opened, At: now})
//	for _, e := range events { state = job.Evolve(state, factOf(e)) }
package job

import (
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Command is something that is asked of a job.
//
//sumtype:decl
type Command interface{ jobCommand() }

// Submit asks for a job to be accepted. The caller has checked its signatures.
// The same job again changes nothing; another job of that id is a conflict.
type Submit struct {
	Job       *Opened
	Namespace string
	At        event.Time
	By        event.Actor // the client of the first signature, or who sent it unsigned
	Held      bool        // wait for a Release before queueing
}

// Release queues a held job. It changes nothing for one that was queued before.
type Release struct{}

// Start says that a runner process began an attempt.
type Start struct {
	Token   signing.Hash // of the grant
	Process string
	By      event.Actor // the runner: two runners' processes may bear one name
}

// Finish says how an attempt ended.
type Finish struct {
	Token   signing.Hash
	Process string
	By      event.Actor
	Failure FailureKind // empty when it ended well
}

// Lose says that nobody will report on an attempt any more.
type Lose struct {
	Token  signing.Hash
	Reason LossReason
	At     event.Time
}

func (Submit) jobCommand()  {}
func (Release) jobCommand() {}
func (Start) jobCommand()   {}
func (Finish) jobCommand()  {}
func (Lose) jobCommand()    {}

// Decide returns what happens when c is asked of a job in state s; no events
// and no error mean that it is so already. Its errors have [domain.Conflict],
// [domain.NotFound], [domain.Expired] or [domain.Stale].
func Decide(s State, c Command) ([]Event, error) {
	if submit, ok := c.(Submit); ok {
		return decideSubmit(s, submit)
	}
	if s.Status == None {
		return nil, domain.Errorf(domain.NotFound, "job", "no such job")
	}
	switch c := c.(type) {
	case Release:
		if s.Status != Created {
			return nil, nil
		}
		return []Event{Queued{s.nextGrant()}}, nil
	case Start:
		return decideStart(s, c)
	case Finish:
		return decideFinish(s, c)
	case Lose:
		return decideLose(s, c)
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
	if !c.Job.from(c.By) {
		return nil, domain.Errorf(domain.Internal, "submitter", "%s did not submit what its signers signed", c.By)
	}
	e := Submitted{Submission: c.Job.Submission, opened: c.Job}
	if !c.Held {
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

func decideStart(s State, c Start) ([]Event, error) {
	if err := s.owned(c); err != nil {
		return nil, err
	}
	if s.Status == Running {
		return nil, nil
	}
	return []Event{Started{s.Attempt, c.Process}}, nil
}

func decideFinish(s State, c Finish) ([]Event, error) {
	events, err := decideStart(s, Start{c.Token, c.Process, c.By})
	if err != nil {
		return nil, err
	}
	switch c.Failure {
	case "":
		return append(events, Completed{s.Attempt}), nil
	case FailedError, FailedTimeout, FailedRejected:
		return append(events, Failed{s.Attempt, c.Failure}), nil
	case FailedLost, FailedExpired:
	}
	return nil, domain.Errorf(domain.Invalid, "kind", "a runner does not report a job as %s", c.Failure)
}

// decideLose gives the job another attempt while it has any. A lost queue entry
// is our fault and costs the job none.
func decideLose(s State, c Lose) ([]Event, error) {
	if !s.Open() || s.Token != c.Token {
		return nil, stale()
	}
	lost := AttemptLost{s.Attempt, c.Reason}
	counted := s.Counted
	if c.Reason != LostQueue {
		counted++
	}
	switch {
	case !s.NotAfter.IsZero() && c.At > s.NotAfter:
		return []Event{lost, Failed{s.Attempt, FailedExpired}}, nil
	case counted >= s.MaxAttempts:
		return []Event{lost, Failed{s.Attempt, FailedLost}}, nil
	}
	return []Event{lost, Queued{s.nextGrant()}}, nil
}

func (s *State) nextGrant() Grant {
	return Grant{Attempt: s.Attempt + 1, Queue: s.Queue, Job: s.Hash, Keys: s.Signers}
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
