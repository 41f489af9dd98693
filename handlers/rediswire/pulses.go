package rediswire

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/runnersdk/queue"
)

// pulsePage is about how many signs of life one question returns: some 50 KiB.
const pulsePage = 1000

// Pulses are the signs of life that the runner processes of one partition leave.
type Pulses struct {
	Reads  redis.UniversalClient
	Writes redis.UniversalClient // nil for whoever only looks
	Keys   queue.Keys
}

// Page returns some signs of life. What stands under their key and is no hash
// is removed by whoever may: the processes' next ones make it again.
func (p *Pulses) Page(ctx context.Context, cursor uint64) (map[string]string, uint64, error) {
	pairs, next, err := p.Reads.HScan(ctx, p.Keys.Beats(), cursor, "", pulsePage).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") && p.Writes != nil {
		err = errors.Join(fmt.Errorf("%s was no hash, and is removed: %w", p.Keys.Beats(), err), p.Writes.Unlink(ctx, p.Keys.Beats()).Err())
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read signs of life: %w", err)
	}
	beats := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		beats[pairs[i]] = pairs[i+1]
	}
	return beats, next, nil
}

// Drop removes fields. It needs no fence: a process that lives writes its own
// again.
func (p *Pulses) Drop(ctx context.Context, fields []string) error {
	if err := p.Writes.HDel(ctx, p.Keys.Beats(), fields...).Err(); err != nil {
		return fmt.Errorf("remove signs of life: %w", err)
	}
	return nil
}
