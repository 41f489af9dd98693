package audit

import (
	"runtime"
	"sync"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// batch is how many signatures are checked at once, at least: from there on a
// larger batch costs no less for each.
const batch = 64

// notary has signatures checked in batches, on all processors, while the log is
// read on. Only what runs concurrently is behind the lock.
type notary struct {
	verifier *signing.Verifier
	gathered history.Signatures
	slots    chan struct{} // one a batch that is being checked
	running  sync.WaitGroup

	mu sync.Mutex

	forged error // the fault at the lowest place
}

func newNotary(v *signing.Verifier) *notary {
	return &notary{verifier: v, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// ask takes over the signatures of a commit, in the order of the log. Its error
// is some signature, asked for now or before, that does not hold.
func (n *notary) ask(s history.Signatures) error {
	n.gathered.Append(s)
	if len(n.gathered.Checks) >= batch {
		n.send()
	}
	return n.answer()
}

// send starts to check what was gathered, as soon as a processor is free.
func (n *notary) send() {
	sent := n.gathered
	n.gathered = history.Signatures{}
	n.slots <- struct{}{}
	n.running.Go(func() {
		defer func() { <-n.slots }()
		if err := sent.Verify(n.verifier); err != nil {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.forged = history.Earlier(n.forged, err)
		}
	})
}

func (n *notary) answer() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.forged
}

// settle waits for all that was asked. Its error is the fault at the lowest
// place.
func (n *notary) settle() error {
	n.send()
	n.running.Wait()
	return n.answer()
}
