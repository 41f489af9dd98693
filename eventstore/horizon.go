package eventstore

import (
	"context"
	"errors"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
)

// horizon is how far the log is durable, and who waits for that. The leader's
// lock guards it.
type horizon struct {
	end     Tip    // of the log
	durable uint64 // last place that is durable
	asked   *round // is asked about; nil while none is
	next    *round // will be; nil while nobody waits for it
	wake    chan struct{}
	held    []*commit // in the log and not durable, for Assured
	bytes   int       // of their events
}

// Limits of what is held until it is durable.
const (
	maxHeld      = 1024
	maxHeldBytes = 32 << 20
)

// round is one question to the store.
type round struct {
	through Tip           // what it is about, and all before it
	done    chan struct{} // closed when err is final
	err     error
}

// Durable returns the last place of the log that is durable at the store's
// level: 0 until a new leader knows of any. It never falls. What acts on the
// outside (a webhook, a topic, another system) acts on events up to it and on
// none beyond, which the log may still lose. Runners, views and queues need not
// wait: they are in the same store, behind their cause.
func (l *Leader) Durable() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.horizon.durable
}

// Undurable returns how many events of the log are not known to be durable.
func (l *Leader) Undurable() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.horizon.end.Seq - l.horizon.durable
}

// AssureWake receives when Assure has something to do.
func (l *Leader) AssureWake() <-chan struct{} { return l.horizon.wake }

// Assure asks the store once whether the end of the log is durable, unless that
// is known. One goroutine drives it, beside Turn, and calls it again and again:
// as soon as it is woken, and every now and then while an answer was no.
//
// Its error is nil or [ErrNotDurable], which say what the store says; after any
// other the next Assure asks the same again. [ErrConflict] means that the term is
// over, or that the store lost what this leader appended. A crash before the answer leaves a log that somebody else asks about.
func (l *Leader) Assure(ctx context.Context) (busy bool, err error) {
	r := l.ask()
	if r == nil {
		return false, nil
	}
	err = l.cfg.Syncer.Sync(ctx, l.term, r.through)
	for _, c := range l.answer(r, err) {
		l.assured(&c.batch)
	}
	return false, err
}

func (l *Leader) assured(c *history.Commit) {
	if l.cfg.Assured != nil {
		l.cfg.Assured(c)
	}
}

// ask returns the question that is to be asked, nil if there is none.
func (l *Leader) ask() *round {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.horizon
	if l.failed != nil || h.asked == nil && h.end.Seq == h.durable {
		return nil
	}
	if h.asked == nil {
		h.asked, h.next = h.next, nil
		if h.asked == nil {
			h.asked = &round{done: make(chan struct{})}
		}
		h.asked.through = h.end
	}
	return h.asked
}

// answer settles a question, unless the answer was none, and returns what became
// durable by it.
func (l *Leader) answer(r *round, err error) (durable []*commit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && !errors.Is(err, ErrNotDurable) || isClosed(r.done) {
		return nil
	}
	if err == nil {
		l.horizon.durable = max(l.horizon.durable, r.through.Seq)
		durable = l.horizon.release()
	}
	r.err = err
	close(r.done)
	if l.horizon.asked = nil; l.horizon.next != nil || err == nil && l.horizon.end.Seq > l.horizon.durable {
		l.wakeAssure()
	}
	return durable
}

// hold keeps a commit until it is durable. When there is no room it takes the
// place of the last one, which is in the log.
func (h *horizon) hold(c *commit) {
	if n := len(h.held); n > 1 && (n == maxHeld || h.bytes+c.size > maxHeldBytes) {
		h.bytes -= h.held[n-1].size
		h.held = h.held[:n-1]
	}
	h.held = append(h.held, c)
	h.bytes += c.size
}

// release returns what was held and is durable.
func (h *horizon) release() (durable []*commit) {
	n := 0
	for n < len(h.held) && h.held[n].batch.Seal.Last() <= h.durable {
		h.bytes -= h.held[n].size
		n++
	}
	durable, h.held = slices.Clone(h.held[:n]), slices.Delete(h.held, 0, n)
	return durable
}

func (l *Leader) wakeAssure() {
	select {
	case l.horizon.wake <- struct{}{}:
	default:
	}
}

// reached takes note of the end of the log, and of the commit there.
func (l *Leader) reached(end Tip, c *commit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.horizon.end = end; l.cfg.Syncer == nil {
		l.horizon.durable = end.Seq
		return
	}
	l.horizon.hold(c)
	l.wakeAssure()
}

// reach returns nil when a place that is in the log is durable. It waits for one
// answer of the store, at most for the end of the context.
func (l *Leader) reach(ctx context.Context, through uint64) error {
	r := l.roundFor(through)
	if r == nil {
		return nil
	}
	if !isClosed(r.done) {
		l.cfg.Await(ctx, r.done)
	}
	if isClosed(r.done) && r.err == nil {
		return nil
	}
	return domain.Errorf(domain.NotDurable, "replicas",
		"it is recorded, but too few replicas have it yet, so it may be lost: ask again with the same id")
}

// roundFor returns the question whose answer is about a place, nil when it is
// durable.
func (l *Leader) roundFor(through uint64) *round {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.horizon
	switch {
	case through <= h.durable:
		return nil
	case h.asked != nil && through <= h.asked.through.Seq:
		return h.asked
	case h.next == nil:
		h.next = &round{done: make(chan struct{})}
		if l.failed != nil {
			h.next.err = ErrNotDurable
			close(h.next.done)
		}
		l.wakeAssure()
	}
	return h.next
}

// giveUp tells everybody who waits that nobody will ask.
func (l *Leader) giveUp() {
	for _, r := range []*round{l.horizon.asked, l.horizon.next} {
		if r != nil && !isClosed(r.done) {
			r.err = ErrNotDurable
			close(r.done)
		}
	}
	l.horizon.asked = nil
}
