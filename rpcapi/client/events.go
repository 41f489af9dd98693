package client

import (
	"context"
	"iter"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Events returns events of the history as they are stored, and waits for the
// next one when the query says so. It needs an API key of scope admin. Whoever
// reads all of them can check them with package eventstore/audit.
func (c *Client) Events(ctx context.Context, q wire.EventQuery) (page wire.EventPage, err error) {
	err = c.Call(ctx, "events.read", q, &page)
	return page, err
}

// followEvents is how many events one call of [Client.FollowEvents] asks for.
const followEvents = 1000

// FollowEvents yields the events of the history after a place, and goes on with
// those that come, until ctx ends. The query selects them; its Limit and Wait are
// set here.
//
//	for event, err := range c.FollowEvents(ctx, wire.EventQuery{Types: []string{"job.completed"}}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(event.Seq, event.Event)
//	}
//
// Supervisors that stop, fail or cannot be reached do not end it: it asks again,
// with pauses, and goes on behind the last event that it yielded. Whoever keeps
// that event's number goes on there after his own restart. An error that does not
// pass is yielded, and ends it: a call that is not allowed, or, with the reason
// log_shorter, a history that ends before the place that was read.
func (c *Client) FollowEvents(ctx context.Context, q wire.EventQuery) iter.Seq2[wire.LogEvent, error] {
	return func(yield func(wire.LogEvent, error) bool) {
		limit, wait := followEvents, int64(followWait)
		q.Limit, q.Wait = &limit, &wait
		for {
			page, err := c.nextEvents(ctx, q)
			if err != nil {
				yield(wire.LogEvent{}, err)
				return
			}
			for i := range page.Events {
				if !yield(page.Events[i], nil) {
					return
				}
			}
			q.After = page.Next
		}
	}
}

// nextEvents asks for a page until it is answered.
func (c *Client) nextEvents(ctx context.Context, q wire.EventQuery) (wire.EventPage, error) {
	for {
		page, err := c.Events(ctx, q)
		after, again := retryAfter(err)
		switch {
		case err == nil && page.End < q.After:
			return page, domain.Errorf(domain.Halted, "log_shorter",
				"the history ends with event %d, and %d was read before: Redis lost its end, or this is another history; horus audit verify tells", page.End, q.After)
		case err == nil, !again:
			return page, err
		}
		if err := c.pause(ctx, max(after, time.Second)); err != nil {
			return page, err
		}
	}
}
