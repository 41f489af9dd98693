package job

import (
	"fmt"
	"math"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

func (Submitted) jobEvent()     {}
func (Scheduled) jobEvent()     {}
func (Queued) jobEvent()        {}
func (Started) jobEvent()       {}
func (Checkpointed) jobEvent()  {}
func (AttemptFailed) jobEvent() {}
func (AttemptLost) jobEvent()   {}
func (Stopping) jobEvent()      {}
func (Completed) jobEvent()     {}
func (Failed) jobEvent()        {}
func (Stopped) jobEvent()       {}
func (ReportRefused) jobEvent() {}
func (Replayed) jobEvent()      {}
func (Dropped) jobEvent()       {}
func (Deleted) jobEvent()       {}

// EventName returns the wire name.
func (Submitted) EventName() string { return "job.submitted" }

// EventName returns the wire name.
func (Scheduled) EventName() string { return "job.scheduled" }

// EventName returns the wire name.
func (Queued) EventName() string { return "job.queued" }

// EventName returns the wire name.
func (Started) EventName() string { return "job.started" }

// EventName returns the wire name.
func (Checkpointed) EventName() string { return "job.checkpointed" }

// EventName returns the wire name.
func (AttemptFailed) EventName() string { return "job.attempt_failed" }

// EventName returns the wire name.
func (AttemptLost) EventName() string { return "job.attempt_lost" }

// EventName returns the wire name.
func (Stopping) EventName() string { return "job.stopping" }

// EventName returns the wire name.
func (Completed) EventName() string { return "job.completed" }

// EventName returns the wire name.
func (Failed) EventName() string { return "job.failed" }

// EventName returns the wire name.
func (Stopped) EventName() string { return "job.stopped" }

// EventName returns the wire name.
func (ReportRefused) EventName() string { return "job.report_refused" }

// EventName returns the wire name.
func (Replayed) EventName() string { return "job.replayed" }

// EventName returns the wire name.
func (Dropped) EventName() string { return "job.dropped" }

// EventName returns the wire name.
func (Deleted) EventName() string { return "job.deleted" }

// AppendData appends {"form":…,"doc":…,"sigs":[…],"bulk":{…},"grant":{…},"due":…}.
func (e Submitted) AppendData(dst []byte) []byte {
	dst = e.Submission.append(append(dst, '{'))
	if e.Grant != nil {
		dst = e.Grant.append(append(dst, `,"grant":`...))
	}
	if !e.Due.IsZero() {
		dst = appendTime(dst, `,"due":`, e.Due)
	}
	return append(dst, '}')
}

// AppendData appends {"due":…}.
func (e Scheduled) AppendData(dst []byte) []byte {
	return append(appendTime(dst, `{"due":`, e.Due), '}')
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

// AppendData appends {"attempt":…,"checkpoint":…}.
func (e Checkpointed) AppendData(dst []byte) []byte {
	return append(appendHash(appendAttempt(dst, e.Attempt), `,"checkpoint":`, e.Hash), '}')
}

// AppendData appends {"attempt":…,"kind":…,"due":…}.
func (e AttemptFailed) AppendData(dst []byte) []byte {
	dst = appendWord(appendAttempt(dst, e.Attempt), `,"kind":`, string(e.Kind))
	return append(appendTime(dst, `,"due":`, e.Due), '}')
}

// AppendData appends {"attempt":…,"reason":…}.
func (e AttemptLost) AppendData(dst []byte) []byte {
	return append(appendWord(appendAttempt(dst, e.Attempt), `,"reason":`, string(e.Reason)), '}')
}

// AppendData appends {"attempt":…}.
func (e Stopping) AppendData(dst []byte) []byte {
	return append(appendAttempt(dst, e.Attempt), '}')
}

// AppendData appends {"attempt":…}.
func (e Completed) AppendData(dst []byte) []byte {
	return append(appendAttempt(dst, e.Attempt), '}')
}

// AppendData appends {"attempt":…,"kind":…}.
func (e Failed) AppendData(dst []byte) []byte {
	return append(appendWord(appendAttempt(dst, e.Attempt), `,"kind":`, string(e.Kind)), '}')
}

// AppendData appends {"attempt":…}.
func (e Stopped) AppendData(dst []byte) []byte {
	return append(appendAttempt(dst, e.Attempt), '}')
}

// AppendData appends {"grant":…,"process":…,"said":…}.
func (e ReportRefused) AppendData(dst []byte) []byte {
	dst = appendHash(dst, `{"grant":`, e.Token)
	dst = fixedjson.AppendString(append(dst, `,"process":`...), e.Process)
	return append(appendWord(dst, `,"said":`, string(e.Said)), '}')
}

// AppendData appends {"attempts":…,"timeout":…,"expires":…}.
func (e Replayed) AppendData(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(dst, `{"attempts":`...), uint64(e.Attempts))
	dst = appendTimeout(dst, e.Limits.Timeout)
	if !e.Limits.Expires.IsZero() {
		dst = appendTime(dst, `,"expires":`, e.Limits.Expires)
	}
	return append(dst, '}')
}

// AppendData appends {}.
func (Dropped) AppendData(dst []byte) []byte { return append(dst, `{}`...) }

// AppendData appends {}.
func (Deleted) AppendData(dst []byte) []byte { return append(dst, `{}`...) }

func appendAttempt(dst []byte, attempt uint32) []byte {
	return fixedjson.AppendUint(append(dst, `{"attempt":`...), uint64(attempt))
}

func appendTime(dst []byte, member string, t event.Time) []byte {
	return append(t.Append(append(append(dst, member...), '"')), '"')
}

// appendWord appends a member whose value needs no escapes.
func appendWord(dst []byte, member, word string) []byte {
	return append(append(append(append(dst, member...), '"'), word...), '"')
}

func appendHash(dst []byte, member string, h signing.Hash) []byte {
	return append(h.Append(append(append(dst, member...), '"')), '"')
}

// appendTimeout appends a timeout in seconds unless there is none.
func appendTimeout(dst []byte, timeout time.Duration) []byte {
	if timeout == 0 {
		return dst
	}
	return fixedjson.AppendUint(append(dst, `,"timeout":`...), uint64(timeout/time.Second)) //nolint:gosec // not negative
}

// append writes {"attempt":…,"queue":…,"job":…,"keys":[…],"checkpoint":…,"timeout":…}.
func (g *Grant) append(dst []byte) []byte {
	dst = g.Queue.append(append(appendAttempt(dst, g.Attempt), `,"queue":"`...))
	dst = append(dst, '"')
	dst = appendHash(dst, `,"job":`, g.Job)
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
	if !g.Checkpoint.IsZero() {
		dst = appendHash(dst, `,"checkpoint":`, g.Checkpoint)
	}
	return append(appendTimeout(dst, g.Timeout), '}')
}

// DecodeEvent reads the data of the event with that wire name.
func DecodeEvent(name string, data []byte) (Event, error) {
	r := fixedjson.NewReader(data)
	e := readEvent(r, name)
	if e == nil {
		return nil, domain.Errorf(domain.Invalid, "type", "no job event has that name")
	}
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return e, nil
}

// readEvent reads all but the last brace; nil means that no event has the name.
func readEvent(r *fixedjson.Reader, name string) Event {
	switch name {
	case "job.submitted":
		return readSubmitted(r)
	case "job.scheduled":
		return Scheduled{readTime(r, `{"due":`)}
	case "job.queued":
		r.Literal(`{"grant":`)
		return Queued{Grant: readGrant(r)}
	case "job.started":
		return readStarted(r)
	case "job.checkpointed":
		attempt := readAttempt(r, 1)
		r.Literal(`,"checkpoint":`)
		return Checkpointed{attempt, signing.ReadHash(r)}
	case "job.attempt_failed":
		return readAttemptFailed(r)
	case "job.attempt_lost":
		attempt := readAttempt(r, 1)
		r.Literal(`,"reason":`)
		return AttemptLost{attempt, fixedjson.Parsed(r, ParseLossReason)}
	case "job.stopping":
		return Stopping{Attempt: readAttempt(r, 1)}
	case "job.completed":
		return Completed{Attempt: readAttempt(r, 1)}
	case "job.failed":
		attempt := readAttempt(r, 0)
		r.Literal(`,"kind":`)
		return Failed{attempt, fixedjson.Parsed(r, ParseFailureKind)}
	case "job.stopped":
		return Stopped{Attempt: readAttempt(r, 0)}
	case "job.report_refused":
		return readRefused(r)
	case "job.replayed":
		return readReplayed(r)
	case "job.dropped":
		r.Literal(`{`)
		return Dropped{}
	case "job.deleted":
		r.Literal(`{`)
		return Deleted{}
	}
	return nil
}

func readSubmitted(r *fixedjson.Reader) Submitted {
	r.Literal(`{`)
	e := Submitted{Submission: readSubmission(r)}
	if r.Optional(`,"grant":`) {
		g := readGrant(r)
		e.Grant = &g
	} else if r.Optional(`,"due":`) {
		e.Due = event.ReadTime(r)
	}
	if r.Err() == nil {
		e.opened, _ = e.Submission.Open() // who reads the event asks for it, and gets the error
	}
	return e
}

func readStarted(r *fixedjson.Reader) Started {
	attempt := readAttempt(r, 1)
	return Started{Attempt: attempt, Process: readProcess(r)}
}

func readAttemptFailed(r *fixedjson.Reader) AttemptFailed {
	e := AttemptFailed{Attempt: readAttempt(r, 1)}
	r.Literal(`,"kind":`)
	e.Kind = fixedjson.Parsed(r, ParseFailureKind)
	if r.Err() == nil && e.Kind != FailedError && e.Kind != FailedTimeout {
		r.Fail(domain.Errorf(domain.Invalid, "kind", "an attempt that is tried again failed with error or timeout"))
	}
	e.Due = readTime(r, `,"due":`)
	return e
}

func readRefused(r *fixedjson.Reader) ReportRefused {
	var e ReportRefused
	r.Literal(`{"grant":`)
	e.Token = signing.ReadHash(r)
	e.Process = readProcess(r)
	r.Literal(`,"said":`)
	e.Said = fixedjson.Parsed(r, parseSaid)
	return e
}

func readReplayed(r *fixedjson.Reader) Replayed {
	var e Replayed
	r.Literal(`{"attempts":`)
	n := r.Uint()
	if n == 0 || n > MaxMaxAttempts {
		r.Fail(domain.Errorf(domain.Invalid, "attempts", "a replay gives 1 to %d attempts", MaxMaxAttempts))
	}
	e.Attempts = uint32(n & math.MaxUint32) //nolint:gosec // bounded above
	e.Limits.Timeout = readTimeout(r)
	if r.Optional(`,"expires":`) {
		e.Limits.Expires = event.ReadTime(r)
	}
	return e
}

func readTime(r *fixedjson.Reader, member string) event.Time {
	r.Literal(member)
	return event.ReadTime(r)
}

func readProcess(r *fixedjson.Reader) string {
	r.Literal(`,"process":`)
	process := r.String()
	if process == "" {
		r.Fail(domain.Errorf(domain.Invalid, "process", "a process has a name"))
	}
	return process
}

// readTimeout reads what appendTimeout appends.
func readTimeout(r *fixedjson.Reader) time.Duration {
	if !r.Optional(`,"timeout":`) {
		return 0
	}
	n := r.Uint()
	if n == 0 || n > uint64(MaxTimeout/time.Second) {
		r.Fail(domain.Errorf(domain.Invalid, "timeout", "a timeout is 1 second to %s", MaxTimeout))
		return 0
	}
	return time.Duration(n) * time.Second //nolint:gosec // bounded above
}

// readAttempt reads an attempt's number, which is least or more.
func readAttempt(r *fixedjson.Reader, least uint64) uint32 {
	r.Literal(`{"attempt":`)
	n := r.Uint()
	if n < least || n > maxAttemptNumber {
		r.Fail(domain.Errorf(domain.Invalid, "attempt", "attempts are numbered from 1"))
	}
	return uint32(n & math.MaxUint32) //nolint:gosec // bounded above
}

// maxAttemptNumber bounds attempts: lost queue entries do not count against
// max_attempts, so an attempt's number may exceed that.
const maxAttemptNumber = 1 << 30

func readGrant(r *fixedjson.Reader) Grant {
	var g Grant
	g.Attempt = readAttempt(r, 1)
	r.Literal(`,"queue":`)
	g.Queue = fixedjson.Parsed(r, ParseQueue)
	r.Literal(`,"job":`)
	g.Job = signing.ReadHash(r)
	if r.Optional(`,"keys":[`) {
		for range maxSignatures {
			g.Keys = append(g.Keys, fixedjson.Parsed(r, signing.ParseKeyID))
			if !r.Optional(`,`) {
				break
			}
		}
		r.Literal(`]`)
	}
	if r.Optional(`,"checkpoint":`) {
		g.Checkpoint = signing.ReadHash(r)
		if g.Checkpoint.IsZero() {
			r.Fail(domain.Errorf(domain.Invalid, "checkpoint", "no checkpoint is not written"))
		}
	}
	g.Timeout = readTimeout(r)
	r.Literal(`}`)
	return g
}
