package job

import (
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Event is something that happened to a job.
//
//sumtype:decl
type Event interface {
	event.Data
	jobEvent()
}

// Events has one of every kind.
func Events() []Event {
	return []Event{
		Submitted{},
		Scheduled{},
		Queued{},
		Started{},
		Checkpointed{},
		AttemptFailed{},
		AttemptLost{},
		Stopping{},
		Completed{},
		Failed{},
		Stopped{},
		ReportRefused{},
		Replayed{},
		Dropped{},
		Deleted{},
	}
}

// Submitted: the job was accepted. It waits in a queue when it carries a grant,
// for its time when that is due later, and for a [Release] otherwise.
type Submitted struct {
	Submission Submission
	Grant      *Grant     // nil while the job is held or scheduled
	Due        event.Time // when a scheduled job is to be queued

	opened *Opened // what Submission says, when it was read already
}

// Open reads the submission unless that was done before.
func (e Submitted) Open() (*Opened, error) {
	if e.opened != nil {
		return e.opened, nil
	}
	return e.Submission.Open()
}

// Opened returns the event with its submission read, so that all who open it
// after that read it once. What cannot be read is left as it is.
func (e Submitted) Opened() Submitted {
	if o, err := e.Open(); err == nil {
		e.opened = o
	}
	return e
}

// Scheduled: a held job was released and waits for its time.
type Scheduled struct{ Due event.Time }

// Queued: a job that waited, or its next attempt, was put in its queue.
type Queued struct{ Grant Grant }

// Started: a runner process began the open attempt, or reported it finished
// without having said so before.
type Started struct {
	Attempt uint32
	Process string // of the runner that is the event's actor
}

// Checkpointed: the attempt handed over how far it is. The next one gets it.
type Checkpointed struct {
	Attempt uint32
	Hash    signing.Hash // SHA-256 of what stands in the report that caused the event
}

// AttemptFailed: the attempt ended badly, and another one is due.
type AttemptFailed struct {
	Attempt uint32
	Kind    FailureKind // error or timeout
	Due     event.Time
}

// AttemptLost: nobody will ever report on the attempt. What happens next is
// the next event.
type AttemptLost struct {
	Attempt uint32
	Reason  LossReason
}

// Stopping: somebody, the actor, wants the job stopped while an attempt may be
// running. Runners that find it in a sealed event stop.
type Stopping struct{ Attempt uint32 }

// Completed: the attempt ended well. What the job returned stands in the
// report that caused the event.
type Completed struct{ Attempt uint32 }

// Failed: the job has its outcome, and it is not good. Words of explanation
// stand in the report that caused the event, if one did.
type Failed struct {
	Attempt uint32 // 0 when it expired before any was granted
	Kind    FailureKind
}

// Stopped: the job was stopped before it had another outcome. The actor is who
// asked for that when nothing ran, and else the runner or who settled it.
type Stopped struct{ Attempt uint32 } // 0 when none was ever granted

// ReportRefused: a runner, the actor, reported the end of an attempt that was
// not the open one. It changes nothing, and shows who was late.
type ReportRefused struct {
	Token   signing.Hash // of the grant that the report names
	Process string
	Said    Said
}

// Replayed: somebody gave a failed job new attempts. The next event queues it.
type Replayed struct {
	Attempts uint32 // how many; the job's max_attempts from here on
	Limits   Limits
}

// Limits replace some of a job's own for its attempts from here on.
type Limits struct {
	Timeout time.Duration // of an attempt; 0 as it was
	Expires event.Time    // not begun after it; zero as it was
}

// Dropped: somebody took a failed job off the dead-letter list.
type Dropped struct{}

// Deleted: somebody took a job that has its outcome out of lists and views. Its
// history stays, and its id stays taken.
type Deleted struct{}

// Grant lets a runner run one attempt: it must find this in a sealed event
// before it runs anything.
type Grant struct {
	Attempt uint32
	Queue   Queue
	Job     signing.Hash    // [Opened.Hash] of the submission
	Keys    []signing.KeyID // who signed it; empty when the supervisor stands for an API key

	Checkpoint signing.Hash  // of what the attempt begins with; zero for nothing
	Timeout    time.Duration // of the attempt; 0 for the document's
}

// FailureKind says why a job failed.
type FailureKind string

// The kinds of failure.
const (
	FailedError    FailureKind = "error"    // the job itself
	FailedTimeout  FailureKind = "timeout"  // it ran too long
	FailedLost     FailureKind = "lost"     // its last attempt was lost
	FailedRejected FailureKind = "rejected" // the runner cannot run such jobs
	FailedExpired  FailureKind = "expired"  // its expires_at or not_after passed before it was begun
)

// ParseFailureKind reads a kind's word.
func ParseFailureKind(s string) (FailureKind, error) {
	switch k := FailureKind(s); k {
	case FailedError, FailedTimeout, FailedLost, FailedRejected, FailedExpired:
		return k, nil
	}
	return "", domain.Errorf(domain.Invalid, "kind", "no such kind of failure")
}

// LossReason says how it was found that an attempt is lost.
type LossReason string

// The reasons.
const (
	LostLease   LossReason = "lease"   // its runner stopped renewing it
	LostQueue   LossReason = "queue"   // its queue entry vanished; not counted against max_attempts
	LostTimeout LossReason = "timeout" // its time is over, and its runner does not say so
	LostStop    LossReason = "stop"    // it was to be stopped, and its runner does not say that it was
)

// ParseLossReason reads a reason's word.
func ParseLossReason(s string) (LossReason, error) {
	switch r := LossReason(s); r {
	case LostLease, LostQueue, LostTimeout, LostStop:
		return r, nil
	}
	return "", domain.Errorf(domain.Invalid, "reason", "no such reason")
}

// failure returns what a job that has no attempts left failed by.
func (r LossReason) failure() FailureKind {
	if r == LostTimeout {
		return FailedTimeout
	}
	return FailedLost
}

// Said is what a refused report said of its attempt.
type Said string

// What can be said.
const (
	SaidCompleted Said = "completed"
	SaidFailed    Said = "failed"
	SaidStopped   Said = "stopped"
)

func parseSaid(text string) (Said, error) {
	switch s := Said(text); s {
	case SaidCompleted, SaidFailed, SaidStopped:
		return s, nil
	}
	return "", domain.Errorf(domain.Invalid, "said", "a report says completed, failed or stopped")
}
