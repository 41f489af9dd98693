package redisqueue

import (
	"context"
	"fmt"

	"github.com/herocode/horus/runnersdk/queue"
)

// Beat implements [queue.Presence].
func (w *Wire) Beat(ctx context.Context, b queue.Beat) error {
	if err := w.calls.HSet(ctx, w.keys.Beats(), b.Field(), b.Value()).Err(); err != nil {
		return fmt.Errorf("show that the process lives: %w", err)
	}
	return nil
}

// Modes implements [queue.Presence].
func (w *Wire) Modes(ctx context.Context, fields []string) (map[string]string, error) {
	values, err := w.calls.HMGet(ctx, w.keys.Modes(), fields...).Result()
	if err != nil {
		return nil, fmt.Errorf("read what is paused: %w", err)
	}
	found := map[string]string{}
	for i, value := range values {
		if mode, ok := value.(string); ok {
			found[fields[i]] = mode
		}
	}
	return found, nil
}
