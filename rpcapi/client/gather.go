package client

import (
	"context"
	"errors"
	"sync"

	"github.com/herocode/horus/rpcapi/client/wire"
)

// Limits of gathering.
const (
	maxInFlight   = 2       // messages with submits: while these are under way, company gathers
	maxGathered   = 256     // submits in a message: what fits into one commit
	maxBatchBytes = 4 << 20 // of a message: half of the supervisor's limit
)

// submitGate sends submits that are made at the same time in one message. A
// lone submit goes at once; nobody waits but for what is under way.
type submitGate struct {
	post     *post
	inFlight chan struct{}

	mu sync.Mutex

	open *submitBatch // gathers; nil when empty
}

// submitBatch is a message that gathers submits.
type submitBatch struct {
	jobs     []wire.JobText
	bytes    int
	done     chan struct{} // closed when the rest is final
	verdicts []Verdict
}

func newSubmitGate(p *post) *submitGate {
	return &submitGate{post: p, inFlight: make(chan struct{}, maxInFlight)}
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
	if b = g.open; b == nil || len(b.jobs) == maxGathered || b.bytes+len(text) > maxBatchBytes {
		b = &submitBatch{done: make(chan struct{})}
		g.open = b
		go g.send(context.WithoutCancel(ctx), b)
	}
	place = len(b.jobs)
	b.jobs = append(b.jobs, text)
	b.bytes += len(text)
	return b, place
}

// send waits for its turn and sends the message, with all who joined until
// then.
func (g *submitGate) send(ctx context.Context, b *submitBatch) {
	g.inFlight <- struct{}{}
	defer func() { <-g.inFlight }()
	g.mu.Lock()
	if g.open == b {
		g.open = nil
	}
	g.mu.Unlock()
	verdicts, err := g.post.submit(ctx, b.jobs)
	if err != nil {
		verdicts = make([]Verdict, len(b.jobs))
		for i := range verdicts {
			verdicts[i].Err = err
		}
	}
	b.verdicts = verdicts
	close(b.done)
}

func errUnanswered() error {
	return &UnreachableError{[]AddressError{{Err: errors.New("the message was answered, but not this call")}}}
}
