package rpcapi

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/herocode/horus/domain/signing"
)

// verifyGate checks signatures of callers that come at the same time together,
// which costs half. A lone caller's are checked at once; whoever comes while
// checks are running travels with all others who do.
type verifyGate struct {
	verifier *signing.Verifier
	running  chan struct{} // a place for each batch that may be checked at a time
	around   func() int    // how many are about to be at the gate, or were and will be again

	mu sync.Mutex

	next *verifyBatch // gathers while others run
	last time.Time    // when the last one began to be checked
}

const (
	// crowded is how many around the gate say that it pays to gather: a check in
	// company costs half of what it costs alone. Of fewer each loses more by
	// waiting than all gain.
	crowded = 16
	// gathering is how far apart batches begin then. Goroutines wake one by one:
	// without it a batch of 50 callers on two cores held 1.8 checks on average.
	gathering = time.Millisecond
	// plenty of checks gain nothing by more.
	plenty = 64
)

type verifyBatch struct {
	checks []signing.Check
	good   []bool
	done   chan struct{} // closed when good is final
}

func newVerifyGate(v *signing.Verifier, around func() int) *verifyGate {
	places := max(runtime.GOMAXPROCS(0)/2, 1) // the others decide, encode and serve
	return &verifyGate{verifier: v, running: make(chan struct{}, places), around: around}
}

// verify reports whether all of checks hold.
func (g *verifyGate) verify(checks []signing.Check) bool {
	return !slices.Contains(g.verdicts(checks), false)
}

// verdicts answers each of checks.
func (g *verifyGate) verdicts(checks []signing.Check) []bool {
	b, from, first := g.join(checks)
	if first {
		g.run(b)
	} else {
		<-b.done
	}
	return b.good[from : from+len(checks)]
}

// join adds checks to the batch that gathers. Its first caller runs it.
func (g *verifyGate) join(checks []signing.Check) (b *verifyBatch, from int, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first = g.next == nil; first {
		g.next = &verifyBatch{done: make(chan struct{})}
	}
	b = g.next
	from = len(b.checks)
	b.checks = append(b.checks, checks...)
	return b, from, first
}

// run waits for its turn and checks the batch, with all who joined until then.
func (g *verifyGate) run(b *verifyBatch) {
	g.running <- struct{}{}
	time.Sleep(g.patience(b))
	g.mu.Lock()
	g.next, g.last = nil, time.Now()
	g.mu.Unlock()
	b.good = make([]bool, len(b.checks))
	g.verifier.VerifyAll(b.checks, b.good)
	<-g.running
	close(b.done)
}

// patience returns how long a batch waits for company.
func (g *verifyGate) patience(b *verifyBatch) time.Duration {
	if g.around() < crowded {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(b.checks) >= plenty {
		return 0
	}
	return gathering - time.Since(g.last)
}
