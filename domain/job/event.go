package job

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
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
	return []Event{Submitted{}, Queued{}, Started{}, Completed{}, Failed{}, AttemptLost{}}
}

// Submitted: the job was accepted. It waits in a queue when it carries a grant
// and for a [Release] otherwise.
type Submitted struct {
	Submission Submission
	Grant      *Grant // nil while the job is held

	opened *Opened // what Submission says, when it was read already
}

// Open reads the submission unless that was done before.
func (e Submitted) Open() (*Opened, error) {
	if e.opened != nil {
		return e.opened, nil
	}
	return e.Submission.Open()
}

// Queued: a held job, or the next attempt of a job, was put in its queue.
type Queued struct{ Grant Grant }

// Started: a runner process began the open attempt, or reported it finished
// without having said so before.
type Started struct {
	Attempt uint32
	Process string // of the runner that is the event's actor
}

// Completed: the attempt ended well. What the job returned stands in the
// report that caused the event.
type Completed struct{ Attempt uint32 }

// Failed: the job has its outcome, and it is not good. Words of explanation
// stand in the report that caused the event, if one did.
type Failed struct {
	Attempt uint32
	Kind    FailureKind
}

// AttemptLost: nobody will ever report on the attempt. What happens next is
// the next event.
type AttemptLost struct {
	Attempt uint32
	Reason  LossReason
}

// Grant lets a runner run one attempt: it must find this in a sealed event
// before it runs anything.
type Grant struct {
	Attempt uint32
	Queue   Queue
	Job     signing.Hash    // [Opened.Hash] of the submission
	Keys    []signing.KeyID // who signed it; empty when the supervisor stands for an API key
}

// FailureKind says why a job failed.
type FailureKind string

// The kinds of failure.
const (
	FailedError    FailureKind = "error"    // the job itself
	FailedTimeout  FailureKind = "timeout"  // it ran too long
	FailedLost     FailureKind = "lost"     // its last attempt was lost
	FailedRejected FailureKind = "rejected" // the runner cannot run such jobs
	FailedExpired  FailureKind = "expired"  // its not_after passed
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
	LostLease LossReason = "lease" // its runner stopped renewing it
	LostQueue LossReason = "queue" // its queue entry vanished; not counted against max_attempts
)

// ParseLossReason reads a reason's word.
func ParseLossReason(s string) (LossReason, error) {
	switch r := LossReason(s); r {
	case LostLease, LostQueue:
		return r, nil
	}
	return "", domain.Errorf(domain.Invalid, "reason", "no such reason")
}

func (Submitted) jobEvent()   {}
func (Queued) jobEvent()      {}
func (Started) jobEvent()     {}
func (Completed) jobEvent()   {}
func (Failed) jobEvent()      {}
func (AttemptLost) jobEvent() {}

// EventName returns the wire name.
func (Submitted) EventName() string { return "job.submitted" }

// EventName returns the wire name.
func (Queued) EventName() string { return "job.queued" }

// EventName returns the wire name.
func (Started) EventName() string { return "job.started" }

// EventName returns the wire name.
func (Completed) EventName() string { return "job.completed" }

// EventName returns the wire name.
func (Failed) EventName() string { return "job.failed" }

// EventName returns the wire name.
func (AttemptLost) EventName() string { return "job.attempt_lost" }

// AppendData appends {"form":…,"doc":…,"sigs":[…],"grant":{…}}.
func (e Submitted) AppendData(dst []byte) []byte {
	dst = e.Submission.append(append(dst, '{'))
	if e.Grant != nil {
		dst = e.Grant.append(append(dst, `,"grant":`...))
	}
	return append(dst, '}')
}

// AppendData appends {"grant":{…}}.
func (e Queued) AppendData(dst []byte) []byte {
	return append(e.Grant.append(append(dst, `{"grant":`...)), '}')
}

// AppendData appends {"attempt":…,"process":…}.
func (e Started) AppendData(dst []byte) []byte {
	dst = fixedjson.AppendString(append(appendAttempt(dst, e.Attempt), `,"process":`...), e.Process)
	return append(dst, '}')
}

// AppendData appends {"attempt":…}.
func (e Completed) AppendData(dst []byte) []byte {
	return append(appendAttempt(dst, e.Attempt), '}')
}

