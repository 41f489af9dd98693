package chaos

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/herocode/horus/domain"
)

// byHand is an administrator who closes a queue or a runner id, and opens it
// again. Both take as long as it takes to find a leader, so he does it on his
// own.
type byHand struct {
	opening chan struct{} // closed when it is to be opened again
	done    chan struct{} // closed when the rest is final

	closed time.Time // when he was told that it is
	opened time.Time // when he asked for that
	err    error
}

// change is a call that changes how a queue or a runner id works.
type change func(ctx context.Context, name string) (domain.Mode, error)

// queues and runnerIDs are what the runners of a world serve.
func queues() [Queues]string       { return [...]string{"runner:r1", "executor:sh", "runner:r3"} }
func runnerIDs() [RunnerIDs]string { return [...]string{"r1", "r2", "r3"} }

// close has a queue or runner id paused or drained.
func (w *world) close(f Fault) *byHand {
	w.t.Helper()
	c := w.client(w.addresses...)
	name, shut, open := queues()[f.Index], change(c.PauseQueue), change(c.ResumeQueue)
	if f.Kind == Drain {
		shut = c.DrainQueue
	}
	if f.Role == RunnerID {
		name, shut, open = runnerIDs()[f.Index], c.PauseRunner, c.ResumeRunner
		if f.Kind == Drain {
			shut = c.DrainRunner
		}
	}
	b := &byHand{opening: make(chan struct{}), done: make(chan struct{})}
	go b.do(w.t.Context(), name, shut, open)
	return b
}

func (b *byHand) do(ctx context.Context, name string, shut, open change) {
	defer close(b.done)
	_, b.err = shut(ctx, name)
	b.closed = time.Now()
	<-b.opening
	b.opened = time.Now()
	_, err := open(ctx, name)
	b.err = errors.Join(b.err, err)
}

// open has it opened again.
func (b *byHand) open() { close(b.opening) }

// wait waits until it is open.
func (b *byHand) wait() error {
	<-b.done
	return b.err
}

// heard is how long runners may take to hear that they are to take nothing: they
// look twice a second.
const heard = time.Second

// wasPaused reports whether a run began on a queue, or in a process of a runner
// id, that had been paused for a while. What a process was given before that it
// may begin later, when it was stopped or cut off itself.
func (w *world) wasPaused(r *run, queue int) bool {
	return slices.ContainsFunc(w.hits, func(h *hit) bool {
		if h.Kind != Pause || r.began.Before(h.order.closed.Add(heard)) || r.began.After(h.order.opened) {
			return false
		}
		if h.Role == Queue {
			return h.Index == queue
		}
		return slices.ContainsFunc(w.runners, func(p *program) bool {
			return strings.HasSuffix(p.name, "("+runnerIDs()[h.Index]+")") &&
				slices.ContainsFunc(p.past(), func(l life) bool { return l.pid == r.runner })
		})
	})
}
