package redisstreams

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed adopt.lua
	adoptSource string
	//go:embed keep.lua
	keepSource string
	//go:embed retire.lua
	retireSource string
)

var (
	adoptScript  = redis.NewScript(adoptSource)
	keepScript   = redis.NewScript(keepSource)
	retireScript = redis.NewScript(retireSource)
)

// makeGroup makes the stream and its group where they are not there.
func (c *consumer) makeGroup(ctx context.Context) error {
	err := c.Client.XGroupCreateMkStream(ctx, c.stream, c.Group, "0").Err()
	if err != nil && !redis.HasErrorPrefix(err, "BUSYGROUP") {
		return fmt.Errorf("make group %s of %s: %w", c.Group, c.stream, err)
	}
	return nil
}

// next returns the entries to hand out next, none if there are none yet: first
// what was delivered before and never settled, by this consumer or by one that
// is gone, then what is new.
func (c *consumer) next(ctx context.Context) ([]entry, error) {
	if c.adrift || c.dueToSweep() {
		// What is not acknowledged yet would come again.
		if err := c.flush(ctx); err != nil {
			return nil, c.mended(ctx, err)
		}
		found, err := c.sweep(ctx)
		if err != nil || len(found) > 0 {
			return found, c.mended(ctx, err)
		}
		c.adrift = false
	}
	found, err := c.read(ctx)
	return found, c.mended(ctx, err)
}

// mended makes a group anew that somebody removed.
func (c *consumer) mended(ctx context.Context, err error) error {
	if err != nil && redis.HasErrorPrefix(err, "NOGROUP") {
		c.acked = nil
		return errors.Join(err, c.makeGroup(ctx))
	}
	return err
}

// read acknowledges what was handled and reads what is new, in one round trip
// while there is something, and waits where there is nothing.
//
// A crash before it repeats the messages that were handled; one behind it, or a
// lost reply, leaves entries that were delivered to this consumer and never
// arrived: the next sweep finds them.
func (c *consumer) read(ctx context.Context) ([]entry, error) {
	args := redis.XReadGroupArgs{
		Group: c.Group, Consumer: c.Consumer, Streams: []string{c.stream, ">"}, Count: int64(c.Batch), Block: -1,
	}
	var reply *redis.XStreamSliceCmd
	if len(c.acked) > 0 {
		pipe := c.Client.Pipeline()
		c.pipeAcks(ctx, pipe)
		reply = pipe.XReadGroup(ctx, &args)
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		c.acked = c.acked[:0]
	}
	if reply == nil || errors.Is(reply.Err(), redis.Nil) {
		args.Block = c.Block
		reply = c.Client.XReadGroup(ctx, &args)
	}
	streams, err := reply.Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := make([]entry, len(streams[0].Messages))
	for i, m := range streams[0].Messages {
		found[i] = entry{id: m.ID, values: m.Values, deliveries: 1}
	}
	return found, nil
}

// flush acknowledges what was handled.
func (c *consumer) flush(ctx context.Context) error {
	if len(c.acked) == 0 {
		return nil
	}
	pipe := c.Client.Pipeline()
	c.pipeAcks(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("acknowledge %d entries of %s: %w", len(c.acked), c.stream, err)
	}
	c.acked = c.acked[:0]
	return nil
}

func (c *consumer) pipeAcks(ctx context.Context, pipe redis.Pipeliner) {
	pipe.XAck(ctx, c.stream, c.Group, c.acked...)
	if c.Delete {
		pipe.XDel(ctx, c.stream, c.acked...)
	}
}

// keep has a consumer hold entries that this one holds, and returns which it
// did.
func (c *consumer) keep(ctx context.Context, who string, again bool, ids []string) ([]string, error) {
	args := make([]any, 0, 4+len(ids))
	args = append(args, c.Group, c.Consumer, who, "0")
	if again {
		args[3] = "1"
	}
	for _, id := range ids {
		args = append(args, id)
	}
	held, err := keepScript.Run(ctx, c.Client, []string{c.stream}, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("keep %d entries of %s: %w", len(ids), c.stream, err)
	}
	return held, nil
}

