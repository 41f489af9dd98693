package dev

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// embedded is a Redis inside this process. It keeps nothing when it stops.
type embedded struct{ server *miniredis.Miniredis }

// startEmbedded starts one on a free port of loopback.
func startEmbedded() (*embedded, error) {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	return &embedded{server}, nil
}

func (e *embedded) url() string { return "redis://" + e.server.Addr() }

func (e *embedded) close() { e.server.Close() }
