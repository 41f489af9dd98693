package rpcapi

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/herocode/horus/domain/signing"
)

// verifyGate checks signatures of callers that come at the same time together,
// which costs half. A lone caller's are checked at once; whoever comes while
// checks are running travels with all others who do.
type verifyGate struct {
	verifier *signing.Verifier
	running  chan struct{} // a place for each batch that may be checked at a time
	company  atomic.Bool   // the last batch was of several callers

	mu sync.Mutex

	next *verifyBatch // gathers while others run
}

type verifyBatch struct {
	callers int
	checks  []signing.Check
	good    []bool
	done    chan struct{} // closed when good is final
}

func newVerifyGate(v *signing.Verifier) *verifyGate {
	places := max(runtime.GOMAXPROCS(0)/2, 1) // the others decide, encode and serve
	return &verifyGate{verifier: v, running: make(chan struct{}, places)}
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
	b.callers++
	b.checks = append(b.checks, checks...)
	return b, from, first
}

// run waits for its turn and checks the batch, with all who joined until then.
func (g *verifyGate) run(b *verifyBatch) {
	g.running <- struct{}{}
	if g.company.Load() {
		runtime.Gosched() // goroutines wake one by one: let those who are ready join
	}
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	g.company.Store(b.callers > 1)
	b.good = make([]bool, len(b.checks))
	g.verifier.VerifyAll(b.checks, b.good)
	<-g.running
	close(b.done)
}
