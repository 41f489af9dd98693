package jobs

import (
	"fmt"

	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

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
	dst = a.Entry.Append(append(dst, `","entry":"`...))
	dst = a.Token.Append(append(dst, `","grant":"`...))
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
