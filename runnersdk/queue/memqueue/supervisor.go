package memqueue

import (
	"maps"
	"slices"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// MakeQueue makes a queue, or does nothing when it is there.
func (w *Wire) MakeQueue(q job.Queue) {
	w.change(func() {
		if w.queues[q] == nil {
			w.queues[q] = &stream{}
		}
	})
}

// DropQueue removes a queue and everything in it.
func (w *Wire) DropQueue(q job.Queue) { w.change(func() { delete(w.queues, q) }) }

// Put adds an entry to a queue that was made.
func (w *Wire) Put(q job.Queue, id queue.EntryID, fields map[string]string) {
	w.change(func() {
		s := w.queues[q]
		s.entries = append(s.entries, entry{id: id, fields: maps.Clone(fields)})
	})
}

// Remove takes an entry away, delivered or not.
func (w *Wire) Remove(q job.Queue, id queue.EntryID) {
	w.change(func() {
		s := w.queues[q]
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return e.id == id })
	})
}

// Give makes a process the owner of an entry, whoever had it.
func (w *Wire) Give(q job.Queue, id queue.EntryID, process string) {
	w.change(func() {
		for i := range w.queues[q].entries {
			if e := &w.queues[q].entries[i]; e.id == id {
				e.owner = process
			}
		}
	})
}

// Owner returns the process that an entry was delivered to, or "".
func (w *Wire) Owner(q job.Queue, id queue.EntryID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.queues[q].entries {
		if e.id == id {
			return e.owner
		}
	}
	return ""
}

// Renewals returns how often an entry was renewed.
func (w *Wire) Renewals(id queue.EntryID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.renewed[id.String()]
}

// Notify adds a notice to a runner's control stream.
func (w *Wire) Notify(id domain.Name, fields map[string]string) {
	w.change(func() {
		place := strconv.Itoa(len(w.control[id]) + 1)
		w.control[id] = append(w.control[id], queue.ControlEntry{ID: place, Fields: maps.Clone(fields)})
	})
}

// State adds the next statement.
func (w *Wire) State(value string) {
	w.change(func() {
		w.statements = append(w.statements, queue.Statement{Number: uint64(len(w.statements)) + 1, Value: value})
	})
}

// Inbox returns the bundles that were sent, in order.
func (w *Wire) Inbox() []runner.Signed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.inbox)
}
