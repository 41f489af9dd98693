package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Get returns everything that there is to know about a job.
func (c *Client) Get(ctx context.Context, id string) (view wire.Job, err error) {
	err = c.Call(ctx, "job.get", wire.JobID{ID: id}, &view)
	return view, err
}

// longPoll is how long one call waits for an outcome.
const longPoll = 30 * time.Second

// Wait returns a job once it has its outcome: it completed, failed or was
// stopped, which its State tells. It waits for that until ctx ends, whose error
// it returns then. The job goes on in any case.
func (c *Client) Wait(ctx context.Context, id string) (wire.Job, error) {
	for {
		view, ended, err := c.waitOnce(ctx, id)
		if ended || err != nil {
			return view, err
		}
	}
}

// waitOnce waits for an outcome in one call, and hardly longer than ctx.
func (c *Client) waitOnce(ctx context.Context, id string) (view wire.Job, ended bool, err error) {
	seconds := int64(longPoll / time.Second)
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

// Logs returns lines that a job wrote, behind the line of a number, 0 for the
// first; at most limit, from 1 to 1,000. Next of the answer is the number to go
// on behind.
func (c *Client) Logs(ctx context.Context, id string, after uint64, limit int) (logs wire.Logs, err error) {
	err = c.Call(ctx, "job.logs", wire.LogQuery{ID: id, After: after, Limit: &limit}, &logs)
	return logs, err
}

// followWait is how many seconds one call waits for a line.
const followWait = 20

// Follow yields what a job wrote, behind the line of a number, 0 for the first,
// and goes on with what it writes until it has ended. The first error ends it.
func (c *Client) Follow(ctx context.Context, id string, after uint64) iter.Seq2[wire.Line, error] {
	return func(yield func(wire.Line, error) bool) {
		for limit, ended := 1000, false; !ended; {
			var logs wire.Logs
			q := wire.LogQuery{ID: id, After: after, Limit: &limit, Wait: followWait}
			if err := c.Call(ctx, "job.logs", q, &logs); err != nil {
				yield(wire.Line{}, err)
				return
			}
			for _, line := range logs.Lines {
				if !yield(line, nil) {
					return
				}
			}
			after, ended = logs.Next, logs.Ended
		}
	}
}

// List returns jobs, newest first, a page at a time: the Cursor of one page in
// the query asks for the next, and the last one has none.
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

// Explain tells why a job does not run; Waiting of the answer is nil when nothing
// keeps it.
func (c *Client) Explain(ctx context.Context, id string) (why wire.Explanation, err error) {
	err = c.Call(ctx, "job.explain", wire.JobID{ID: id}, &why)
	return why, err
}

// Stop asks for a job to be stopped. A job that may be running is stopping when
// it returns: Wait tells how that ended. A job that has its outcome keeps it.
func (c *Client) Stop(ctx context.Context, id string) error {
	return c.Call(ctx, "job.stop", wire.JobID{ID: id}, nil)
}

// Delete takes a job that has its outcome out of all lists. Its history stays,
// and its id stays taken.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.Call(ctx, "job.delete", wire.JobID{ID: id}, nil)
}

// Dead returns jobs that failed and that nobody replayed, dropped or deleted,
// newest first, a page at a time as [Client.List] does.
func (c *Client) Dead(ctx context.Context, q wire.DeadQuery) (page wire.JobPage, err error) {
	err = c.Call(ctx, "dead.list", q, &page)
	return page, err
}

// DeadJob returns a job that failed, with its whole story.
func (c *Client) DeadJob(ctx context.Context, id string) (view wire.DeadJob, err error) {
	err = c.Call(ctx, "dead.get", wire.JobID{ID: id}, &view)
	return view, err
}

// Replay gives jobs that failed new attempts: one, or at most 1,000 by filter.
func (c *Client) Replay(ctx context.Context, r wire.Replay) (done wire.DeadDone, err error) {
	err = c.Call(ctx, "dead.replay", r, &done)
	return done, err
}

