package engine

import (
	"cmp"
	"slices"
	"sync"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/queues"
)

// busy is the queues in which attempts stand. Of many queues, such as one for
// each user, most are empty, and who looks at those that are not does so all the
// time.
type busy struct {
	mu sync.Mutex

	queues map[job.Queue]bool
}

// note takes the count of a queue.
func (b *busy) note(q job.Queue, c queues.Count) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case c.Open() == 0:
		delete(b.queues, q)
	case b.queues == nil:
		b.queues = map[job.Queue]bool{q: true}
	default:
		b.queues[q] = true
	}
}

// reset forgets all queues.
func (b *busy) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.queues)
}

// Busy returns the queues in which attempts stand, by name.
func (e *Engine) Busy() []job.Queue {
	e.busy.mu.Lock()
	defer e.busy.mu.Unlock()
	names := make([]job.Queue, 0, len(e.busy.queues))
	for q := range e.busy.queues {
		names = append(names, q)
	}
	slices.SortFunc(names, func(a, b job.Queue) int { return cmp.Compare(a.String(), b.String()) })
	return names
}
