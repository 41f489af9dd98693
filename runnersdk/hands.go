package runnersdk

import (
	"slices"
	"sync"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
)

// hands is what a process holds: attempts from their claim until their end was
// reported, of which as many run as there are slots.
type hands struct {
	slots int
	freed chan struct{} // holds a token when an attempt ended
	roomy chan struct{} // holds a token when half of the slots are free

	mu sync.Mutex

	held    []*attempt // in the order of their claims
	waiting []*attempt // held, and not running for want of a slot
	running int
}

func newHands(slots int) *hands {
	return &hands{slots: slots, freed: make(chan struct{}, 1), roomy: make(chan struct{}, 1)}
}

// hold takes an attempt in and reports whether it is to run at once. Otherwise
// [hands.next] will return it.
func (h *hands) hold(a *attempt) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, a)
	if h.running == h.slots {
		h.waiting = append(h.waiting, a)
		return false
	}
	h.running++
	if !h.hasRoom() {
		withdraw(h.roomy)
	}
	return true
}

// next takes note that an attempt ended, and returns the one that takes over
// its slot, or nil.
func (h *hands) next() *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) > 0 {
		a := h.waiting[0]
		h.waiting = slices.Delete(h.waiting, 0, 1)
		return a
	}
	h.running--
	signal(h.freed)
	if h.hasRoom() {
		signal(h.roomy)
	}
	return nil
}

// hasRoom reports whether half of the slots are free. h is locked.
func (h *hands) hasRoom() bool { return 2*h.running <= h.slots }

// drop lets go of attempts of which nothing is left to say, in one pass over what
// is held: hundreds of attempts, and a bundle ends dozens of them.
func (h *hands) drop(over ...*attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range over {
		a.dropped = true
	}
	h.held = slices.DeleteFunc(h.held, func(a *attempt) bool { return a.dropped })
}

// free returns how many attempts may be claimed.
func (h *hands) free() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.slots - h.running - len(h.waiting)
}

// idle reports whether no handler runs.
func (h *hands) idle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running == 0
}

// all returns what is held.
func (h *hands) all() []*attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.held)
}

// names returns the jobs of attempts that run.
func (h *hands) names() (jobs []string) {
	for _, a := range h.all() {
		if a.runs() {
			jobs = append(jobs, a.job.ID)
		}
	}
	return jobs
}

// of returns what is held of a queue, and the ids of its entries.
func (h *hands) of(q job.Queue) (held []*attempt, ids []queue.EntryID) {
	for _, a := range h.all() {
		if a.queue == q {
			held, ids = append(held, a), append(ids, a.id)
		}
	}
	return held, ids
}
