package jobs

import (
	"fmt"
	"math"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
)

// Append appends the record in its one spelling:
//
//	{"state":"failed","times":[created,started,ended,updated],"queue":"runner:r1","by":"key:ci",
//	 "timer":[due,expires,timeout],"attempt":2,"counted":2,"max":5,"refused":1,
//	 "runner":"r1","process":"8f3a","kind":"error","outcome":[seq,index],"stop":[seq,at,"key:ops"],
//	 "progress":[seq,index,at,percent],"checkpoint":[seq,index,at,bytes],
//	 "output":[pieces,lines],"events":[1,2,3]}
//
// in one line, times in microseconds since 1970 and the timeout in seconds.
// Members whose value is nothing are left out.
func (r *Record) Append(dst []byte) []byte {
	dst = append(append(append(dst, `{"state":"`...), r.Status.String()...), '"')
	dst = appendNumbers(append(dst, `,"times":`...), micros(r.Created), micros(r.Started), micros(r.Ended), micros(r.Updated))
	dst = append(append(append(dst, `,"queue":"`...), r.Queue.String()...), '"')
	dst = fixedjson.AppendString(append(dst, `,"by":`...), string(r.Submitter))
	if r.Timer != (job.Timer{}) {
		dst = appendNumbers(append(dst, `,"timer":`...), micros(r.Due), micros(r.Expires), uint64(r.Timeout/time.Second)) //nolint:gosec // not negative
	}
	dst = appendCount(dst, `,"attempt":`, r.Attempt)
	dst = appendCount(dst, `,"counted":`, r.Counted)
	dst = appendCount(dst, `,"max":`, r.MaxAttempts)
	dst = appendCount(dst, `,"refused":`, r.Refused)
	if r.Process != "" {
		dst = fixedjson.AppendString(append(dst, `,"runner":`...), string(r.Runner))
		dst = fixedjson.AppendString(append(dst, `,"process":`...), r.Process)
	}
	if r.Failure != "" {
		dst = append(append(append(dst, `,"kind":"`...), r.Failure...), '"')
	}
	if r.Outcome != (Place{}) {
		dst = appendNumbers(append(dst, `,"outcome":`...), r.Outcome.Seq, r.Outcome.index())
	}
	if s := &r.Stop; s.Seq != 0 {
		dst = fixedjson.AppendUint(append(dst, `,"stop":[`...), s.Seq)
		dst = fixedjson.AppendUint(append(dst, ','), micros(s.At))
		dst = append(fixedjson.AppendString(append(dst, ','), string(s.By)), ']')
	}
	if p := &r.Progress; p.Seq != 0 {
		dst = appendNumbers(append(dst, `,"progress":`...), p.Seq, p.index(), micros(p.At), uint64(p.Percent))
	}
	if c := &r.Checkpoint; c.Seq != 0 {
		dst = appendNumbers(append(dst, `,"checkpoint":`...), c.Seq, c.index(), micros(c.At), uint64(c.Bytes))
	}
	if r.Pieces > 0 {
		dst = appendNumbers(append(dst, `,"output":`...), r.Pieces, r.Lines)
	}
	return append(appendNumbers(append(dst, `,"events":`...), r.Events...), '}')
}

func micros(t event.Time) uint64 { return uint64(max(t, 0)) } //nolint:gosec // not negative

func (p *Place) index() uint64 { return uint64(max(p.Index, 0)) } //nolint:gosec // not negative

func appendNumbers(dst []byte, numbers ...uint64) []byte {
	sep := byte('[')
	for _, n := range numbers {
		dst = fixedjson.AppendUint(append(dst, sep), n)
		sep = ','
	}
	return append(dst, ']')
}

// appendCount appends a member unless it is 0.
func appendCount(dst []byte, member string, n uint32) []byte {
	if n == 0 {
		return dst
	}
	return fixedjson.AppendUint(append(dst, member...), uint64(n))
}

