// Package memqueue is the wire between a supervisor and its runners in memory,
// for tests: both of its ends, and faults on request.
//
//	wire := memqueue.New()
//	wire.MakeQueue(q)
//	wire.Put(q, "7-1", fields)
//	entries, err := wire.Take(ctx, "a1", []job.Queue{q}, 10, 0)
package memqueue

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

var _ queue.Wire = (*Wire)(nil)

// Wire is both ends of a wire. It is safe for concurrent use.
type Wire struct {
	mu sync.Mutex

	onCall     func(method string) (keep bool, err error)
	queues     map[job.Queue]*stream
	control    map[domain.Name][]queue.ControlEntry
	statements []queue.Statement
	inbox      []runner.Signed
	beats      map[string]string
	modes      map[string]string
	renewed    map[string]int
	changed    chan struct{} // closed when something came; then a new one
}

type stream struct {
	entries []entry
	given   queue.EntryID // the last one that was delivered
}

type entry struct {
	id     queue.EntryID
	fields map[string]string
	owner  string // process; empty before its delivery
}

// New returns a wire with nothing on it.
func New() *Wire {
	return &Wire{
		queues:  map[job.Queue]*stream{},
		control: map[domain.Name][]queue.ControlEntry{},
		beats:   map[string]string{},
		modes:   map[string]string{},
		renewed: map[string]int{},
		changed: make(chan struct{}),
	}
}

// OnCall makes the runner's end ask f before each call, by the method's name;
// nil asks nobody. An error is what the caller gets; keep says whether the call
// is carried out all the same, so that only its answer is lost.
func (w *Wire) OnCall(f func(method string) (keep bool, err error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onCall = f
}

// fail asks what OnCall set.
func (w *Wire) fail(method string) (keep bool, err error) {
	w.mu.Lock()
	f := w.onCall
	w.mu.Unlock()
	if f == nil {
		return true, nil
	}
	return f(method)
}

// change does something under the lock and wakes who waits.
func (w *Wire) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.changed)
	w.changed = make(chan struct{})
}

// poll calls look until it finds something, for so long.
func (w *Wire) poll(ctx context.Context, wait time.Duration, look func() bool) error {
	var timeout <-chan time.Time
	for {
		w.mu.Lock()
		found, changed := look(), w.changed
		w.mu.Unlock()
		if found || wait <= 0 {
			return nil
		}
		if timeout == nil {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-timeout:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Take implements [queue.Claims].
func (w *Wire) Take(ctx context.Context, process string, queues []job.Queue, limit int, wait time.Duration) ([]queue.Entry, error) {
	keep, failed := w.fail("Take")
	if !keep {
		return nil, failed
	}
	var taken []queue.Entry
	missing := true
	err := w.poll(ctx, wait, func() bool {
		for _, q := range queues {
			s := w.queues[q]
			if s == nil {
				continue
			}
			missing = false
			taken = append(taken, s.take(q, process, limit-len(taken))...)
		}
		return missing || len(taken) > 0
	})
	switch {
	case failed != nil:
		return nil, failed
	case err == nil && missing:
		return nil, queue.ErrNoQueue
	}
	return taken, err
}

func (s *stream) take(q job.Queue, process string, limit int) (taken []queue.Entry) {
	for i := range s.entries {
		e := &s.entries[i]
		if len(taken) == limit {
			break
		}
		if e.owner == "" && e.id.Compare(s.given) > 0 {
			e.owner, s.given = process, e.id
			taken = append(taken, queue.Entry{Queue: q, ID: e.id.String(), Fields: maps.Clone(e.fields)})
		}
	}
	return taken
}

// Pending implements [queue.Claims].
func (w *Wire) Pending(_ context.Context, process string, q job.Queue, after queue.EntryID, limit int) ([]queue.Entry, error) {
	if _, err := w.fail("Pending"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.queues[q]
	if s == nil {
		return nil, queue.ErrNoQueue
	}
	var found []queue.Entry
	for _, e := range s.entries {
		if e.owner == process && e.id.Compare(after) > 0 && len(found) < limit {
			found = append(found, queue.Entry{Queue: q, ID: e.id.String(), Fields: maps.Clone(e.fields)})
		}
	}
	return found, nil
}

// Renew implements [queue.Claims].
func (w *Wire) Renew(_ context.Context, process string, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error) {
	keep, err := w.fail("Renew")
	if !keep {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.queues[q]
	if s == nil {
		return nil, cmp.Or(err, queue.ErrNoQueue)
	}
	var kept []queue.EntryID
	for _, e := range s.entries {
		if e.owner == process && slices.Contains(ids, e.id) {
			kept = append(kept, e.id)
			w.renewed[e.id.String()]++
		}
	}
	return kept, err
}

// Send implements [queue.Line].
func (w *Wire) Send(_ context.Context, s runner.Signed) error {
	keep, err := w.fail("Send")
	if keep {
		w.change(func() { w.inbox = append(w.inbox, s) })
	}
	return err
}

// ControlEnd implements [queue.Line].
func (w *Wire) ControlEnd(_ context.Context, id domain.Name) (string, error) {
	if _, err := w.fail("ControlEnd"); err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return strconv.Itoa(len(w.control[id])), nil
}

// Control implements [queue.Line].
func (w *Wire) Control(ctx context.Context, id domain.Name, after string, wait time.Duration) ([]queue.ControlEntry, error) {
	if _, err := w.fail("Control"); err != nil {
		return nil, err
	}
	place, err := strconv.Atoi(after)
	if err != nil {
		return nil, err
	}
	var found []queue.ControlEntry
	err = w.poll(ctx, wait, func() bool {
		found = slices.Clone(w.control[id][place:])
		return len(found) > 0
	})
	return found, err
}

// Statements implements [queue.Line].
func (w *Wire) Statements(_ context.Context, after uint64) ([]queue.Statement, error) {
	if _, err := w.fail("Statements"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statements[min(after, uint64(len(w.statements))):]), nil
}
