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
	ID      ID     // zero when the document names none and nobody set it before
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
	By       event.Actor  // the runner of Process
	Failure  FailureKind
	GrantSeq uint64 // place of the event that granted the open attempt
}

// Open reports whether an attempt waits or runs, and is not lost.
func (s *State) Open() bool { return !s.Lost && (s.Status == Waiting || s.Status == Running) }

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
		s.Status, s.Process, s.By = Running, e.Process, f.Actor
		return s
	case Completed:
		s.Status = Done
		return s.closed()
	case Failed:
		s.Status, s.Failure, s.Lost = Broken, e.Kind, false
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
	if o, err := e.Open(); err == nil { // Legal refuses what does not open
		if s.ID.IsZero() {
			s.ID = o.Spec.ID
		}
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
	s.Token, s.GrantSeq, s.Process, s.By = f.Hash, f.Seq, "", ""
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
		return legalSubmitted(s, e, f.Actor)
	case Queued:
		return legalQueued(s, e)
	case Started:
		return s.expect(e, e.Attempt, Waiting)
	case Completed:
		return s.reported(e, e.Attempt, f.Actor)
	case AttemptLost:
		return s.expect(e, e.Attempt, Waiting, Running)
	case Failed:
		return legalFailed(s, e, f.Actor)
	}
	panic("job: unknown event")
}

func legalSubmitted(s State, e Submitted, by event.Actor) error {
	if s.Status != None {
		return illegal("a job was submitted twice")
	}
	o, err := e.Open()
	if err != nil {
		return illegal("a job that cannot be read: %v", err)
	}
	if !o.from(by) {
		return illegal("%s did not submit what its signers signed", by)
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
	if s.Lost && s.Counted >= s.MaxAttempts {
		return illegal("a job was queued that had all its %d attempts", s.MaxAttempts)
	}
	return legalGrant(e.Grant, s.Attempt+1, s.Queue, s.Hash, s.Signers)
}

func legalFailed(s State, e Failed, by event.Actor) error {
	lost := e.Kind == FailedLost || e.Kind == FailedExpired
	switch {
	case lost != s.Lost:
		return illegal("a job failed as %s without its cause", e.Kind)
	case !lost:
		return s.reported(e, e.Attempt, by)
	case e.Kind == FailedLost && s.Counted < s.MaxAttempts:
		return illegal("a job failed as lost after %d of %d attempts", s.Counted, s.MaxAttempts)
	case e.Kind == FailedExpired && s.NotAfter.IsZero():
		return illegal("a job expired that has no end")
	}
	return s.expect(e, e.Attempt, Waiting, Running)
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

// reported checks that the runner of the open attempt ended it.
func (s *State) reported(e Event, attempt uint32, by event.Actor) error {
	if err := s.expect(e, attempt, Running); err != nil {
		return err
	}
	if by != s.By {
		return illegal("%s by %s of an attempt that %s runs", e.EventName(), by, s.By)
	}
	return nil
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}
