// Package redisqueue is the runner's end of the wire on Redis.
//
// It repeats no command by itself: what a lost answer left open is the
// runner's to find out. A process needs XREADGROUP, XPENDING, XCLAIM and EVALSHA
// on its own queues, XREAD and XINFO on its control stream, HMGET on the
// statements and the modes, HSET on the beats and XADD on the inbox, and nothing
// else.
package redisqueue

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/runnersdk/queue"
)

var _ queue.Wire = (*Wire)(nil)

// Wire is a runner's end of the wire. It is safe for concurrent use.
type Wire struct {
	keys  queue.Keys
	calls *redis.Client // answers at once
	waits *redis.Client // blocks: a connection of its own for each reader
	turn  atomic.Uint32 // which queue is looked at first
}

const (
	dialTimeout = 2 * time.Second
	callTimeout = 3 * time.Second // an answer that takes longer is lost
	slack       = 2 * time.Second // that a blocking read may take beyond its wait
	readers     = 2               // who block: one takes, one listens
	firstDelay  = 100 * time.Millisecond
	lastDelay   = time.Second
)

// New returns a wire to the Redis at a redis://, rediss:// or unix:// URL. It
// connects when it is first used. Its error has [domain.Invalid].
func New(url string, keys queue.Keys) (*Wire, error) {
	opts, err := options(url)
	if err != nil {
		return nil, err
	}
	blocking := *opts
	blocking.PoolSize = readers + 2
	return &Wire{keys: keys, calls: redis.NewClient(opts), waits: redis.NewClient(&blocking)}, nil
}

func options(url string) (*redis.Options, error) {
	opts, err := redis.ParseURL(url)
	if err != nil { // its text may hold the password
		return nil, domain.Errorf(domain.Invalid, "redis_url", "the Redis URL is none: write redis://[user:password@]host:port[/db]")
	}
	opts.MaxRetries, opts.DialerRetries = -1, 1
	opts.ContextTimeoutEnabled = true
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = dialTimeout, callTimeout, callTimeout
	opts.DisableIdentity = true // Redis 7.0 answers it with an error
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return opts, nil
}

// Reach waits until Redis answers, or ctx ends. Its errors have
// [domain.Forbidden] when Redis does not let us in, and [domain.TryAgain] with
// the reason unreachable when it does not answer.
func (w *Wire) Reach(ctx context.Context) error {
	address := w.calls.Options().Addr
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		err := w.calls.Ping(ctx).Err()
		switch {
		case err == nil:
			return nil
		case isForbidden(err):
			return domain.Errorf(domain.Forbidden, "redis_auth", "Redis at %s does not let us in: %v", address, err)
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return domain.Errorf(domain.TryAgain, "unreachable", "Redis at %s does not answer: %v", address, err)
		}
	}
}

// isForbidden reports whether Redis refused who we are, or what we may do.
func isForbidden(err error) bool {
	for _, prefix := range []string{"NOAUTH", "WRONGPASS", "NOPERM"} {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

// Close closes the connections. Calls that are under way fail.
func (w *Wire) Close() error {
	if err := w.waits.Close(); err != nil {
		_ = w.calls.Close()
		return fmt.Errorf("close connections: %w", err)
	}
	if err := w.calls.Close(); err != nil {
		return fmt.Errorf("close connections: %w", err)
	}
	return nil
}
