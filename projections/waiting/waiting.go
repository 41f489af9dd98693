// Package waiting says why a job does not run: in a word for programs, in a
// sentence that says what to do for people, and until when where that is known.
//
//	why := waiting.Why(waiting.Facts{Job: &record, Queue: all.Queue(q), …})
//	if why.Reason == waiting.NoRunner { … }
package waiting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
)

// Reason is why a job does not run. The words never change.
type Reason string

// The reasons. Of several that hold, the one comes first that must end first.
const (
	None         Reason = ""              // it runs, or has ended
	Held         Reason = "held"          // nobody released it
	Scheduled    Reason = "scheduled"     // its time has not come
	BackOff      Reason = "back_off"      // an attempt failed, and the next one waits
	Stopping     Reason = "stopping"      // somebody may still run it
	QueuePaused  Reason = "queue_paused"  // nothing is taken from its queue
	RunnerPaused Reason = "runner_paused" // whoever serves its queue is paused or drained
	NoRunner     Reason = "no_runner"     // nobody who serves its queue is heard
	SlotsBusy    Reason = "slots_busy"    // whoever serves its queue is busy
	QueuedBehind Reason = "queued_behind" // it is taken when those before it were
)

// Reasons lists every reason but [None].
func Reasons() []Reason {
	return []Reason{Held, Scheduled, BackOff, Stopping, QueuePaused, RunnerPaused, NoRunner, SlotsBusy, QueuedBehind}
}

// Facts are what there is to know about a job that may wait. Of one that is not
// queued, its record is enough.
type Facts struct {
	Job   *jobs.Record // required
	Queue modes.Record // the mode of its queue
	Owner modes.Record // the mode of the runner id that owns its queue; zero for the queue of a kind
	Count queues.Count // of its queue
	Crew  runners.Crew // who serves its queue
}

// Answer is why a job does not run. The zero Answer is that nothing keeps it.
type Answer struct {
	Reason  Reason
	Message string
	Until   event.Time // when that ends by itself; zero if nobody knows
}

// Why says why a job does not run.
func Why(f Facts) Answer {
	due := f.Job.Due
	switch f.Job.Status {
	case job.Created:
		return Answer{Reason: Held, Message: "nobody released it yet (job.start does)"}
	case job.Planned:
		return Answer{Scheduled, fmt.Sprintf("it is due at %s", due), due}
	case job.Retrying:
		return Answer{BackOff, fmt.Sprintf("its attempt %d failed (%s); the next one follows at %s", f.Job.Attempt, f.Job.Failure, due), due}
	case job.Ending:
		return Answer{Stopping, fmt.Sprintf("whoever runs it has until %s to say that it stopped", due), due}
	case job.Waiting:
		return f.queued()
	case job.None, job.Running, job.Done, job.Broken, job.Halted, job.Shelved, job.Erased:
	}
	return Answer{}
}

// queued says why nobody takes an attempt that stands in its queue.
func (f *Facts) queued() Answer {
	q := f.Job.Queue
	if f.Queue.Mode == domain.Paused {
		return Answer{Reason: QueuePaused, Message: fmt.Sprintf(
			"its queue %s is paused%s: horus queues resume %s", q, by(f.Queue), q)}
	}
	if processes, slots, free := f.Crew.Working(); processes > 0 {
		return f.busy(processes, slots, free)
	}
	if resting := f.resting(); len(resting) > 0 {
		return Answer{Reason: RunnerPaused, Message: fmt.Sprintf(
			"whoever serves its queue %s takes nothing, because it is paused or drained: horus runners resume %s", q, strings.Join(resting, " "))}
	}
	if n := f.lost(); n > 0 {
		return Answer{Reason: NoRunner, Message: fmt.Sprintf(
			"no process that serves its queue %s is heard; %d were before: look at them, or start another one", q, n)}
	}
	return Answer{Reason: NoRunner, Message: fmt.Sprintf("no runner serves its queue %s: %s", q, start(q))}
}

// start says how a queue gets somebody who serves it.
func start(q job.Queue) string {
	if id, own := q.Runner(); own {
		return fmt.Sprintf("start one with the id %s", id)
	}
	return fmt.Sprintf("start one for jobs of kind %s, with a key that is admitted for it", q.Name())
}

// busy says why a job waits although there is somebody who would take it.
func (f *Facts) busy(processes, slots, free int) Answer {
	others := ""
	if n := f.Count.Waiting; n > 1 {
		others = fmt.Sprintf("; %d jobs wait in its queue", n)
	}
	switch {
	case free == 0:
		return Answer{Reason: SlotsBusy, Message: fmt.Sprintf(
			"all %d slots of the %d processes that serve its queue %s are busy%s", slots, processes, f.Job.Queue, others)}
	case others == "":
		return Answer{Reason: QueuedBehind, Message: fmt.Sprintf("it is the next in its queue %s: a runner takes it in a moment", f.Job.Queue)}
	}
	return Answer{Reason: QueuedBehind, Message: fmt.Sprintf(
		"it is behind others: %d slots of those who serve its queue %s are free%s", free, f.Job.Queue, others)}
}

// resting returns the runner ids that would serve the queue and are paused or
// drained, if that is what keeps the job: a process of theirs is there, or the
// queue is the id's own.
func (f *Facts) resting() []string {
	var ids []string
	if id, own := f.Job.Queue.Runner(); own && f.Owner.Mode != domain.Open {
		ids = append(ids, string(id))
	}
	for _, m := range f.Crew {
		if m.Mode != domain.Open && m.State != runners.Gone {
			ids = append(ids, string(m.Runner))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// by says who paused something, and since when.
func by(r modes.Record) string {
	if r.By == "" {
		return ""
	}
	return fmt.Sprintf(" since %s (by %s)", r.Since, r.By)
}

// lost returns how many processes serve the queue and are not heard.
func (f *Facts) lost() int {
	n := 0
	for _, m := range f.Crew {
		if m.State != runners.Alive {
			n++
		}
	}
	return n
}