// ParseRecord reads what Append wrote.
func ParseRecord(data []byte) (Record, error) {
	var rec Record
	r := fixedjson.NewReader(data)
	r.Literal(`{"state":`)
	rec.Status = fixedjson.Parsed(r, job.ParseStatus)
	r.Literal(`,"times":`)
	times := readNumbers[[4]uint64](r)
	rec.Created, rec.Started, rec.Ended, rec.Updated = at(times[0]), at(times[1]), at(times[2]), at(times[3])
	r.Literal(`,"queue":`)
	rec.Queue = fixedjson.Parsed(r, job.ParseQueue)
	r.Literal(`,"by":`)
	rec.Submitter = event.Actor(r.String())
	if r.Optional(`,"timer":`) {
		timer := readNumbers[[3]uint64](r)
		rec.Timer = job.Timer{Due: at(timer[0]), Expires: at(timer[1]), Timeout: time.Duration(small(r, timer[2])) * time.Second}
		absent(r, rec.Timer == job.Timer{})
	}
	for _, count := range [...]struct {
		member string
		n      *uint32
	}{{`,"attempt":`, &rec.Attempt}, {`,"counted":`, &rec.Counted}, {`,"max":`, &rec.MaxAttempts}, {`,"refused":`, &rec.Refused}} {
		if r.Optional(count.member) {
			*count.n = small(r, r.Uint())
			absent(r, *count.n == 0)
		}
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
	readReports(r, &rec)
	readEvents(r, &rec)
	if err := r.End(); err != nil {
		return Record{}, fmt.Errorf("parse job record: %w", err)
	}
	return rec, nil
}

// readReports reads what the record knows from reports, and of a stop.
func readReports(r *fixedjson.Reader, rec *Record) {
	if r.Optional(`,"outcome":`) {
		n := readNumbers[[2]uint64](r)
		rec.Outcome = placeOf(r, n[0], n[1])
		absent(r, rec.Outcome == Place{})
	}
	if r.Optional(`,"stop":[`) {
		rec.Stop.Seq = r.Uint()
		absent(r, rec.Stop.Seq == 0)
		r.Literal(`,`)
		rec.Stop.At = at(r.Uint())
		r.Literal(`,`)
		rec.Stop.By = event.Actor(r.String())
		r.Literal(`]`)
	}
	if r.Optional(`,"progress":`) {
		n := readNumbers[[4]uint64](r)
		rec.Progress = Progress{placeOf(r, n[0], n[1]), at(n[2]), small(r, n[3])}
		absent(r, rec.Progress.Seq == 0)
	}
	if r.Optional(`,"checkpoint":`) {
		n := readNumbers[[4]uint64](r)
		rec.Checkpoint = Checkpoint{placeOf(r, n[0], n[1]), at(n[2]), small(r, n[3])}
		absent(r, rec.Checkpoint.Seq == 0)
	}
	if r.Optional(`,"output":`) {
		n := readNumbers[[2]uint64](r)
		rec.Pieces, rec.Lines = n[0], n[1]
		absent(r, rec.Pieces == 0)
	}
}

// readNumbers reads an array of exactly so many numbers.
func readNumbers[A [2]uint64 | [3]uint64 | [4]uint64](r *fixedjson.Reader) (numbers A) {
	for i := range len(numbers) {
		if i == 0 {
			r.Literal(`[`)
		} else {
			r.Literal(`,`)
		}
		numbers[i] = r.Uint()
	}
	r.Literal(`]`)
	return numbers
}

func at(n uint64) event.Time { return event.Time(n) } //nolint:gosec // a Reader's numbers are below 2^53

func placeOf(r *fixedjson.Reader, seq, index uint64) Place {
	return Place{seq, int(small(r, index))}
}

// small bounds a number that the domain bounds further.
func small(r *fixedjson.Reader, n uint64) uint32 {
	if n > math.MaxInt32 {
		r.Fail(domain.Errorf(domain.Invalid, "format", "a number is too large"))
		return 0
	}
	return uint32(n)
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
