package redisqueue

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
)

// Take implements [queue.Claims]. Each queue is a command of its own: COUNT
// counts for each stream, and an error would hide what was claimed from the
// streams before it.
func (w *Wire) Take(ctx context.Context, process string, queues []job.Queue, limit int, wait time.Duration) ([]queue.Entry, error) {
	if len(queues) == 1 {
		return w.read(ctx, process, queues, ">", limit, wait)
	}
	var taken []queue.Entry
	var there []job.Queue
	first := int(w.turn.Add(1)) % len(queues) // none is served before the others for ever
	for i := range queues {
		q := queues[(first+i)%len(queues)]
		entries, err := w.read(ctx, process, []job.Queue{q}, ">", limit-len(taken), 0)
		if errors.Is(err, queue.ErrNoQueue) {
			continue
		}
		if err != nil {
			return nil, err // what was taken is pending
		}
		there, taken = append(there, q), append(taken, entries...)
		if len(taken) >= limit {
			return taken, nil
		}
	}
	switch {
	case len(there) == 0:
		return nil, queue.ErrNoQueue
	case len(taken) > 0 || wait <= 0:
		return taken, nil
	}
	return w.read(ctx, process, there, ">", 1, wait)
}

// Pending implements [queue.Claims].
func (w *Wire) Pending(ctx context.Context, process string, q job.Queue, after queue.EntryID, limit int) ([]queue.Entry, error) {
	return w.read(ctx, process, []job.Queue{q}, after.String(), limit, 0)
}

// read reads from the group, for a process.
func (w *Wire) read(ctx context.Context, process string, queues []job.Queue, after string, limit int, wait time.Duration) ([]queue.Entry, error) {
	args := redis.XReadGroupArgs{Group: queue.Group, Consumer: process, Count: int64(limit), Block: -1}
	for _, q := range queues {
		args.Streams = append(args.Streams, w.keys.Jobs(q))
	}
	for range queues {
		args.Streams = append(args.Streams, after)
	}
	client := w.calls
	if wait > 0 {
		client, args.Block = w.waits, max(wait, time.Millisecond)
		// An answer that comes later is lost, and what it delivered pending.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait+slack)
		defer cancel()
	}
	streams, err := client.XReadGroup(ctx, &args).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil && isMissing(err):
		return nil, queue.ErrNoQueue
	case err != nil:
		return nil, fmt.Errorf("read work queues: %w", err)
	}
	var entries []queue.Entry
	for _, s := range streams {
		q := queues[slices.Index(args.Streams, s.Stream)]
		for _, m := range s.Messages {
			entries = append(entries, queue.Entry{Queue: q, ID: m.ID, Fields: fieldsOf(m)})
		}
	}
	return entries, nil
}

// isMissing reports whether a queue or its group is not there, or went while a
// read of it waited.
func isMissing(err error) bool {
	return strings.HasPrefix(err.Error(), "NOGROUP") || strings.HasPrefix(err.Error(), "UNBLOCKED")
}

// fieldsOf returns a message's fields, which Redis has as strings; nil for one
// that was deleted while it was pending.
func fieldsOf(m redis.XMessage) map[string]string {
	if len(m.Values) == 0 {
		return nil
	}
	fields := make(map[string]string, len(m.Values))
	for name, value := range m.Values {
		fields[name], _ = value.(string)
	}
	return fields
}

// renewAtOnce is how many entries one call of the script renews: Redis does
// nothing else meanwhile.
const renewAtOnce = 256

//go:embed renew.lua
var renewSource string

var renewScript = redis.NewScript(renewSource)

// Renew implements [queue.Claims].
func (w *Wire) Renew(ctx context.Context, process string, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error) {
	var kept []queue.EntryID
	for some := range slices.Chunk(ids, renewAtOnce) {
		args := make([]any, 0, 2+len(some))
		args = append(args, queue.Group, process)
		for _, id := range some {
			args = append(args, id.String())
		}
		texts, err := renewScript.Run(ctx, w.calls, []string{w.keys.Jobs(q)}, args...).StringSlice()
		if err != nil && isMissing(err) {
			return nil, queue.ErrNoQueue
		}
		if err != nil {
			return nil, fmt.Errorf("renew entries: %w", err)
		}
		for _, text := range texts {
			id, err := queue.ParseEntryID(text)
			if err != nil {
				return nil, fmt.Errorf("renew entries: %w", err)
			}
			kept = append(kept, id)
		}
	}
	return kept, nil
}
