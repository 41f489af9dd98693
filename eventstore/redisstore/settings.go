package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
)

// Settings are what a Redis is set to, as far as Horus cares.
type Settings struct {
	// Level is what a commit has that this Redis acknowledged: what its settings
	// give, or the replicas that were asked for.
	Level eventstore.Durability
	// Refusal is why Horus must not work on it: a [domain.Error] with Invalid,
	// nil if there is no reason.
	Refusal  error
	Warnings []string // sentences that say what to set
}

// Check reads the server's settings and compares them with the level that was
// asked for; "" is whatever they give. Of a cluster it reads every master's; the
// least safe counts. A Redis that does not let its settings be seen is taken at
// the least that they could mean. The reasons of a refusal are
//
//	redis_evicts      it throws keys away when its memory is full
//	redis_replica     it follows another one and takes no writes
//	redis_durability  it keeps less than was asked for
//	redis_wait        replicas were asked for, and WAIT is not answered
//
// An error says that it did not answer.
func (s *Server) Check(ctx context.Context, asked eventstore.Durability) (Settings, error) {
	client := s.dial(1, true)
	defer func() { _ = client.Close() }() // it only asked
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return checkNode(ctx, s.Address(), client, asked)
	}
	var mu sync.Mutex
	all := Settings{Level: eventstore.Fsync}
	if asked.Replicas() > 0 {
		all.Level = asked
	}
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		one, err := checkNode(ctx, node.Options().Addr, node, asked)
		mu.Lock()
		defer mu.Unlock()
		if one.Level.Less(all.Level) {
			all.Level = one.Level
		}
		if all.Refusal == nil {
			all.Refusal = one.Refusal
		}
		all.Warnings = append(all.Warnings, one.Warnings...)
		return err
	})
	return all, err
}

func checkNode(ctx context.Context, address string, client redis.UniversalClient, asked eventstore.Durability) (Settings, error) {
	f := facts{address: address, config: readConfig(ctx, client)}
	switch text, err := client.Info(ctx).Result(); {
	case err == nil:
		f.info = parseInfo(text)
	case !redis.HasErrorPrefix(err, "NOPERM"):
		return Settings{}, fmt.Errorf("ask Redis at %s for its state: %w", address, err)
	}
	if asked.Replicas() > 0 {
		f.wait = client.Do(ctx, "WAIT", 0, 1).Err() // none must have anything: it answers at once
	}
	return f.judge(asked), nil
}

// looked returns the settings that are looked at, all by their own names: one of
// those that a pattern would add is the password.
func looked() []string {
	return []string{"appendfsync", "no-appendfsync-on-rewrite", "save", "stop-writes-on-bgsave-error", "min-replicas-to-write"}
}

// readConfig returns nil when Redis does not show its settings.
func readConfig(ctx context.Context, client redis.Cmdable) map[string]string {
	config := map[string]string{}
	for _, name := range looked() {
		found, err := client.ConfigGet(ctx, name).Result()
		if err != nil {
			return nil
		}
		config[name] = found[name]
	}
	return config
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

func refusal(reason, format string, args ...any) error {
	return domain.Errorf(domain.Invalid, reason, format, args...)
}
