package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client"
)

// How many clients there are, each of which knows all supervisors and calls
// another one first, and how many jobs each of them has under way.
const (
	clients = 3
	each    = 8
)

// refusedPause is how long a client waits before he submits another job.
const refusedPause = 200 * time.Millisecond

// load is clients who submit jobs, each one after the other, until it is
// acknowledged and has ended, however long that takes.
type load struct {
	w       *world
	orders  []order
	tally   *tally
	ctx     context.Context //nolint:containedctx // the life of the clients
	stop    context.CancelFunc
	callers sync.WaitGroup

	mu sync.Mutex

	acked    []*ack
	failures []string // what a client was told that he should not be
}

// ack is a job that was acknowledged.
type ack struct {
	id    string
	order order
	job   client.Job
	queue int       // of [queues]
	began time.Time // of the submit
	at    time.Time // of the receipt

	// What its client did and saw until he was done with it.
	done             bool
	asked            time.Time // for it to be stopped
	ended            time.Time // when he knew
	state            string    // that he saw in the end, of that attempt
	attempt          int
	deleted, dropped bool
}

// begin starts the clients. They submit such jobs until end is called, and then
// wait for what they submitted.
func (w *world) begin(seed uint64, orders []order) *load {
	w.t.Helper()
	l := &load{w: w, orders: orders, tally: newTally(), ctx: w.t.Context()}
	more, stop := context.WithCancel(l.ctx)
	l.stop = stop
	w.began = time.Now()
	for i := range clients {
		c := w.caller(l.tally.transport(), slices.Concat(w.addresses[i:], w.addresses[:i])...)
		for k := range each {
			random := rand.New(rand.NewPCG(seed, uint64(1+i*each+k))) //nolint:gosec // a load is no secret
			l.callers.Go(func() {
				for more.Err() == nil {
					l.one(c, random)
				}
			})
		}
	}
	return l
}

// one submits a job, waits for its end and looks at what it left.
func (l *load) one(c *client.Client, random *rand.Rand) {
	id, err := uuid.NewV7()
	if err != nil {
		l.fail("make an id: %v", err)
		return
	}
	a := &ack{id: id.String(), began: time.Now()}
	a.order, a.job, a.queue = l.w.draw(random, l.orders, a.id)
	receipt, err := c.Submit(l.ctx, a.job)
	if domain.ReasonOf(err) == "queue_drained" { // as an administrator has it
		time.Sleep(refusedPause)
		return
	}
	if err != nil || receipt.ID != a.id {
		l.fail("submit %s: %+v, %v", a.id, receipt, err)
		return
	}
	a.at = time.Now()
	l.mu.Lock()
	l.acked = append(l.acked, a)
	l.mu.Unlock()
	does := a.order.does
	if does == nil {
		does = await
	}
	if err := does(l.ctx, c, random, a); err != nil {
		l.fail("job %s (%s), which was acknowledged: %v", a.id, a.order.name, err)
		return
	}
	if a.order.prints && a.state == "completed" {
		l.read(c, a)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a.done = true
}

// read checks that everything is there that the last attempt printed, in order.
func (l *load) read(c *client.Client, a *ack) {
	logs, err := c.Logs(l.ctx, a.id, 0, 1000)
	next := 1
	for _, line := range logs.Lines {
		if line.Message == fmt.Sprintf("%d %d", a.attempt, next) {
			next++
		}
	}
	if err != nil || next <= lines {
		l.fail("job %s completed, and of the %d lines that it printed %d are there: %v", a.id, lines, next-1, err)
	}
}

// count returns how many jobs were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// goOn returns when some more jobs were acknowledged: all is well.
func (l *load) goOn() {
	l.w.t.Helper()
	const more = 40
	begun := l.count()
	l.w.eventually("clients go on", func(context.Context) error {
		if n := l.count() - begun; n < more {
			return fmt.Errorf("%d jobs were acknowledged, want %d", n, more)
		}
		return nil
	})
}

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, fmt.Sprintf(format, args...))
}

// end lets the clients finish what they began. It fails the test when they
// cannot: all faults are over, so whatever waits should go on.
func (l *load) end() {
	l.w.t.Helper()
	l.stop()
	done := make(chan struct{})
	go func() { l.callers.Wait(); close(done) }()
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case <-done:
		return
	case <-enough.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acked {
		if !a.done {
			l.w.t.Errorf("%s after the last fault job %s (%s), acknowledged at %s, has not ended", patience, a.id, a.order.name, a.at.Sub(l.w.began))
		}
	}
	l.w.t.FailNow()
}
