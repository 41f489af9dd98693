package engine

import (
	"slices"
	"sync"

	"github.com/herocode/horus/domain/job"
)

// watches are those who wait for news of jobs.
type watches struct {
	mu sync.Mutex

	byJob map[job.ID][]chan struct{}
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

// tell wakes those who wait for one of the jobs.
func (w *watches) tell(changed []*workJob) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
