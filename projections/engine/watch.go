package engine

import (
	"context"
	"slices"
	"sync"

	"github.com/herocode/horus/domain/job"
)

// watches are those who wait for news of jobs, or for the views to move on.
type watches struct {
	mu sync.Mutex

	byJob map[job.ID][]chan struct{}
	moved chan struct{} // closed when the views move on; nil while nobody waits
}

// Await returns when the views have reached a place, or ctx has ended.
func (e *Engine) Await(ctx context.Context, seq uint64) {
	for {
		moved := e.watches.next() // before the look, so that nothing is missed
		if e.Passed() >= seq {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// next returns what is closed when the views move on the next time.
func (w *watches) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moved == nil {
		w.moved = make(chan struct{})
	}
	return w.moved
}

// Watch returns a channel that receives whenever the job's view has changed,
// once for all changes since it was last received from. The caller looks at the
// view after it began to watch, and calls stop when it is done.
func (e *Engine) Watch(id job.ID) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w := &e.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byJob == nil {
		w.byJob = map[job.ID][]chan struct{}{}
	}
	w.byJob[id] = append(w.byJob[id], ch)
	return ch, func() { w.remove(id, ch) }
}

func (w *watches) remove(id job.ID, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.byJob[id], func(c chan struct{}) bool { return c == ch })
	if len(left) == 0 {
		delete(w.byJob, id)
		return
	}
	w.byJob[id] = left
}

// tell wakes those who wait for the views to move on, or for one of the jobs.
func (w *watches) tell(changed []*workJob) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moved != nil {
		close(w.moved)
		w.moved = nil
	}
	if len(w.byJob) == 0 {
		return
	}
	for _, j := range changed {
		for _, ch := range w.byJob[j.id] {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
}
