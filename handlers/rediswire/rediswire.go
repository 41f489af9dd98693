// Package rediswire is the supervisor's end of the wire to its runners on
// Redis Streams: the inbox that they report to, what they hold of the work
// queues, and the signs of life that they leave.
package rediswire

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/runnersdk/queue"
)

// controlLength is about how many notices a control stream keeps: a process
// that missed one asks again.
const controlLength = 1000

// Inbox reads the bundles of one partition's runners.
type Inbox struct {
	Reads  redis.UniversalClient // blocks: a client of its own
	Writes redis.UniversalClient
	Keys   queue.Keys
	Term   uint64 // of the leader, without which nothing is dropped
}

// Read returns the oldest letters, and waits for the first one.
func (b *Inbox) Read(ctx context.Context, limit int, wait time.Duration) ([]intake.Letter, error) {
	block := wait
	if wait == 0 {
		block = -1 // go-redis: no BLOCK at all
	}
	streams, err := b.Reads.XRead(ctx, &redis.XReadArgs{
		Streams: []string{b.Keys.Inbox(), "0"}, Count: int64(limit), Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, b.mend(ctx, b.Keys.Inbox(), fmt.Errorf("read inbox: %w", err))
	}
	letters := make([]intake.Letter, len(streams[0].Messages))
	for i, m := range streams[0].Messages {
		letters[i] = intake.Letter{ID: m.ID, Fields: texts(m.Values)}
	}
	return letters, nil
}

// texts returns an entry's fields as text.
func texts(values map[string]any) map[string]string {
	fields := make(map[string]string, len(values))
	for name, value := range values {
		fields[name], _ = value.(string) // go-redis decodes every value to a string
	}
	return fields
}

//go:embed drop.lua
var dropSource string

var dropScript = redis.NewScript(dropSource)

// Drop trims everything up to an id. The inbox is read in order, so this leaves
// no holes in the stream. A leader whose term is over drops nothing, because it
// may have refused what its successor takes: [eventstore.ErrConflict].
//
// A crash before it leaves letters that were taken: read again, they are
// repetitions.
func (b *Inbox) Drop(ctx context.Context, through string) error {
	id, err := queue.ParseEntryID(through)
	if err != nil {
		return err
	}
	leader := redisstore.Keys{Namespace: b.Keys.Namespace, Partition: b.Keys.Partition}.Leader()
	word, err := dropScript.Run(ctx, b.Writes, []string{leader, b.Keys.Inbox()},
		strconv.FormatUint(b.Term, 10), above(id)).Text()
	switch {
	case err != nil:
		return fmt.Errorf("trim inbox: %w", err)
	case word != "ok":
		return fmt.Errorf("trim inbox: %w: the lease is of another term", eventstore.ErrConflict)
	}
	return nil
}

// above returns the id that follows; empty behind the highest one. Nothing can
// be added to a stream that has it.
func above(id queue.EntryID) string {
	switch {
	case id.Seq < math.MaxUint64:
		id.Seq++
	case id.Term < math.MaxUint64:
		id.Term, id.Seq = id.Term+1, 0
	default:
		return ""
	}
	return id.String()
}

// Last returns the id of the youngest letter.
func (b *Inbox) Last(ctx context.Context) (string, error) {
	letters, err := b.Writes.XRevRangeN(ctx, b.Keys.Inbox(), "+", "-", 1).Result()
	if err != nil {
		return "", b.mend(ctx, b.Keys.Inbox(), fmt.Errorf("look at inbox: %w", err))
	}
	if len(letters) == 0 {
		return "", nil
	}
	return letters[0].ID, nil
}

// Hint puts a notice on a runner's control stream.
func (b *Inbox) Hint(ctx context.Context, id domain.Name, n queue.Notice) error {
	err := b.Writes.XAdd(ctx, &redis.XAddArgs{
		Stream: b.Keys.Control(id), MaxLen: controlLength, Approx: true, Values: n.Fields(),
	}).Err()
	if err != nil {
		return b.mend(ctx, b.Keys.Control(id), fmt.Errorf("send notice to runner %s: %w", id, err))
	}
	return nil
}

//go:embed mend.lua
var mendSource string

var mendScript = redis.NewScript(mendSource)

// mend removes what stands under a stream's key and is none, and returns the
// error that led here, with what was done: tried again, the stream is made.
// Runners say again what was not recorded.
func (b *Inbox) mend(ctx context.Context, key string, why error) error {
	if !redis.HasErrorPrefix(why, "WRONGTYPE") {
		return why
	}
	leader := redisstore.Keys{Namespace: b.Keys.Namespace, Partition: b.Keys.Partition}.Leader()
	word, err := mendScript.Run(ctx, b.Writes, []string{leader, key}, strconv.FormatUint(b.Term, 10)).Text()
	switch {
	case err != nil:
		return errors.Join(why, err)
	case word != "ok":
		return fmt.Errorf("%w: the lease is of another term", eventstore.ErrConflict)
	}
	return fmt.Errorf("%s was no stream, and is removed: %w", key, why)
}
