package engine

import "context"

// ahead reads and checks what follows in the log while what was read before is
// folded and committed: two cores do what one did. Nothing that reading touches
// of an engine is touched by folding.
type ahead struct {
	e    *Engine
	done chan struct{} // closed when the read that is on its way is over; nil while there is none

	steps []step // that it gave
	err   error
}

// read returns what one read up to the limit gives, none at the limit, and
// begins the next one.
func (a *ahead) read(ctx context.Context) ([]step, error) {
	a.begin(ctx)
	<-a.done
	steps, err := a.steps, a.err
	a.done = nil
	if err == nil && a.e.readTo < a.e.limit {
		a.begin(ctx)
	}
	return steps, err
}

func (a *ahead) begin(ctx context.Context) {
	if a.done != nil {
		return
	}
	done := make(chan struct{})
	a.done = done
	go func() {
		defer close(done)
		a.steps, a.err = a.e.fromLog(ctx)
	}()
}

// stop waits for the read that is on its way.
func (a *ahead) stop() {
	if a.done != nil {
		<-a.done
	}
}
