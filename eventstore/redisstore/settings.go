package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
)

// Durability is the word for what a commit survives that Redis has
// acknowledged. Replies to clients bear it.
type Durability string

// The levels, from the least safe.
const (
	Memory      Durability = "memory"   // a crash of ours
	EverySecond Durability = "everysec" // and one of Redis; one of its machine takes a second or two with it
	Fsync       Durability = "fsync"    // and one of its machine
)

// Settings are what a Redis is set to, as far as Horus cares.
type Settings struct {
	Durability Durability
	Warnings   []string // sentences that say what to set
}

// oldestMajor is the version that Horus is made for: from 7.0 on XAUTOCLAIM
// drops deleted entries, and a script that ran out of memory has written
// nothing.
const oldestMajor = 7

// Check reads the server's settings. Of a cluster it reads every master's; the
// least safe counts. A Redis that would throw keys away when its memory is full
// is refused: a [domain.Error], Invalid with the reason redis_evicts. One that
// does not let its settings be seen is taken at the least it could mean.
func (s *Server) Check(ctx context.Context) (Settings, error) {
	client := s.dial(1, true)
	defer func() { _ = client.Close() }() // it only asked
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return checkNode(ctx, s.Address(), client)
	}
	var mu sync.Mutex
	all := Settings{Durability: Fsync}
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		one, err := checkNode(ctx, node.Options().Addr, node)
		mu.Lock()
		defer mu.Unlock()
		all.Durability = least(all.Durability, one.Durability)
		all.Warnings = append(all.Warnings, one.Warnings...)
		return err
	})
	if err != nil {
		return Settings{}, err
	}
	return all, nil
}

func least(a, b Durability) Durability {
	for _, level := range []Durability{Memory, EverySecond} {
		if a == level || b == level {
			return level
		}
	}
	return Fsync
}

func checkNode(ctx context.Context, address string, client redis.Cmdable) (Settings, error) {
	text, err := client.Info(ctx).Result()
	if err != nil {
		return Settings{}, fmt.Errorf("ask Redis at %s for its state: %w", address, err)
	}
	info := parseInfo(text)
	if policy := info["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		return Settings{}, domain.Errorf(domain.Invalid, "redis_evicts",
			"Redis at %s would throw jobs away when its memory is full (maxmemory-policy %s): set maxmemory-policy noeviction", address, policy)
	}
	var found Settings
	warn := func(format string, args ...any) {
		found.Warnings = append(found.Warnings, "Redis at "+address+" "+fmt.Sprintf(format, args...))
	}
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldestMajor {
		warn("is version %s: Horus is made for %d.0 and later", version, oldestMajor)
	}
	found.Durability = durability(ctx, client, info["aof_enabled"] == "1", warn)
	return found, nil
}

// durability finds the level, and warns where it is not what a reader of the
// configuration would think.
func durability(ctx context.Context, client redis.Cmdable, aof bool, warn func(string, ...any)) Durability {
	if !aof {
		warn("keeps nothing when it stops: set appendonly yes")
		return Memory
	}
	config, err := client.ConfigGet(ctx, "*appendfsync*").Result()
	if err != nil {
		warn("does not show its settings; appendfsync everysec is assumed")
		return EverySecond
	}
	if config["no-appendfsync-on-rewrite"] == "yes" {
		warn("does not sync while it rewrites its file: set no-appendfsync-on-rewrite no")
	}
	switch config["appendfsync"] {
	case "always":
		return Fsync
	case "everysec":
		return EverySecond
	}
	warn("leaves it to the machine when to write to disk: set appendfsync everysec or always")
	return Memory
}

// parseInfo reads the lines "name:value" of INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}
