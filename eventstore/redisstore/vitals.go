package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Vitals is how the Redis that holds a partition is from one second to the next.
type Vitals struct {
	Run  string // names its life: another one after each start
	Used uint64 // bytes that count against Max
	Max  uint64 // bytes from which on it refuses writes; 0 if nothing does
}

// Vitals asks for them, with one command.
func (s *Store) Vitals(ctx context.Context) (Vitals, error) {
	var node redis.Cmdable = s.read
	if cluster, ok := s.read.(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, s.leader)
		if err != nil {
			return Vitals{}, fmt.Errorf("find the master of %s: %w", s.leader, err)
		}
		node = master
	}
	text, err := node.Info(ctx).Result()
	if err != nil {
		return Vitals{}, fmt.Errorf("ask Redis how it is: %w", err)
	}
	return parseVitals(text), nil
}

// parseVitals reads INFO. What Redis does not say is zero.
func parseVitals(text string) Vitals {
	info := parseInfo(text)
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(info[name], 10, 64)
		return n
	}
	used, besides := number("used_memory"), number("mem_not_counted_for_evict") // buffers of its file and its replicas
	return Vitals{Run: info["run_id"], Used: used - min(besides, used), Max: number("maxmemory")}
}
