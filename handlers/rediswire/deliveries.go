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
	// Busy returns every queue of a job that waits or runs.
	Busy func(ctx context.Context) ([]job.Queue, error)
}

// Queues returns every queue of a job that waits or runs.
func (d *Deliveries) Queues(ctx context.Context) ([]job.Queue, error) { return d.Busy(ctx) }

// Pending returns all deliveries of a queue, in pages without the IDLE filter,
// which would scan the whole list on the server.
func (d *Deliveries) Pending(ctx context.Context, q job.Queue) ([]redelivery.Delivery, error) {
	var deliveries []redelivery.Delivery
	for start := "-"; ; {
		page, err := d.Reads.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: d.Keys.Jobs(q), Group: queue.Group, Start: start, End: "+", Count: pageSize,
		}).Result()
		if err != nil {
			return nil, pendingError(q, err)
		}
		var last queue.EntryID
		for _, p := range page {
			if last, err = queue.ParseEntryID(p.ID); err != nil {
				return nil, err
			}
			deliveries = append(deliveries, redelivery.Delivery{ID: last, Consumer: p.Consumer, Idle: p.Idle})
		}
		if len(page) < pageSize {
			return deliveries, nil
		}
		last.Seq++
		start = last.String()
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

// Adrift returns entries that were given to a consumer and that nobody holds.
func (d *Deliveries) Adrift(ctx context.Context, q job.Queue) ([]queue.EntryID, error) {
	var found []queue.EntryID
	for after := "0-0"; after != ""; {
		ids, err := adriftScript.Run(ctx, d.Reads, []string{d.Keys.Jobs(q)}, queue.Group, after, adriftPage).StringSlice()
		if err != nil || len(ids) == 0 {
			return nil, fmt.Errorf("look for entries of %s that nobody holds: %w", q, err)
		}
		for _, text := range ids[1:] {
			id, err := queue.ParseEntryID(text)
			if err != nil {
				return nil, err
			}
			found = append(found, id)
		}
		after = ids[0]
	}
	return found, nil
}

// Retire removes the consumers of processes of which nothing was heard for so
// long and that hold nothing.
func (d *Deliveries) Retire(ctx context.Context, q job.Queue, silent time.Duration) error {
	err := retireScript.Run(ctx, d.Writes, []string{d.Keys.Jobs(q)}, queue.Group, silent.Milliseconds()).Err()
	if err != nil {
		return pendingError(q, err)
	}
	return nil
}
