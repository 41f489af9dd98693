package client

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/herocode/horus/rpcapi/client/wire"
)

// Limits of gathering.
const (
	maxInFlight   = 2       // messages with submits: while these are under way, company gathers
	maxBatch      = 256     // submits in a message, which is the supervisor's limit
	maxBatchBytes = 4 << 20 // of a message: half of the supervisor's limit
)

// submitGate sends submits that are made at the same time in one message. A
// lone submit goes at once; nobody waits but for what is under way.
type submitGate struct {
	wires    *wires
	inFlight chan struct{}

	mu sync.Mutex

	open *submitBatch // gathers; nil when empty
}

// submitBatch is a message that gathers submits.
type submitBatch struct {
	calls    []request
	bytes    int
	done     chan struct{} // closed when the rest is final
	receipts []wire.Receipt
	errs     []error
}

func newSubmitGate(w *wires) *submitGate {
	return &submitGate{wires: w, inFlight: make(chan struct{}, maxInFlight)}
}

// submit sends a job once, alone or in company.
func (g *submitGate) submit(ctx context.Context, text wire.JobText) (wire.Receipt, error) {
	b, place := g.join(ctx, text)
	select {
	case <-b.done:
		return b.receipts[place], b.errs[place]
	case <-ctx.Done():
		return wire.Receipt{}, &UnreachableError{[]AddressError{{Err: ctx.Err()}}}
	}
}

// join adds a submit to the message that gathers. The first of a message sees
// to it that it is sent, however he himself fares.
func (g *submitGate) join(ctx context.Context, text wire.JobText) (b *submitBatch, place int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b = g.open; b == nil || len(b.calls) == maxBatch || b.bytes+len(text) > maxBatchBytes {
		b = &submitBatch{done: make(chan struct{})}
		g.open = b
		go g.send(context.WithoutCancel(ctx), b)
	}
	place = len(b.calls)
	b.calls = append(b.calls, request{"2.0", "jobs.submit", wire.Submit{Job: text}, place})
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
	b.receipts, b.errs = make([]wire.Receipt, len(b.calls)), make([]error, len(b.calls))
	if err := g.exchange(ctx, b); err != nil {
		for i := range b.errs {
			b.errs[i] = fmt.Errorf("call jobs.submit: %w", err)
		}
	}
	close(b.done)
}

// exchange sends the message and reads its answers. An error concerns all.
func (g *submitGate) exchange(ctx context.Context, b *submitBatch) error {
	if len(b.calls) == 1 {
		b.errs[0] = g.wires.call(ctx, "jobs.submit", b.calls[0].Params, &b.receipts[0])
		return nil
	}
	message, err := json.Marshal(b.calls)
	if err != nil {
		return err
	}
	reply, from, err := g.wires.post(ctx, message, g.wires.patience("jobs.submit"))
	if err != nil {
		return err
	}
	var answers []response
	if err := json.Unmarshal(reply, &answers); err != nil {
		var refusal response // of the message as a whole
		if json.Unmarshal(reply, &refusal) == nil && refusal.Error != nil {
			return g.wires.heed(from, errorOf(refusal.Error))
		}
		return notAnAnswer(err)
	}
	for i := range b.errs {
		b.errs[i] = errUnanswered()
	}
	for _, a := range answers {
		if a.ID != nil && 0 <= *a.ID && *a.ID < len(b.errs) {
			b.errs[*a.ID] = g.wires.heed(from, a.read(&b.receipts[*a.ID]))
		}
	}
	return nil
}

func errUnanswered() error {
	return &UnreachableError{[]AddressError{{Err: errors.New("the message was answered, but not this call")}}}
}