// Drop takes jobs that failed off the dead-letter list: one, or at most 1,000
// by filter.
func (c *Client) Drop(ctx context.Context, target wire.DeadTarget) (done wire.DeadDone, err error) {
	err = c.Call(ctx, "dead.drop", target, &done)
	return done, err
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

// Info returns how the supervisor is and what it takes.
func (c *Client) Info(ctx context.Context) (info wire.Info, err error) {
	err = c.Call(ctx, "system.info", struct{}{}, &info)
	return info, err
}

// PauseQueue has runners take nothing from a queue, runner:<id> or
// executor:<kind>, and returns the mode that it is in. DrainQueue takes no more
// jobs into it, ResumeQueue ends both. They need an API key of scope admin.
func (c *Client) PauseQueue(ctx context.Context, queue string) (domain.Mode, error) {
	return c.onQueue(ctx, "queue.pause", queue)
}

// DrainQueue takes no more jobs into a queue; those that are in it run.
func (c *Client) DrainQueue(ctx context.Context, queue string) (domain.Mode, error) {
	return c.onQueue(ctx, "queue.drain", queue)
}

// ResumeQueue opens a queue that was paused or drained.
func (c *Client) ResumeQueue(ctx context.Context, queue string) (domain.Mode, error) {
	return c.onQueue(ctx, "queue.resume", queue)
}

func (c *Client) onQueue(ctx context.Context, method, queue string) (domain.Mode, error) {
	var answer wire.QueueMode
	err := c.Call(ctx, method, wire.QueueName{Queue: queue}, &answer)
	return answer.Mode, err
}

// RegisterRunner says that a runner is to come; the label is what people call
// its queue. It needs an API key of scope admin or registrar.
func (c *Client) RegisterRunner(ctx context.Context, id, label string) (r wire.RunnerLabel, err error) {
	err = c.Call(ctx, "runners.register", wire.RunnerLabel{ID: id, Label: label}, &r)
	return r, err
}

// PauseRunner has the processes of a runner take nothing, and returns the mode
// that it is in. DrainRunner has them end besides, ResumeRunner ends both. They
// need an API key of scope admin.
func (c *Client) PauseRunner(ctx context.Context, id string) (domain.Mode, error) {
	return c.onRunner(ctx, "runner.pause", id)
}

// DrainRunner has the processes of a runner finish what they run, and end.
func (c *Client) DrainRunner(ctx context.Context, id string) (domain.Mode, error) {
	return c.onRunner(ctx, "runner.drain", id)
}

// ResumeRunner lets the processes of a runner take jobs again.
func (c *Client) ResumeRunner(ctx context.Context, id string) (domain.Mode, error) {
	return c.onRunner(ctx, "runner.resume", id)
}

// RemoveRunner takes a runner whose processes have left or are gone out of the
// lists, until one of them joins again. It needs an API key of scope admin.
func (c *Client) RemoveRunner(ctx context.Context, id string) (domain.Mode, error) {
	return c.onRunner(ctx, "runner.remove", id)
}

// Queues returns all work queues.
func (c *Client) Queues(ctx context.Context) ([]wire.Queue, error) {
	var list wire.Queues
	err := c.Call(ctx, "queues.list", struct{}{}, &list)
	return list.Queues, err
}

// Poison returns messages that no handler of the supervisor could cope with, the
// oldest first. Like ReplayPoison, which hands some to their handlers once more,
// and DropPoison, it needs an API key of scope admin.
func (c *Client) Poison(ctx context.Context, q wire.PoisonQuery) ([]wire.PoisonMessage, error) {
	var list wire.PoisonMessages
	err := c.Call(ctx, "poison.list", q, &list)
	return list.Messages, err
}

// ReplayPoison hands messages to their handlers once more.
func (c *Client) ReplayPoison(ctx context.Context, t wire.PoisonTarget) (moved wire.PoisonMoved, err error) {
	err = c.Call(ctx, "poison.replay", t, &moved)
	return moved, err
}

// DropPoison removes messages for good.
func (c *Client) DropPoison(ctx context.Context, t wire.PoisonTarget) (moved wire.PoisonMoved, err error) {
	err = c.Call(ctx, "poison.drop", t, &moved)
	return moved, err
}

func (c *Client) onRunner(ctx context.Context, method, id string) (domain.Mode, error) {
	var answer wire.RunnerMode
	err := c.Call(ctx, method, wire.RunnerID{ID: id}, &answer)
	return answer.Mode, err
}
