package history

import (
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// Forget drops from the state what an entry that was applied ended for good: a
// job, which it returns, or a process that left. ok is false when nothing ended.
// What is left in the state is bounded by what is open at one time, by the
// failed jobs that nobody replayed or dropped, by the runner ids, by the
// processes that stopped without leaving, and by the nonces that are spent at
// one time, which go by themselves.
//
// Afterwards the state cannot tell a job that ended from one that never was. So
// whoever forgets must see to it that no first event comes again, one whose
// entry [Entry.Begins] an aggregate that had begun before, and that what still
// comes, [Entry.Follows], fits the job's last event.
func (s *State) Forget(e *Entry) (j job.State, ok bool) {
	switch e.Aggregate.Kind {
	case event.Job:
		if e.Begins() {
			return j, false // nothing ends with its first event
		}
		id, _ := job.ParseID(e.Aggregate.ID) // applied, so it is one
		if j = s.Jobs[id]; j.Status.Terminal() && j.Status != job.Broken {
			delete(s.Jobs, id)
			s.forgot = true
			return j, true
		}
	case event.Report:
		if s.Processes[e.Aggregate.ID].Left {
			delete(s.Processes, e.Aggregate.ID)
			return j, true
		}
	case event.Access, event.Leader, event.Log, event.Runner, event.Queue, event.Nonce:
	}
	return j, false
}

// Begins reports whether an entry is the first of its aggregate.
func (e *Entry) Begins() bool { return e.Version == 1 }

// Follows reports whether an entry is of the sort that may still come when a job
// has been forgotten: its deletion, and reports that came too late.
func (e *Entry) Follows() bool {
	switch e.Data.(type) {
	case job.Deleted, job.ReportRefused:
		return true
	}
	return false
}
