package jobs

import (
	"fmt"
	"math"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// Record is what the view keeps of a job: where it stands, and where in the log
// everything else is. It never holds what the job runs or returned.
type Record struct {
	Status    job.Status
	Created   event.Time
	Started   event.Time // of the last attempt; zero while that waits
	Ended     event.Time // zero while the job has no outcome
	Updated   event.Time
	Attempt   uint32 // the open or last one; 0 before the first
	Queue     job.Queue
	Runner    domain.Name // that runs or ran the last attempt; empty while that waits
	Process   string      // of the runner
	Failure   job.FailureKind
	Submitter event.Actor
	Outcome   Place    // of the report that ended the job; zero if none did
	Pieces    uint64   // of output: how many log reports there are
	Lines     uint64   // of output
	Events    []uint64 // places of all of the job's events
}

// Place names a report: the place of its bundle in the log, and its index in
// the bundle.
type Place struct {
	Seq   uint64
	Index int
}

// Submitted returns the place of the job's submission.
func (r *Record) Submitted() uint64 { return r.Events[0] }

// Apply folds one of the job's events in. report is the report that caused it;
// zero if none did.
func (r *Record) Apply(e *history.Entry, report Place) {
	r.Events = append(r.Events, e.Seq)
	r.Updated = e.At
	switch data := e.Data.(type) {
	case job.Submitted:
		r.Status, r.Created, r.Submitter = job.Created, e.At, e.Actor
		if data.Grant != nil {
			r.granted(*data.Grant)
		}
	case job.Queued:
		r.granted(data.Grant)
	case job.Started:
		r.Status, r.Started, r.Process = job.Running, e.At, data.Process
		r.Runner, _ = runnerOf(e.Actor)
	case job.Completed:
		r.Status, r.Ended, r.Outcome = job.Done, e.At, report
	case job.Failed:
		r.Status, r.Ended, r.Outcome, r.Failure = job.Broken, e.At, report, data.Kind
	case job.AttemptLost: // what follows from it is the next event
	}
}

func (r *Record) granted(g job.Grant) {
	r.Status, r.Attempt, r.Queue = job.Waiting, g.Attempt, g.Queue
	r.Started, r.Runner, r.Process = 0, "", ""
}

// runnerOf returns the runner that an actor is.
func runnerOf(a event.Actor) (domain.Name, bool) {
	const prefix = "runner:"
	if len(a) <= len(prefix) || a[:len(prefix)] != prefix {
		return "", false
	}
	return domain.Name(a[len(prefix):]), true
}

// Append appends the record in its one spelling:
//
//	{"state":"completed","times":[created,started,ended,updated],"attempt":1,
//	 "queue":"runner:r1","runner":"r1","process":"8f3a","kind":"error",
//	 "by":"key:ci","outcome":[seq,index],"output":[pieces,lines],"events":[1,2,3]}
//
// in one line, times in microseconds since 1970. Members whose value is nothing
// are left out.
func (r *Record) Append(dst []byte) []byte {
	dst = append(append(append(dst, `{"state":"`...), r.Status.String()...), `","times":[`...)
	for i, t := range [...]event.Time{r.Created, r.Started, r.Ended, r.Updated} {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendUint(dst, uint64(max(t, 0))) //nolint:gosec // not negative
	}
	dst = append(dst, ']')
	if r.Attempt > 0 {
		dst = fixedjson.AppendUint(append(dst, `,"attempt":`...), uint64(r.Attempt))
		dst = append(append(append(dst, `,"queue":"`...), r.Queue.String()...), '"')
	}
	if r.Process != "" {
		dst = fixedjson.AppendString(append(dst, `,"runner":`...), string(r.Runner))
		dst = fixedjson.AppendString(append(dst, `,"process":`...), r.Process)
	}
	if r.Failure != "" {
		dst = append(append(append(dst, `,"kind":"`...), r.Failure...), '"')
	}
	dst = fixedjson.AppendString(append(dst, `,"by":`...), string(r.Submitter))
	if r.Outcome != (Place{}) {
		dst = appendPair(append(dst, `,"outcome":`...), r.Outcome.Seq, uint64(max(r.Outcome.Index, 0))) //nolint:gosec // not negative
	}
	if r.Pieces > 0 {
		dst = appendPair(append(dst, `,"output":`...), r.Pieces, r.Lines)
	}
	dst = append(dst, `,"events":[`...)
	for i, seq := range r.Events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendUint(dst, seq)
	}
	return append(dst, `]}`...)
}

func appendPair(dst []byte, a, b uint64) []byte {
	dst = fixedjson.AppendUint(append(dst, '['), a)
	return append(fixedjson.AppendUint(append(dst, ','), b), ']')
}

