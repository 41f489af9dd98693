package node

import (
	"context"
	"errors"

	"github.com/herocode/horus/eventstore/redisstore"
)

// Check returns what a supervisor of that configuration would find its Redis set
// to. It changes nothing. An error says what keeps it from starting; so does the
// Refusal in what it returns.
func Check(ctx context.Context, cfg Config) (redisstore.Settings, error) {
	if err := cfg.check(); err != nil {
		return redisstore.Settings{}, err
	}
	server, err := redisstore.Connect(ctx, cfg.RedisURL)
	if err != nil {
		return redisstore.Settings{}, err
	}
	found, err := server.Check(ctx, cfg.Durability)
	return found, errors.Join(err, server.Close())
}
