package runnersdk

import (
	"context"
	"slices"
	"sync"

	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// outbox is what the process has to say: reports in order, of which one signed
// bundle at a time is under way. A bundle whose answer was lost is sent again
// as it is until there is an answer; its number makes it one.
type outbox struct {
	wake  chan struct{} // holds a token when there is something new
	laden chan struct{} // holds a token when what waits fills a bundle

	mu sync.Mutex

	waiting []item
	text    []byte        // of waiting, encoded when they were added and never again
	landed  chan struct{} // closed when the bundle under way arrived; then a new one
	ended   func(...*attempt)

	next   runner.Bundle // head of the next bundle; of the sender
	flight []item        // what is under way; of the sender
	signed runner.Signed // the same, as it is sent; of the sender
}

// item is a report on its way.
type item struct {
	size int      // encoded
	ends *attempt // that is over when the report arrived; nil for others
}

const (
	// fullReports and fullBytes are when nothing new is begun: what is there
	// fills bundles for a while.
	fullReports = 8 * runner.MaxReports
	fullBytes   = 2 * runner.MaxBundleBytes
	// bundleFrame is more than a bundle has besides its reports.
	bundleFrame = 512
)

// newOutbox makes an outbox whose first bundle has a head's number. ended is
// called with attempts of which nothing is left to say.
func newOutbox(head runner.Bundle, ended func(...*attempt)) *outbox {
	return &outbox{wake: make(chan struct{}, 1), laden: make(chan struct{}, 1), landed: make(chan struct{}), ended: ended, next: head}
}

// add adds a report. ends is the attempt whose last one it is, or nil.
func (o *outbox) add(r runner.Report, ends *attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := len(o.text)
	o.text = runner.AppendReport(o.text, r)
	o.waiting = append(o.waiting, item{len(o.text) - before, ends})
	signal(o.wake)
	o.weigh()
}

// forget is add for an attempt that ended without anything to be said.
func (o *outbox) forget(a *attempt) { o.ended(a) }

// signal leaves a token unless there is one.
func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// withdraw takes a token back if it is there.
func withdraw(wake <-chan struct{}) {
	select {
	case <-wake:
	default:
	}
}

// full reports whether so much waits that nothing new should be begun. There may
// be room again when landed is closed.
func (o *outbox) full() (full bool, landed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) >= fullReports || len(o.text) >= fullBytes, o.landed
}

// wait waits until the outbox is not full. It returns false when done is closed
// before.
func (o *outbox) wait(done <-chan struct{}) bool {
	for {
		full, landed := o.full()
		if !full {
			return true
		}
		select {
		case <-landed:
		case <-done:
			return false
		}
	}
}

// weigh leaves a token when what waits fills a bundle. o is locked.
func (o *outbox) weigh() {
	if len(o.waiting) >= runner.MaxReports || bundleFrame+len(o.text) >= runner.MaxBundleBytes {
		signal(o.laden)
	}
}

// empty reports whether everything was said and arrived.
func (o *outbox) empty() bool { return o.size() == 0 }

// size returns how many reports have not arrived.
func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) + len(o.flight)
}

// send sends the bundle that is under way, or the next one. It returns how many
// reports arrived.
func (o *outbox) send(ctx context.Context, line queue.Line, key signing.PrivateKey) (n int, err error) {
	if !o.load(key) {
		return 0, nil
	}
	if err := line.Send(ctx, o.signed); err != nil {
		return 0, err
	}
	return o.arrived(), nil
}

// load makes the next bundle unless one is under way, and reports whether one
// is now.
func (o *outbox) load(key signing.PrivateKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.flight) > 0 {
		return true
	}
	n, size := 0, 0
	for n < len(o.waiting) && n < runner.MaxReports && bundleFrame+size+o.waiting[n].size <= runner.MaxBundleBytes {
		size += o.waiting[n].size
		n++
	}
	if n == 0 {
		return false
	}
	o.flight = append(o.flight, o.waiting[:n]...)
	o.waiting = slices.Delete(o.waiting, 0, n)
	o.signed = o.next.SignReports(o.text[:size], key)
	o.text = slices.Delete(o.text, 0, size)
	o.next.Number++
	withdraw(o.laden) // what it was about is under way
	o.weigh()
	return true
}

// arrived takes note that the bundle is in the inbox, and returns how many
// reports it had.
func (o *outbox) arrived() int {
	o.mu.Lock()
	flight := o.flight
	o.flight = nil
	close(o.landed)
	o.landed = make(chan struct{})
	o.mu.Unlock()
	var over []*attempt
	for _, item := range flight {
		if item.ends != nil {
			over = append(over, item.ends)
		}
	}
	o.ended(over...)
	return len(flight)
}