// ParseRecord reads what Append wrote.
func ParseRecord(data []byte) (Record, error) {
	var rec Record
	r := fixedjson.NewReader(data)
	r.Literal(`{"state":`)
	rec.Status = fixedjson.Parsed(r, job.ParseStatus)
	r.Literal(`,"times":[`)
	for i, t := range [...]*event.Time{&rec.Created, &rec.Started, &rec.Ended, &rec.Updated} {
		if i > 0 {
			r.Literal(`,`)
		}
		*t = event.Time(r.Uint()) //nolint:gosec // a Reader's numbers are below 2^53
	}
	r.Literal(`]`)
	if r.Optional(`,"attempt":`) {
		rec.Attempt = uint32(small(r)) //nolint:gosec // it is small
		absent(r, rec.Attempt == 0)
		r.Literal(`,"queue":`)
		rec.Queue = fixedjson.Parsed(r, job.ParseQueue)
	}
	if r.Optional(`,"runner":`) {
		rec.Runner = domain.Name(r.String())
		r.Literal(`,"process":`)
		rec.Process = r.String()
		absent(r, rec.Process == "")
	}
	if r.Optional(`,"kind":`) {
		rec.Failure = fixedjson.Parsed(r, job.ParseFailureKind)
	}
	r.Literal(`,"by":`)
	rec.Submitter = event.Actor(r.String())
	if r.Optional(`,"outcome":`) {
		r.Literal(`[`)
		rec.Outcome.Seq = r.Uint()
		r.Literal(`,`)
		rec.Outcome.Index = int(small(r)) //nolint:gosec // it is small
		r.Literal(`]`)
		absent(r, rec.Outcome == Place{})
	}
	if r.Optional(`,"output":`) {
		r.Literal(`[`)
		rec.Pieces = r.Uint()
		r.Literal(`,`)
		rec.Lines = r.Uint()
		r.Literal(`]`)
		absent(r, rec.Pieces == 0)
	}
	readEvents(r, &rec)
	if err := r.End(); err != nil {
		return Record{}, fmt.Errorf("parse job record: %w", err)
	}
	return rec, nil
}

// small reads a number that the domain bounds further: an attempt's, or a
// report's index.
func small(r *fixedjson.Reader) uint64 {
	n := r.Uint()
	if n > math.MaxInt32 {
		r.Fail(domain.Errorf(domain.Invalid, "format", "a number is too large"))
		return 0
	}
	return n
}

// absent refuses a member that says nothing: it would be a second spelling.
func absent(r *fixedjson.Reader, nothing bool) {
	if nothing {
		r.Fail(domain.Errorf(domain.Invalid, "format", "a member says nothing"))
	}
}

func readEvents(r *fixedjson.Reader, rec *Record) {
	r.Literal(`,"events":[`)
	for r.Err() == nil {
		rec.Events = append(rec.Events, r.Uint())
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]}`)
}

// Attempt is an attempt that waits or runs.
type Attempt struct {
	Queue job.Queue
	Entry queue.EntryID // in the queue
	Token signing.Hash  // of the event that granted it
}

// Granted returns the attempt that an event of a commit of that term grants,
// and false if it grants none.
func Granted(e *history.Entry, term uint64) (Attempt, bool) {
	a := Attempt{Entry: queue.EntryID{Term: term, Seq: e.Seq}, Token: e.Hash}
	switch data := e.Data.(type) {
	case job.Submitted:
		if data.Grant == nil {
			return Attempt{}, false
		}
		a.Queue = data.Grant.Queue
	case job.Queued:
		a.Queue = data.Grant.Queue
	default:
		return Attempt{}, false
	}
	return a, true
}

// Append appends the attempt in its one spelling:
// {"queue":"runner:r1","entry":"1767366245-17","grant":"…"}.
func (a *Attempt) Append(dst []byte) []byte {
	dst = append(append(dst, `{"queue":"`...), a.Queue.String()...)
	dst = append(append(dst, `","entry":"`...), a.Entry.String()...)
	dst = append(append(dst, `","grant":"`...), a.Token.String()...)
	return append(dst, `"}`...)
}

// ParseAttempt reads what Append wrote.
func ParseAttempt(data []byte) (Attempt, error) {
	var a Attempt
	r := fixedjson.NewReader(data)
	r.Literal(`{"queue":`)
	a.Queue = fixedjson.Parsed(r, job.ParseQueue)
	r.Literal(`,"entry":`)
	a.Entry = fixedjson.Parsed(r, queue.ParseEntryID)
	r.Literal(`,"grant":`)
	a.Token = fixedjson.Parsed(r, signing.ParseHash)
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return Attempt{}, fmt.Errorf("parse open attempt: %w", err)
	}
	return a, nil
}
