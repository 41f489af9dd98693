package redisviews

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/projections/views"
)

// askDue asks for what is due up to a time, one more than fits, and for the
// first that is due behind it.
func askDue(ctx context.Context, pipe redis.Pipeliner, key string, q views.DueQuery) (due, next *redis.ZSliceCmd) {
	until := strconv.FormatInt(int64(q.Until), 10)
	due = pipe.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: until, Count: int64(q.Limit) + 1})
	next = pipe.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: "(" + until, Max: "+inf", Count: 1})
	return due, next
}

func readDue(found, rest []redis.Z, limit int) (due []views.DueEntry, next event.Time, err error) {
	all, err := entriesOf(slices.Concat(found, rest))
	if err != nil {
		return nil, 0, err
	}
	n := min(len(found), limit)
	if n < len(all) {
		next = all[n].At
	}
	return all[:n], next, nil
}

func entriesOf(members []redis.Z) ([]views.DueEntry, error) {
	due := make([]views.DueEntry, len(members))
	for i, z := range members {
		name, _ := z.Member.(string)
		var err error
		if due[i], err = views.ReadDue(name, z.Score); err != nil {
			return nil, err
		}
	}
	return due, nil
}

// PageDue returns some due times.
func (s *Store) PageDue(ctx context.Context, generation, cursor uint64) ([]views.DueEntry, uint64, error) {
	key := s.keys.due(generation)
	page, next, err := s.read.ZScan(ctx, key, cursor, "", scanCount).Result()
	if err != nil {
		return nil, 0, fmt.Errorf("walk %s: %w", key, damage(err))
	}
	members := make([]redis.Z, 0, len(page)/2)
	for i := 0; i+1 < len(page); i += 2 { // members and scores in turn
		score, _ := strconv.ParseFloat(page[i+1], 64) // what is no number is no time either
		members = append(members, redis.Z{Member: page[i], Score: score})
	}
	due, err := entriesOf(members)
	if err != nil {
		return nil, 0, fmt.Errorf("walk %s: %w", key, err)
	}
	return due, next, nil
}

// DueOf returns when something is due in jobs, in one round trip.
func (s *Store) DueOf(ctx context.Context, generation uint64, names []string) ([]event.Time, error) {
	if len(names) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(names)+2)
	args = append(args, "ZMSCORE", s.keys.due(generation))
	for _, name := range names {
		args = append(args, name)
	}
	scores, err := s.read.Do(ctx, args...).Slice() // the typed command has no word for none
	if err == nil && len(scores) != len(names) {
		err = fmt.Errorf("%d scores of %d members", len(scores), len(names))
	}
	if err != nil {
		return nil, fmt.Errorf("look when something is due: %w", damage(err))
	}
	at := make([]event.Time, len(names))
	for i, score := range scores {
		if score == nil {
			continue
		}
		n, ok := score.(float64)
		if text, old := score.(string); old && !ok { // of a server that speaks RESP2
			n, _ = strconv.ParseFloat(text, 64) // what is no number is no time either
		}
		d, err := views.ReadDue(names[i], n)
		if at[i] = d.At; err != nil {
			at[i] = views.NoTime
		}
	}
	return at, nil
}
