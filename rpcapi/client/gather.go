package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/herocode/horus/rpcapi/client/wire"
)

// Limits of gathering.
const (
	maxInFlight   = 2       // messages with submits: while these are under way, company gathers
	maxGathered   = 256     // submits in a message: what fits into one commit
	maxBatchBytes = 4 << 20 // of a message: half of the supervisor's limit

	// company is how many submits in a message say that it pays to send as many
	// together again: their callers come back within gatherTime.
	company    = 16
	gatherTime = time.Millisecond
)

// submitGate sends submits that are made at the same time in one message. A
// lone submit goes at once, beside another one if need be. Where there are many
// callers one message is under way, and those who came back with the last one
// are given a moment to submit again: else whoever is the first to come back
// leaves alone, and half of the messages of 50 goroutines are such.
type submitGate struct {
	post func(context.Context, []wire.JobText) ([]Verdict, error)

	mu sync.Mutex

	open     *submitBatch // gathers; nil when empty
	inFlight int
	landed   sync.Cond // somebody may go: a message landed, or is full
	crowd    int       // submits that may be in the next message, by who came back and who waited then
}

// submitBatch is a message that gathers submits.
type submitBatch struct {
	jobs     []wire.JobText
	bytes    int
	full     bool
	together chan struct{} // holds a token when as many joined as are waited for, or fit; nil while nobody waits
	done     chan struct{} // closed when the rest is final
	verdicts []Verdict
}

func newSubmitGate(post func(context.Context, []wire.JobText) ([]Verdict, error)) *submitGate {
	g := &submitGate{post: post}
	g.landed.L = &g.mu
	return g
}

// submit sends a job once, alone or in company.
func (g *submitGate) submit(ctx context.Context, text wire.JobText) (wire.Receipt, error) {
	b, place := g.join(ctx, text)
	select {
	case <-b.done:
		return b.verdicts[place].Receipt, b.verdicts[place].Err
	case <-ctx.Done():
		return wire.Receipt{}, &UnreachableError{[]AddressError{{Err: ctx.Err()}}}
	}
}

// join adds a submit to the message that gathers. The first of a message sees
// to it that it is sent, however he himself fares.
func (g *submitGate) join(ctx context.Context, text wire.JobText) (b *submitBatch, place int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && (len(g.open.jobs) == maxGathered || g.open.bytes+len(text) > maxBatchBytes) {
		g.open.full = true
		g.open.gathered()
		g.open = nil
		g.landed.Broadcast()
	}
	if b = g.open; b == nil {
		b = &submitBatch{done: make(chan struct{})}
		g.open = b
		go g.send(context.WithoutCancel(ctx), b)
	}
	place = len(b.jobs)
	b.jobs = append(b.jobs, text)
	b.bytes += len(text)
	if len(b.jobs) >= g.crowd {
		b.gathered()
	}
	return b, place
}

// gathered says that nobody else is waited for. The gate is locked.
func (b *submitBatch) gathered() {
	select {
	case b.together <- struct{}{}:
	default: // they know, or nobody waits
	}
}

// send waits for its turn and for its company and sends the message, with all
// who joined until then.
func (g *submitGate) send(ctx context.Context, b *submitBatch) {
	g.depart(b)
	verdicts, err := g.post(ctx, b.jobs)
	if err != nil {
		verdicts = make([]Verdict, len(b.jobs))
		for i := range verdicts {
			verdicts[i].Err = err
		}
	}
	b.verdicts = verdicts
	g.mu.Lock()
	g.land(b)
	g.mu.Unlock()
	close(b.done)
}

// land takes note of who comes back. The gate is locked.
func (g *submitGate) land(b *submitBatch) {
	back := len(b.jobs)
	if g.open != nil {
		back += len(g.open.jobs)
	}
	if g.inFlight--; g.inFlight > 0 {
		back = max(back, g.crowd)
	}
	g.crowd = min(back, maxGathered)
	g.landed.Broadcast()
}

// depart returns when a message is to be sent, which nobody joins any more.
func (g *submitGate) depart(b *submitBatch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.inFlight > 0 && (g.inFlight == maxInFlight || g.crowd >= company && !b.full) {
		g.landed.Wait()
	}
	g.inFlight++
	if g.crowd >= company && len(b.jobs) < g.crowd && !b.full {
		b.together = make(chan struct{}, 1)
		g.mu.Unlock()
		late := time.NewTimer(gatherTime)
		select {
		case <-b.together:
		case <-late.C:
		}
		late.Stop()
		g.mu.Lock()
	}
	g.crowd = max(g.crowd, len(b.jobs))
	if g.open == b {
		g.open = nil
	}
}

func errUnanswered() error {
	return &UnreachableError{[]AddressError{{Err: errors.New("the message was answered, but not this call")}}}
}
