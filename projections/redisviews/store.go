package redisviews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Store is one partition's views on Redis. It is safe for concurrent use.
type Store struct {
	write, read redis.UniversalClient
	keys        keys
	live        atomic.Uint64 // the generation that was live when somebody last looked
}

var _ views.Store = (*Store)(nil)

// New returns the store of a partition. Each [views.Writer] takes one
// connection of the write client for itself. That client must send every
// command once: a repeated EXEC without its watch would not be fenced. The read
// client may repeat. Both stay the caller's to close.
func New(write, read redis.UniversalClient, k queue.Keys) (*Store, error) {
	if repeats(write) {
		return nil, errors.New("make views: the client that writes repeats commands (MaxRetries must be -1)")
	}
	return &Store{write: write, read: read, keys: newKeys(k)}, nil
}

// repeats reports whether a client sends a command again when its reply was
// lost.
func repeats(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().MaxRetries > 0
	case *redis.ClusterClient:
		return c.Options().MaxRetries > 0
	}
	return true
}

// node returns the client of the node that holds a key.
func node(ctx context.Context, client redis.UniversalClient, key string) (*redis.Client, error) {
	switch c := client.(type) {
	case *redis.Client:
		return c, nil
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, key)
	}
	return nil, fmt.Errorf("a client of type %T has no nodes", client)
}

// damage makes [views.ErrDamaged] of what Redis says when a key holds something
// else than it should.
func damage(err error) error {
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return fmt.Errorf("%w: %w", views.ErrDamaged, err)
	}
	return err
}

// Stored returns the generations of which anything is kept.
func (s *Store) Stored(ctx context.Context) ([]uint64, error) {
	client, err := node(ctx, s.read, s.keys.position(0))
	if err != nil {
		return nil, fmt.Errorf("list generations: %w", err)
	}
	var found []uint64
	for scan := client.Scan(ctx, 0, s.keys.prefix+"*", scanCount).Iterator(); ; {
		if !scan.Next(ctx) {
			if err := scan.Err(); err != nil {
				return nil, fmt.Errorf("list generations: %w", err)
			}
			slices.Sort(found)
			return slices.Compact(found), nil
		}
		if g, ok := s.keys.generation(scan.Val()); ok {
			found = append(found, g)
		}
	}
}

// scanCount is how much Redis looks at for one reply of a scan. While it does, it
// serves nobody else; a thousand records of jobs took a millisecond, and to look
// for those in their list another one. With a hundred a rebuild spent a third of
// its time on round trips.
const scanCount = 250

// Drop removes everything of a generation. Redis frees it in the background.
func (s *Store) Drop(ctx context.Context, generation uint64) error {
	if err := s.write.Unlink(ctx, s.keys.all(generation)...).Err(); err != nil {
		return fmt.Errorf("remove generation %d: %w", generation, err)
	}
	return nil
}

// Page returns some fields of a table.
func (s *Store) Page(ctx context.Context, generation uint64, t views.Table, cursor uint64) ([]views.Value, uint64, error) {
	key := s.keys.table(generation, t)
	page, next, err := s.read.HScan(ctx, key, cursor, "", scanCount).Result()
	if err != nil {
		return nil, 0, fmt.Errorf("walk %s: %w", key, damage(err))
	}
	fields := make([]views.Value, 0, len(page)/2)
	for i := 0; i+1 < len(page); i += 2 {
		fields = append(fields, views.Value{Field: views.Field{Table: t, Name: page[i]}, Data: []byte(page[i+1])})
	}
	return fields, next, nil
}

// PageList returns some members of a list.
func (s *Store) PageList(ctx context.Context, generation uint64, status job.Status, cursor uint64) ([]uint64, uint64, error) {
	key := s.keys.list(generation, status)
	page, next, err := s.read.ZScan(ctx, key, cursor, "", scanCount).Result()
	if err != nil {
		return nil, 0, fmt.Errorf("walk %s: %w", key, damage(err))
	}
	seqs := make([]uint64, 0, len(page)/2)
	for i := 0; i+1 < len(page); i += 2 { // members and scores in turn
		seq, err := strconv.ParseUint(page[i], 10, 64)
		if err != nil {
			return nil, 0, fmt.Errorf("walk %s: %w: a member is no place", key, views.ErrDamaged)
		}
		seqs = append(seqs, seq)
	}
	return seqs, next, nil
}

// Listed reports which of the members are in their lists, at their places.
func (s *Store) Listed(ctx context.Context, generation uint64, members []views.Listing) ([]bool, error) {
	if len(members) == 0 {
		return nil, nil
	}
	of := map[job.Status][]string{}
	at := make([]int, len(members))
	for i, m := range members {
		at[i] = len(of[m.Status])
		of[m.Status] = append(of[m.Status], strconv.FormatUint(m.Seq, 10))
	}
	pipe := s.read.Pipeline()
	replies := map[job.Status]*redis.FloatSliceCmd{}
	for status, names := range of {
		replies[status] = pipe.ZMScore(ctx, s.keys.list(generation, status), names...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("look for members of lists: %w", damage(err))
	}
	listed := make([]bool, len(members))
	for i, m := range members {
		score := replies[m.Status].Val()[at[i]]           // 0 for none
		listed[i] = m.Seq != 0 && score == float64(m.Seq) // exact: places are below 2^53
	}
	return listed, nil
}
