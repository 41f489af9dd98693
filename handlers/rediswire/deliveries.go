package rediswire

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/runnersdk/queue"
)

// pageSize is how many deliveries one question is about.
const pageSize = 1000

// Deliveries looks at what is delivered from the work queues.
type Deliveries struct {
	Reads  redis.UniversalClient
	Writes redis.UniversalClient
	Keys   queue.Keys
}

// Pending returns all deliveries of queues, in pages without the IDLE filter,
// which would scan the whole list on the server. It takes one round trip, and
// one more for each further page of a queue.
func (d *Deliveries) Pending(ctx context.Context, queues []job.Queue) ([][]redelivery.Delivery, error) {
	found := make([][]redelivery.Delivery, len(queues))
	pipe := d.Reads.Pipeline()
	pages := make([]*redis.XPendingExtCmd, len(queues))
	for i, q := range queues {
		pages[i] = d.page(ctx, pipe, q, "-")
	}
	if _, err := pipe.Exec(ctx); err != nil && len(queues) > 0 {
		for i, page := range pages {
			if page.Err() != nil {
				return nil, pendingError(queues[i], page.Err())
			}
		}
		return nil, pendingError(queues[0], err)
	}
	for i, q := range queues {
		var err error
		if found[i], err = d.pages(ctx, q, pages[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (d *Deliveries) page(ctx context.Context, c redis.StreamCmdable, q job.Queue, start string) *redis.XPendingExtCmd {
	return c.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: d.Keys.Jobs(q), Group: queue.Group, Start: start, End: "+", Count: pageSize,
	})
}

// pages returns the deliveries of a page and of those that follow.
func (d *Deliveries) pages(ctx context.Context, q job.Queue, page *redis.XPendingExtCmd) ([]redelivery.Delivery, error) {
	var deliveries []redelivery.Delivery
	for {
		pending, err := page.Result()
		if err != nil {
			return nil, pendingError(q, err)
		}
		var last queue.EntryID
		for _, p := range pending {
			if last, err = queue.ParseEntryID(p.ID); err != nil {
				return nil, err
			}
			deliveries = append(deliveries, redelivery.Delivery{ID: last, Consumer: p.Consumer, Idle: p.Idle})
		}
		if len(pending) < pageSize {
			return deliveries, nil
		}
		last.Seq++
		page = d.page(ctx, d.Reads, q, last.String())
	}
}

// pendingError tells a queue whose group vanished from other trouble: only a
// new beginning of the leader brings it back in order.
func pendingError(q job.Queue, err error) error {
	if strings.HasPrefix(err.Error(), "NOGROUP") {
		return domain.Errorf(domain.Halted, "group_lost", "the consumer group of queue %s is gone", q)
	}
	return fmt.Errorf("look at deliveries of %s: %w", q, err)
}

var (
	//go:embed adrift.lua
	adriftSource string
	//go:embed retire.lua
	retireSource string
)

var (
	adriftScript = redis.NewScript(adriftSource)
	retireScript = redis.NewScript(retireSource)
)

// adriftPage is how many entries one call of the script looks at: Redis reads
// what is in them, and does nothing else meanwhile.
const adriftPage = 100

// search is a queue, by its index, and the entry behind which to go on.
type search struct {
	queue int
	after string
}

// Adrift returns entries of queues that were given to a consumer and that nobody
// holds. It takes one round trip, and one more for each further page.
func (d *Deliveries) Adrift(ctx context.Context, queues []job.Queue) ([][]queue.EntryID, error) {
	found := make([][]queue.EntryID, len(queues))
	open := make([]search, len(queues))
	for i := range open {
		open[i] = search{i, "0-0"}
	}
	for len(open) > 0 {
		replies, err := evaluate(ctx, d.Reads, adriftScript, len(open), func(i int) ([]string, []any) {
			return []string{d.Keys.Jobs(queues[open[i].queue])}, []any{queue.Group, open[i].after, adriftPage}
		})
		if err != nil {
			return nil, fmt.Errorf("look for entries that nobody holds: %w", err)
		}
		var more []search
		for i, reply := range replies {
			q := open[i].queue
			ids, err := reply.StringSlice()
			if err != nil || len(ids) == 0 {
				return nil, fmt.Errorf("look for entries of %s that nobody holds: %w", queues[q], err)
			}
			for _, text := range ids[1:] {
				id, err := queue.ParseEntryID(text)
				if err != nil {
					return nil, err
				}
				found[q] = append(found[q], id)
			}
			if ids[0] != "" {
				more = append(more, search{q, ids[0]})
			}
		}
		open = more
	}
	return found, nil
}

// Retire removes the consumers of processes of which nothing was heard for so
// long and that hold nothing.
func (d *Deliveries) Retire(ctx context.Context, queues []job.Queue, silent time.Duration) error {
	replies, err := evaluate(ctx, d.Writes, retireScript, len(queues), func(i int) ([]string, []any) {
		return []string{d.Keys.Jobs(queues[i])}, []any{queue.Group, silent.Milliseconds()}
	})
	for i, reply := range replies {
		if reply.Err() != nil {
			return pendingError(queues[i], reply.Err())
		}
	}
	return err
}

// evaluate runs a script n times in one round trip, and once more where Redis
// does not know it yet. Its error is that of the first one that failed.
func evaluate(
	ctx context.Context, client redis.UniversalClient, script *redis.Script, n int, call func(i int) (keys []string, args []any),
) ([]*redis.Cmd, error) {
	run := script.EvalSha
	for again := false; ; again = true {
		pipe := client.Pipeline()
		replies := make([]*redis.Cmd, n)
		for i := range replies {
			keys, args := call(i)
			replies[i] = run(ctx, pipe, keys, args...)
		}
		if n == 0 {
			return nil, nil
		}
		_, err := pipe.Exec(ctx)
		if again || !redis.HasErrorPrefix(err, "NOSCRIPT") {
			return replies, err
		}
		run = script.Eval
	}
}
