package sim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// World is one run: everything that there is, and what happens when.
type World struct {
	options Options
	random  *rand.Rand
	now     time.Duration // since it began
	passed  time.Duration // of the time of package time
	due     agenda
	order   uint64 // of what was put on the agenda
	trace   uint64 // hash of everything that happened, in order

	threads   int
	current   *thread
	processes []*process
	server    *server
	hall      *Hall
	weather   weather
	calmed    bool // nothing goes wrong any more
	calmAt    time.Duration
	ledger    *ledger
	story     *story
	counts    map[Fault]int

	replicated bool // the server has a replica, and what was acknowledged is there

	supervisors []*supervisor
	runners     []*worker
}

// item is something that will happen.
type item struct {
	at    time.Duration
	order uint64
	do    func()
}

// agenda is a heap of items, the next one first.
type agenda []item

func (a agenda) before(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}

func (a *agenda) push(it item) {
	*a = append(*a, it)
	h := *a
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.before(i, parent) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (a *agenda) pop() item {
	h := *a
	first := h[0]
	last := len(h) - 1
	h[0], h[last] = h[last], item{}
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h.before(child+1, child) {
			child++
		}
		if !h.before(child, i) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*a = h
	return first
}

// after has something happen in a while.
func (w *World) after(d time.Duration, do func()) {
	w.order++
	w.due.push(item{w.now + max(d, 0), w.order, do})
}

// until lets time pass until done, or for so long; it reports whether done.
func (w *World) until(most time.Duration, done func() bool) bool {
	end := w.now + most
	for !done() {
		if w.story.broken != "" || len(w.due) == 0 || w.due[0].at > end {
			return false
		}
		it := w.due.pop()
		w.now = it.at
		if w.now-w.passed > lag {
			w.catchUp()
		}
		it.do()
	}
	return true
}

// lag is how far the time of package time may be behind. Only deadlines of
// contexts follow it.
const lag = 20 * time.Millisecond

// catchUp lets the time of package time go on.
func (w *World) catchUp() {
	if behind := w.now - w.passed; behind > 0 {
		w.passed = w.now
		w.options.Pass(behind)
	}
}

// pass lets time pass.
func (w *World) pass(d time.Duration) { w.until(d, func() bool { return false }) }

// note makes something part of the trace.
func (w *World) note(what uint64) {
	const prime = 1099511628211 // FNV-1a
	w.trace = (w.trace ^ uint64(w.now)) * prime
	w.trace = (w.trace ^ what) * prime
}

// noteBytes makes bytes part of the trace.
func (w *World) noteBytes(data []byte) {
	h := fnv.New64a()
	_, _ = h.Write(data) // never fails
	w.note(h.Sum64())
}

// chance is true so often in a thousand.
func (w *World) chance(perMille int) bool { return w.random.IntN(1000) < perMille }

// between draws a duration.
func (w *World) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)+1))
}

// jitter is how long the scheduler of a process takes.
func (w *World) jitter() time.Duration { return w.between(time.Microsecond, 200*time.Microsecond) }

// calmFrom returns when all was calm for a while; a time that never comes before
// there is an end of faults.
func (w *World) calmFrom(d time.Duration) time.Duration {
	if !w.calmed {
		return math.MaxInt64 / 2
	}
	return w.calmAt + d
}

// fail ends the run: something that must hold does not.
func (w *World) fail(job, format string, args ...any) { w.story.fail(job, format, args...) }
