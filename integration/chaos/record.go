package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
)

// record is what the log says, as somebody reads it who knows the names of
// events and their JSON and none of Horus' own ideas of them.
type record struct {
	verdict audit.Verdict
	jobs    map[string]*account
	terms   []began
	events  int
}

// account is what happened to a job.
type account struct {
	types    []string // of its events, in order
	granted  map[int]bool
	lost     []loss
	outcomes []outcome         // since it was submitted, or replayed
	late     []string          // reports that were refused, by what they said
	due      map[int]time.Time // when attempts that wait for their time may begin
	stopped  time.Time
	retried  int // attempts that ended by themselves and are followed by another
	replayed int
	deleted  bool
	dropped  bool

	checkpoint string // the last that was recorded
	forgotten  int    // grants that did not name it
}

// loss is an attempt that was recorded as lost.
type loss struct {
	attempt int
	reason  string
	at      time.Time
}

// began is a term's beginning.
type began struct {
	leader string
	at     time.Time
}

// readRecord verifies a log, as an auditor does, and tells what it says.
func readRecord(ctx context.Context, log eventstore.Log, founding signing.Hash) (*record, error) {
	r := &record{jobs: map[string]*account{}}
	source, err := audit.FromLog(ctx, log)
	if err != nil {
		return nil, err
	}
	var wrong error
	r.verdict, err = audit.Verify(ctx, source, audit.Options{
		Namespace: namespace, Trust: founding,
		Seen: func(c *history.Commit) {
			for i := range c.Entries {
				if err := r.see(&c.Entries[i]); err != nil && wrong == nil {
					wrong = err
				}
			}
		},
	})
	if err == nil {
		err = wrong
	}
	return r, err
}

// data is the members of all events that are looked at.
type data struct {
	Attempt    int
	Kind       string
	Reason     string
	Name       string
	Said       string
	Due        time.Time
	Checkpoint string
	Grant      json.RawMessage // of a job.report_refused a hash, else an object
}

func (r *record) see(e *history.Entry) error {
	r.events++
	if e.Aggregate.Kind != event.Job && e.Aggregate.Kind != event.Leader {
		return nil
	}
	var d data
	if err := json.Unmarshal(e.Recorded.Data, &d); err != nil {
		return fmt.Errorf("%s: %w", e, err)
	}
	if e.Aggregate.Kind == event.Leader {
		r.terms = append(r.terms, began{d.Name, e.At.Time()})
		return nil
	}
	a := r.jobs[e.Aggregate.ID]
	if a == nil {
		a = &account{granted: map[int]bool{}, due: map[int]time.Time{}}
		r.jobs[e.Aggregate.ID] = a
	}
	return a.see(e.Type, d, e.At.Time())
}

func (a *account) see(name string, d data, at time.Time) error {
	a.types = append(a.types, name)
	switch name {
	case "job.submitted", "job.queued":
		if !d.Due.IsZero() {
			a.due[1] = d.Due
		}
		return a.grant(d)
	case "job.attempt_failed":
		a.retried++
		a.due[d.Attempt+1] = d.Due
	case "job.attempt_lost":
		a.lost = append(a.lost, loss{d.Attempt, d.Reason, at})
	case "job.checkpointed":
		a.checkpoint = d.Checkpoint
	case "job.completed", "job.failed", "job.stopped":
		a.outcomes = append(a.outcomes, outcome(strings.TrimSpace(name+" "+d.Kind)))
		if name == "job.stopped" {
			a.stopped = at
		}
	case "job.replayed":
		a.replayed++
		a.outcomes = nil
	case "job.report_refused":
		a.late = append(a.late, d.Said)
	case "job.dropped":
		a.dropped = true
	case "job.deleted":
		a.deleted = true
	}
	return nil
}

// grant notes the attempt that an event grants, if it does.
func (a *account) grant(d data) error {
	if len(d.Grant) == 0 {
		return nil // it is held, or waits for its time
	}
	var grant struct {
		Attempt    int
		Checkpoint string
	}
	if err := json.Unmarshal(d.Grant, &grant); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	a.granted[grant.Attempt] = true
	if grant.Checkpoint != a.checkpoint {
		a.forgotten++
	}
	return nil
}
