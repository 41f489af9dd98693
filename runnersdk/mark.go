package runnersdk

import (
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// mark is what a process must not run any more of one queue: what was finished
// before it joined, and everything up to the last entry that it took. It only
// grows, so no entry that comes again runs again.
type mark struct {
	term  uint64        // in which the process joined
	floor uint64        // place of the lowest grant that was open then
	last  queue.EntryID // that was taken
}

// passed reports whether an entry is one that the process must not run. A log
// that lost its tail gives numbers again, in a later term: those stand behind
// everything of the terms before.
func (m *mark) passed(id queue.EntryID) bool {
	return id.Term <= m.term && id.Seq < m.floor || id.Compare(m.last) <= 0
}

// newMarks returns the marks of a process that joined. A queue that the event
// does not name had no open grant.
func newMarks(joined runner.Joined, term, seq uint64, queues []job.Queue) map[job.Queue]*mark {
	marks := make(map[job.Queue]*mark, len(queues))
	for _, q := range queues {
		marks[q] = &mark{term: term, floor: seq}
	}
	for _, m := range joined.Marks {
		if mark, ok := marks[m.Queue]; ok {
			mark.floor = m.Seq
		}
	}
	return marks
}
