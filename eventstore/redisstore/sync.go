package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/eventstore"
)

// syncTime is how long a Sync waits for replicas: many times what those take
// that are well, and little against the patience of whoever waits for it. It is
// below the time after which the client gives a connection up.
const syncTime = time.Second

// Sync asks how many replicas have the log up to a place, and waits a second for
// as many as [Store.Replicas] says.
//
// WAIT speaks of what its own connection wrote last, and praises one that wrote
// nothing. So Sync writes, by raising the beat, and waits in the same pipeline,
// which is one connection; what anybody wrote before stands before it in the one
// stream that replicas follow. And it looks whether the place is still there, in
// the script that writes: a replica that was promoted may lack it, and has the
// lease of the same term.
//
// A crash in here leaves a beat that was raised, and nothing else.
func (s *Store) Sync(ctx context.Context, term uint64, through eventstore.Tip) error {
	have, err := s.wait(ctx, term, through)
	if err != nil {
		return fmt.Errorf("wait for %d replicas of %s: %w", s.Replicas, s.log, err)
	}
	if have < int64(s.Replicas) {
		return fmt.Errorf("%w: %d of %d", eventstore.ErrNotDurable, have, s.Replicas)
	}
	return nil
}

// wait raises the beat and returns how many replicas have seen that in time.
func (s *Store) wait(ctx context.Context, term uint64, through eventstore.Tip) (have int64, err error) {
	node, err := s.node(ctx)
	if err != nil {
		return 0, err
	}
	var beat, waited *redis.Cmd
	for _, raise := range syncWays() {
		pipe := node.Pipeline()
		beat = raise(ctx, pipe, []string{s.leader, s.log}, strconv.FormatUint(term, 10), tipID(through), through.Seal)
		waited = pipe.Do(ctx, "WAIT", s.Replicas, syncTime.Milliseconds())
		_, _ = pipe.Exec(ctx) // each reply says by itself
		if !again(beat.Err()) {
			break
		}
	}
	if err := meaning(beat.Text()); err != nil {
		return 0, err
	}
	return waited.Int64()
}

// node returns the server that the partition's keys live at: a command without a
// key, in a cluster, goes to any.
func (s *Store) node(ctx context.Context) (redis.Cmdable, error) {
	if cluster, ok := s.write.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, s.leader)
	}
	return s.write, nil
}