// adopt takes over what a consumer holds, a batch at most.
func (c *consumer) adopt(ctx context.Context, from string) ([]entry, error) {
	reply, err := adoptScript.Run(ctx, c.Client, []string{c.stream}, c.Group, from, c.Consumer, c.Batch).Slice()
	if err != nil {
		return nil, fmt.Errorf("take over entries of %s from %s: %w", c.stream, from, err)
	}
	found := make([]entry, 0, len(reply))
	for _, item := range reply {
		e, ok := adopted(item)
		if !ok {
			return nil, fmt.Errorf("take over entries of %s: an answer of %T", c.stream, item)
		}
		found = append(found, e)
	}
	return found, nil
}

// adopted reads [id, deliveries, [name, value, …]].
func adopted(item any) (e entry, ok bool) {
	row, _ := item.([]any)
	if len(row) != 3 {
		return e, false
	}
	e.id, _ = row[0].(string)
	before, isNumber := row[1].(int64)
	fields, _ := row[2].([]any)
	if e.id == "" || !isNumber || before < 0 || len(fields)%2 != 0 {
		return e, false
	}
	e.deliveries, e.values = uint64(before)+1, make(map[string]any, len(fields)/2)
	for i := 0; i < len(fields); i += 2 {
		name, _ := fields[i].(string)
		e.values[name] = fields[i+1]
	}
	return e, true
}

// witness is what is known of another consumer.
type witness struct {
	idle  time.Duration // when it was last looked at, as Redis says
	heard time.Time     // when it was last seen to do something
}

// silenceLooks is how often another consumer is looked at until it counts as
// gone, and how often this one says that it is there.
const silenceLooks = 4

func (c *consumer) dueToSweep() bool { return time.Since(c.swept) >= c.Silence/silenceLooks }

// sweep takes over what this consumer never saw, and what one holds that is
// gone. It is called when nothing is in hand.
func (c *consumer) sweep(ctx context.Context) ([]entry, error) {
	consumers, err := c.Client.XInfoConsumers(ctx, c.stream, c.Group).Result()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	since := now.Sub(c.swept)
	c.swept = now
	for _, other := range consumers {
		gone := other.Name == c.Consumer || other.Name == nobody || c.gone(other, now, since)
		if !gone {
			continue
		}
		if other.Pending > 0 {
			found, err := c.adopt(ctx, other.Name)
			if err != nil || len(found) > 0 {
				c.adrift = true // there may be more
				return c.without(ctx, found), err
			}
		}
		if other.Name != c.Consumer {
			if err := retireScript.Run(ctx, c.Client, []string{c.stream}, c.Group, other.Name).Err(); err != nil {
				return nil, err
			}
			delete(c.others, other.Name)
		}
	}
	return nil, nil
}

// gone reports whether nothing was heard of a consumer for as long as it takes.
// Redis says for how long a consumer did nothing; of that it only matters
// whether it began anew since the last look, which no jump of a clock can hide
// for long: one that lives does something between any two looks.
func (c *consumer) gone(other redis.XInfoConsumer, now time.Time, since time.Duration) bool {
	w, known := c.others[other.Name]
	if !known || other.Idle < w.idle+since/2 {
		w.heard = now
	}
	w.idle = other.Idle
	c.others[other.Name] = w
	return now.Sub(w.heard) >= c.Silence
}

// without puts the first of the entries aside that were taken over if it was
// delivered too often: whoever held them never came further, so it is the one
// that he was busy with.
func (c *consumer) without(ctx context.Context, found []entry) []entry {
	if len(found) == 0 || found[0].deliveries <= c.MaxDeliveries {
		return found
	}
	if c.bury(ctx, &found[0], fmt.Sprintf("delivered %d times and never acknowledged", found[0].deliveries-1)) {
		return found[1:]
	}
	return found
}
