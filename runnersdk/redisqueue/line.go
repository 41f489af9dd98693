package redisqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// Send implements [queue.Line].
func (w *Wire) Send(ctx context.Context, s runner.Signed) error {
	args := redis.XAddArgs{Stream: w.keys.Inbox(), Values: queue.BundleFields(s)}
	if err := w.calls.XAdd(ctx, &args).Err(); err != nil {
		return fmt.Errorf("add to the inbox: %w", err)
	}
	return nil
}

// beginning is the place before the first entry of a stream.
const beginning = "0-0"

// ControlEnd implements [queue.Line].
func (w *Wire) ControlEnd(ctx context.Context, id domain.Name) (string, error) {
	info, err := w.calls.XInfoStream(ctx, w.keys.Control(id)).Result()
	if err != nil && strings.Contains(err.Error(), "no such key") {
		return beginning, nil
	}
	if err != nil {
		return "", fmt.Errorf("look at the control stream: %w", err)
	}
	return info.LastGeneratedID, nil
}

// controlCount is how many notices one read returns.
const controlCount = 64

// Control implements [queue.Line].
func (w *Wire) Control(ctx context.Context, id domain.Name, after string, wait time.Duration) ([]queue.ControlEntry, error) {
	args := redis.XReadArgs{Streams: []string{w.keys.Control(id), after}, Count: controlCount, Block: -1}
	client := w.calls
	if wait > 0 {
		client, args.Block = w.waits, max(wait, time.Millisecond)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait+slack)
		defer cancel()
	}
	streams, err := client.XRead(ctx, &args).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	var notices []queue.ControlEntry
	for _, s := range streams {
		for _, m := range s.Messages {
			notices = append(notices, queue.ControlEntry{ID: m.ID, Fields: fieldsOf(m)})
		}
	}
	return notices, nil
}

// statementCount is how many statements one read returns: about 200 KiB.
const statementCount = 256

// Statements implements [queue.Line].
func (w *Wire) Statements(ctx context.Context, after uint64) ([]queue.Statement, error) {
	fields := make([]string, statementCount)
	for i := range fields {
		fields[i] = queue.StatementField(after + 1 + uint64(i))
	}
	values, err := w.calls.HMGet(ctx, w.keys.Statements(), fields...).Result()
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	var statements []queue.Statement
	for i, value := range values {
		text, ok := value.(string)
		if !ok {
			break
		}
		statements = append(statements, queue.Statement{Number: after + 1 + uint64(i), Value: text})
	}
	return statements, nil
}