// AppendData appends {"attempt":…,"kind":…}.
func (e Failed) AppendData(dst []byte) []byte {
	dst = append(append(appendAttempt(dst, e.Attempt), `,"kind":"`...), e.Kind...)
	return append(dst, `"}`...)
}

// AppendData appends {"attempt":…,"reason":…}.
func (e AttemptLost) AppendData(dst []byte) []byte {
	dst = append(append(appendAttempt(dst, e.Attempt), `,"reason":"`...), e.Reason...)
	return append(dst, `"}`...)
}

func appendAttempt(dst []byte, attempt uint32) []byte {
	return fixedjson.AppendUint(append(dst, `{"attempt":`...), uint64(attempt))
}

// append writes {"attempt":…,"queue":…,"job":…,"keys":[…]}.
func (g *Grant) append(dst []byte) []byte {
	dst = append(append(appendAttempt(dst, g.Attempt), `,"queue":"`...), g.Queue.String()...)
	dst = append(append(dst, `","job":"`...), g.Job.String()...)
	dst = append(dst, '"')
	for i, key := range g.Keys {
		if i == 0 {
			dst = append(dst, `,"keys":["`...)
		} else {
			dst = append(dst, `,"`...)
		}
		dst = append(append(dst, key...), '"')
	}
	if len(g.Keys) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// DecodeEvent reads the data of the event with that wire name.
func DecodeEvent(name string, data []byte) (Event, error) {
	r := fixedjson.NewReader(data)
	var e Event
	switch name {
	case "job.submitted":
		e = readSubmitted(r)
	case "job.queued":
		r.Literal(`{"grant":`)
		e = Queued{Grant: readGrant(r)}
	case "job.started":
		e = readStarted(r)
	case "job.completed":
		e = Completed{Attempt: readAttempt(r)}
	case "job.failed":
		attempt := readAttempt(r)
		r.Literal(`,"kind":`)
		e = Failed{attempt, fixedjson.Parsed(r, ParseFailureKind)}
	case "job.attempt_lost":
		attempt := readAttempt(r)
		r.Literal(`,"reason":`)
		e = AttemptLost{attempt, fixedjson.Parsed(r, ParseLossReason)}
	default:
		return nil, domain.Errorf(domain.Invalid, "type", "no job event has that name")
	}
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return e, nil
}

func readSubmitted(r *fixedjson.Reader) Submitted {
	r.Literal(`{`)
	e := Submitted{Submission: readSubmission(r)}
	if r.Optional(`,"grant":`) {
		g := readGrant(r)
		e.Grant = &g
	}
	if r.Err() == nil {
		e.opened, _ = e.Submission.Open() // who reads the event asks for it, and gets the error
	}
	return e
}

func readStarted(r *fixedjson.Reader) Started {
	attempt := readAttempt(r)
	r.Literal(`,"process":`)
	process := r.String()
	if process == "" {
		r.Fail(domain.Errorf(domain.Invalid, "process", "a process has a name"))
	}
	return Started{Attempt: attempt, Process: process}
}

func readAttempt(r *fixedjson.Reader) uint32 {
	r.Literal(`{"attempt":`)
	n := r.Uint()
	if n == 0 || n > maxAttemptNumber {
		r.Fail(domain.Errorf(domain.Invalid, "attempt", "attempts are numbered from 1"))
	}
	return uint32(n) //nolint:gosec // bounded above
}

// maxAttemptNumber bounds attempts: lost queue entries do not count against
// max_attempts, so an attempt's number may exceed that.
const maxAttemptNumber = 1 << 30

func readGrant(r *fixedjson.Reader) Grant {
	var g Grant
	g.Attempt = readAttempt(r)
	r.Literal(`,"queue":`)
	g.Queue = fixedjson.Parsed(r, ParseQueue)
	r.Literal(`,"job":`)
	g.Job = fixedjson.Parsed(r, signing.ParseHash)
	if r.Optional(`,"keys":[`) {
		for range maxSignatures {
			g.Keys = append(g.Keys, fixedjson.Parsed(r, signing.ParseKeyID))
			if !r.Optional(`,`) {
				break
			}
		}
		r.Literal(`]`)
	}
	r.Literal(`}`)
	return g
}
