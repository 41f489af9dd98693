package job

import (
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// State is a job as its events left it: what deciding needs and no more. The
// zero State is a job that nobody submitted.
type State struct {
	ID      ID     // zero when the document names none and nobody set it before
	Version uint64 // of the last event
	Status  Status

	Hash      signing.Hash    // content of the submission
	Signers   []signing.KeyID // empty when unsigned
	Submitter event.Actor
	Queue     Queue

	Policy   Policy
	NotAfter event.Time // of the signed document
	Timer

	Attempt    uint32       // the open or last one; 0 before the first
	Counted    uint32       // attempts that count against Policy.MaxAttempts and did not end well
	Lost       LossReason   // why the last attempt is lost, while nothing followed; empty otherwise
	Token      signing.Hash // of the event that granted the open attempt
	GrantSeq   uint64       // its place
	Process    string       // that runs the open attempt; empty before it reported
	By         event.Actor  // the runner of Process
	Checkpoint signing.Hash // of what the next attempt begins with; zero for nothing
	Kept       uint32       // checkpoints of the open or last attempt
	KeptAt     event.Time   // of the last of them
	Limits     Limits       // of a replay
	Failure    FailureKind  // of a job that failed
	Refused    uint32       // reports that were refused and recorded
}

// Open reports whether an attempt waits or runs, and is not lost.
func (s *State) Open() bool {
	return s.Lost == "" && (s.Status == Waiting || s.Status == Running || s.Status == Ending)
}

// Evolve returns the state after a fact. It reads facts and refuses nothing:
// whether a fact was possible is for [Legal].
func Evolve(s State, f event.Fact[Event]) State {
	s.Version, s.Timer = f.Version, s.After(f)
	switch e := f.Data.(type) {
	case Submitted:
		return evolveSubmitted(s, e, f)
	case Scheduled:
		s.Status = Planned
		return s
	case Queued:
		return s.granted(e.Grant, f)
	case Started:
		if s.Status == Waiting {
			s.Status = Running
		}
		s.Process, s.By = e.Process, f.Actor
		return s
	case Checkpointed:
		s.Checkpoint, s.KeptAt = e.Hash, f.At
		s.Kept++
		return s
	case AttemptFailed:
		s.Counted++
		return s.closed(Retrying)
	case AttemptLost:
		if e.Reason != LostQueue {
			s.Counted++
		}
		s.Lost = e.Reason
		return s.closed(s.Status)
	case Stopping:
		s.Status = Ending
		return s
	case Completed:
		return s.closed(Done)
	case Failed:
		s.Failure, s.Lost = e.Kind, ""
		return s.closed(Broken)
	case Stopped:
		s.Lost = ""
		return s.closed(Halted)
	case ReportRefused:
		s.Refused++
		return s
	case Replayed:
		return s.replayed(e)
	case Dropped:
		s.Status = Shelved
		return s
	case Deleted:
		s.Status = Erased
		return s
	}
	panic("job: unknown event")
}

func evolveSubmitted(s State, e Submitted, f event.Fact[Event]) State {
	s.Status = Created
	s.Submitter = f.Actor
	if o, err := e.Open(); err == nil { // Legal refuses what does not open
		if s.ID.IsZero() {
			s.ID = o.Spec.ID
		}
		s.Hash, s.Signers, s.Queue = o.Hash, o.Signers, o.Spec.Queue()
		s.Policy, s.NotAfter = o.Spec.Policy, o.Spec.NotAfter
	}
	switch {
	case e.Grant != nil:
		return s.granted(*e.Grant, f)
	case !e.Due.IsZero():
		s.Status = Planned
	}
	return s
}

func (s State) granted(g Grant, f event.Fact[Event]) State {
	s.Status, s.Attempt, s.Lost = Waiting, g.Attempt, ""
	s.Token, s.GrantSeq, s.Process, s.By = f.Hash, f.Seq, "", ""
	s.Kept, s.KeptAt = 0, 0
	return s
}

// closed forgets the attempt that was open.
func (s State) closed(to Status) State {
	s.Status = to
	s.Token, s.GrantSeq = signing.Hash{}, 0
	return s
}

// replayed makes a job due at once, with nothing counted.
func (s State) replayed(e Replayed) State {
	s.Status, s.Counted, s.Failure = Retrying, 0, ""
	s.Policy.MaxAttempts = e.Attempts
	if e.Limits.Timeout > 0 {
		s.Limits.Timeout = e.Limits.Timeout
	}
	if !e.Limits.Expires.IsZero() {
		s.Limits.Expires = e.Limits.Expires
	}
	return s
}

// keeps reports whether a checkpoint of the open attempt is news, and may be kept.
func (s *State) keeps(checkpoint signing.Hash, at event.Time) bool {
	return checkpoint != s.Checkpoint && (s.Kept < ManyKept || at >= s.KeptAt.Add(KeepEvery))
}

// nextGrant is what the next attempt is granted with.
func (s *State) nextGrant() Grant {
	return Grant{
		Attempt: s.Attempt + 1, Queue: s.Queue, Job: s.Hash, Keys: s.Signers,
		Checkpoint: s.Checkpoint, Timeout: s.Limits.Timeout,
	}
}
