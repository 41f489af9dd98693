package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/herocode/horus/rpcapi/client/wire"
)

// Get returns everything that there is to know about a job.
func (c *Client) Get(ctx context.Context, id string) (view wire.Job, err error) {
	err = c.Call(ctx, "job.get", wire.JobID{ID: id}, &view)
	return view, err
}

// longPoll is how long one call waits for an outcome.
const longPoll = 30 * time.Second

// Wait returns a job once it has completed or failed, and waits for that until
// ctx ends.
func (c *Client) Wait(ctx context.Context, id string) (wire.Job, error) {
	for {
		view, ended, err := c.waitFor(ctx, id, longPoll)
		if ended || err != nil {
			return view, err
		}
	}
}

// waitFor waits for an outcome for whole seconds, and no longer than ctx.
func (c *Client) waitFor(ctx context.Context, id string, d time.Duration) (view wire.Job, ended bool, err error) {
	seconds := int64(d / time.Second)
	if deadline, ok := ctx.Deadline(); ok {
		left := int64(time.Until(deadline)/time.Second) + 1
		seconds = max(min(seconds, left), 1)
	}
	err = c.Call(ctx, "job.wait", wire.WaitFor{ID: id, Timeout: &seconds}, &view)
	if e, ok := errors.AsType[*Error](err); ok && e.Reason == stillRunning {
		return wire.Job{}, false, ctx.Err()
	}
	return view, err == nil, err
}

// Logs returns lines that a job wrote, after a number, 0 for the first; at most
// limit.
func (c *Client) Logs(ctx context.Context, id string, after uint64, limit int) (logs wire.Logs, err error) {
	err = c.Call(ctx, "job.logs", wire.LogQuery{ID: id, After: after, Limit: &limit}, &logs)
	return logs, err
}

// followEvery is how long new lines may wait to be seen.
const followEvery = time.Second

// Follow yields what a job wrote and goes on writing, after a number, until it
// has ended. The first error ends it.
func (c *Client) Follow(ctx context.Context, id string, after uint64) iter.Seq2[wire.Line, error] {
	return func(yield func(wire.Line, error) bool) {
		ended := false
		for {
			logs, err := c.Logs(ctx, id, after, 1000)
			if err != nil {
				yield(wire.Line{}, err)
				return
			}
			for _, line := range logs.Lines {
				if !yield(line, nil) {
					return
				}
			}
			after = logs.Next
			switch {
			case len(logs.Lines) > 0:
				continue
			case ended:
				return
			}
			if _, ended, err = c.waitFor(ctx, id, followEvery); err != nil {
				yield(wire.Line{}, err)
				return
			}
		}
	}
}

// List returns jobs, newest first, a page at a time.
func (c *Client) List(ctx context.Context, q wire.JobQuery) (page wire.JobPage, err error) {
	err = c.Call(ctx, "jobs.query", q, &page)
	return page, err
}

// History returns everything that happened to a job, with proof.
func (c *Client) History(ctx context.Context, id string) ([]wire.Event, error) {
	var history wire.History
	err := c.Call(ctx, "job.history", wire.JobID{ID: id}, &history)
	return history.Events, err
}

// Runners returns all runner ids and their processes.
func (c *Client) Runners(ctx context.Context) ([]wire.Runner, error) {
	var list wire.Runners
	err := c.Call(ctx, "runners.list", struct{}{}, &list)
	return list.Runners, err
}

// Runner returns one runner id and its processes.
func (c *Client) Runner(ctx context.Context, id string) (view wire.Runner, err error) {
	err = c.Call(ctx, "runner.status", wire.RunnerID{ID: id}, &view)
	return view, err
}

// Head returns where the history ends. Nothing about it is proved.
func (c *Client) Head(ctx context.Context) (head wire.Head, err error) {
	err = c.Call(ctx, "audit.head", struct{}{}, &head)
	return head, err
}

// Events returns events of the history as they are stored, and waits for the
// next one when the query says so. It needs an API key of scope admin. Whoever
// reads all of them can check them with package eventstore/audit.
func (c *Client) Events(ctx context.Context, q wire.EventQuery) (page wire.EventPage, err error) {
	err = c.Call(ctx, "events.read", q, &page)
	return page, err
}

// Info returns how the supervisor is and what it takes.
func (c *Client) Info(ctx context.Context) (info wire.Info, err error) {
	err = c.Call(ctx, "system.info", struct{}{}, &info)
	return info, err
}
