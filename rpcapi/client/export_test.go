package client

import (
	"context"
	"runtime"
	"time"
)

// WithoutPauses makes a client send again at once.
func WithoutPauses(c *Client) {
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
}

// AwaitGathered returns when so many submits have gathered.
func AwaitGathered(c *Client, n int) {
	for {
		c.gate.mu.Lock()
		gathered := c.gate.open != nil && len(c.gate.open.jobs) == n
		c.gate.mu.Unlock()
		if gathered {
			return
		}
		runtime.Gosched()
	}
}
