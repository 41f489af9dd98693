package job

import (
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Status is where a job stands.
type Status uint8

// The statuses. None is a job that nobody submitted.
const (
	None Status = iota
	Created
	Waiting // in its queue
	Running
	Done   // completed
	Broken // failed
)

// Statuses lists every status that a submitted job can have.
func Statuses() []Status { return []Status{Created, Waiting, Running, Done, Broken} }

// String returns the status' word in the API and in views.
func (s Status) String() string {
	return [...]string{"none", "created", "queued", "running", "completed", "failed"}[s]
}

// ParseStatus reads what String writes.
func ParseStatus(word string) (Status, error) {
	for _, s := range Statuses() {
		if s.String() == word {
			return s, nil
		}
	}
	return None, domain.Errorf(domain.Invalid, "state", "a state is created, queued, running, completed or failed")
}

// Terminal reports whether nothing can happen to the job any more.
func (s Status) Terminal() bool { return s == Done || s == Broken }

// MarshalText returns the status' word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses text as [ParseStatus] does.
func (s *Status) UnmarshalText(text []byte) (err error) {
	*s, err = ParseStatus(string(text))
	return err
}

// State is a job as its events left it: what deciding needs and no more. The
// zero State is a job that nobody submitted.
type State struct {
	ID      ID
	Version uint64 // of the last event
	Status  Status

	Hash      signing.Hash    // content of the submission
	Signers   []signing.KeyID // empty when unsigned
	Submitter event.Actor
	Queue     Queue

	MaxAttempts uint32
	NotAfter    event.Time

	Attempt  uint32       // the open or last one; 0 before the first
	Counted  uint32       // lost attempts that count against MaxAttempts
	Lost     bool         // the last attempt is lost and nothing followed yet
	Token    signing.Hash // of the event that granted the open attempt
	Process  string       // that runs the open attempt; empty before it reported
	Failure  FailureKind
	GrantSeq uint64 // place of the event that granted the open attempt
}

// Open reports whether an attempt waits or runs.
func (s *State) Open() bool { return s.Status == Waiting || s.Status == Running }

// Evolve returns the state after a fact. It reads facts and refuses nothing:
// whether a fact was possible is for [Legal].
func Evolve(s State, f event.Fact[Event]) State {
	s.Version = f.Version
	switch e := f.Data.(type) {
	case Submitted:
		return evolveSubmitted(s, e, f)
	case Queued:
		return s.granted(e.Grant, f)
	case Started:
		s.Status, s.Process = Running, e.Process
		return s
	case Completed:
		s.Status = Done
		return s.closed()
	case Failed:
		s.Status, s.Failure = Broken, e.Kind
		return s.closed()
	case AttemptLost:
		if e.Reason != LostQueue {
			s.Counted++
		}
		s.Lost = true
		return s.closed()
	}
	panic("job: unknown event")
}

func evolveSubmitted(s State, e Submitted, f event.Fact[Event]) State {
	s.Status = Created
	s.Submitter = f.Actor
	if o, err := e.open(); err == nil { // Legal refuses what does not open
		s.ID = o.Spec.ID
		s.Hash, s.Signers, s.Queue = o.Hash, o.Signers, o.Spec.Queue()
		s.MaxAttempts, s.NotAfter = o.Spec.MaxAttempts, o.Spec.NotAfter
	}
	if e.Grant != nil {
		s = s.granted(*e.Grant, f)
	}
	return s
}

func (s State) granted(g Grant, f event.Fact[Event]) State {
	s.Status, s.Attempt, s.Lost = Waiting, g.Attempt, false
	s.Token, s.GrantSeq, s.Process = f.Hash, f.Seq, ""
	return s
}

// closed forgets the attempt that was open.
func (s State) closed() State {
	s.Token, s.GrantSeq = signing.Hash{}, 0
	return s
}

// Legal reports why a fact could not have followed a state, or nil. Auditors
// ask it of every event; deciders never cause anything else.
func Legal(s State, f event.Fact[Event]) error {
	if f.Version != s.Version+1 {
		return illegal("version %d follows version %d", f.Version, s.Version)
	}
	if s.Lost {
		switch f.Data.(type) {
		case Queued, Failed:
		default:
			return illegal("%s follows a lost attempt", f.Data.EventName())
		}
	}
	switch e := f.Data.(type) {
	case Submitted:
		return legalSubmitted(s, e)
	case Queued:
		return legalQueued(s, e)
	case Started:
		return s.expect(e, e.Attempt, Waiting)
	case Completed:
		return s.expect(e, e.Attempt, Running)
	case AttemptLost:
		return s.expect(e, e.Attempt, Waiting, Running)
	case Failed:
		lost := e.Kind == FailedLost || e.Kind == FailedExpired
		if lost != s.Lost {
			return illegal("a job failed as %s without its cause", e.Kind)
		}
		if lost {
			return s.expect(e, e.Attempt, Waiting, Running)
		}
		return s.expect(e, e.Attempt, Running)
	}
	panic("job: unknown event")
}

func legalSubmitted(s State, e Submitted) error {
	if s.Status != None {
		return illegal("a job was submitted twice")
	}
	o, err := e.open()
	if err != nil {
		return err
	}
	if e.Grant == nil {
		return nil
	}
	return legalGrant(*e.Grant, 1, o.Spec.Queue(), o.Hash, o.Signers)
}

func legalQueued(s State, e Queued) error {
	if s.Status != Created && !s.Lost {
		return illegal("a %s job was queued", s.Status)
	}
	return legalGrant(e.Grant, s.Attempt+1, s.Queue, s.Hash, s.Signers)
}

func legalGrant(g Grant, attempt uint32, queue Queue, hash signing.Hash, keys []signing.KeyID) error {
	if g.Attempt != attempt || g.Queue != queue || g.Job != hash || !slices.Equal(g.Keys, keys) {
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

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}

// open reads the submission unless that was done before.
func (e *Submitted) open() (*Opened, error) {
	if e.opened != nil {
		return e.opened, nil
	}
	return e.Submission.Open()
}
