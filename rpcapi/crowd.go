package rpcapi

import (
	"context"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// crowd bounds how many are at something at the same time, and how many of them
// for one caller. The newest are sent away; those who are in stay.
type crowd struct {
	most, ofOne int

	mu sync.Mutex

	all int
	by  map[string]int
}

func newCrowd(most, ofOne int) *crowd { return &crowd{most: most, ofOne: ofOne, by: map[string]int{}} }

// enter lets n in together, or none of them.
func (c *crowd) enter(who string, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all+n > c.most || c.by[who]+n > c.ofOne {
		return false
	}
	c.all += n
	c.by[who] += n
	return true
}

// leave is the end of what n entered.
func (c *crowd) leave(who string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all -= n
	if c.by[who] -= n; c.by[who] == 0 {
		delete(c.by, who)
	}
}

// size is how many are in.
func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// When callers who were sent away have a chance: submits go as fast as commits
// do, and who waits does so for long.
const (
	againSubmit = 250 * time.Millisecond
	againWait   = time.Second
)

// enterSubmit begins to take n jobs in, unless too many are on their way into
// the history already: a supervisor that takes more than it can do does less.
// What was taken goes on meanwhile, and so does all that is not new. done must be
// called when they are in.
func (a *API) enterSubmit(n int) (done func(), err error) {
	const anybody = "" // a signed job is nobody's key's
	if !a.submits.enter(anybody, n) {
		return nil, jsonrpc.RetryAfter(domain.Errorf(domain.Overloaded, "submits",
			"%d jobs are on their way into the history, and no more are taken meanwhile: come back later", a.cfg.Limits.Submits), againSubmit)
	}
	return func() { a.submits.leave(anybody, n) }, nil
}

// seat lets a call wait for something, unless too many do. leave gives the seat
// up.
func (a *API) seat(ctx context.Context) (leave func(), err error) {
	who := callerFrom(ctx).Name
	if !a.waits.enter(who, 1) {
		return nil, jsonrpc.RetryAfter(domain.Errorf(domain.Overloaded, "waits",
			"%d calls wait already, or %d of this API key: come back later, or ask without waiting", a.cfg.Limits.Waits, a.cfg.Limits.WaitsPerKey), againWait)
	}
	return func() { a.waits.leave(who, 1) }, nil
}
