package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/eventstore"
)

// Fields of the lease, as the scripts spell them.
const (
	leaseTerm = "term"
	leaseName = "name"
	leaseBeat = "beat"
)

// Holder returns who holds the lease. What is no lease, because somebody put
// something else under its key, is held by nobody: under it nothing can be
// appended.
func (s *Store) Holder(ctx context.Context) (eventstore.Holder, error) {
	fields, err := s.read.HMGet(ctx, s.leader, leaseTerm, leaseName, leaseBeat).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return eventstore.Holder{}, nil
	}
	if err != nil {
		return eventstore.Holder{}, fmt.Errorf("read lease %s: %w", s.leader, err)
	}
	term, ok1 := parseNumber(fields[0])
	beat, ok2 := parseNumber(fields[2])
	if !ok1 || !ok2 {
		return eventstore.Holder{}, nil
	}
	name, _ := fields[1].(string)
	return eventstore.Holder{Term: term, Name: name, Beat: beat}, nil
}

// parseNumber reads a field of a hash as the scripts do; one that is not there
// is 0.
func parseNumber(field any) (n uint64, ok bool) {
	text, ok := field.(string)
	if !ok {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == text
}

// Take makes next the holder and writes its term into the position, in one
// script. What stands under the key of one of them and is none is removed, and
// Mended is told.
//
// A crash of ours behind it leaves a lease whose beat stands still: whoever
// sees that takes the next term. A crash of Redis can bring the lease of the
// old term back, and with it the old log: its leader may go on where it stood,
// the new one meets a term that is not its own and begins anew.
func (s *Store) Take(ctx context.Context, seen, next eventstore.Holder) error {
	if next.Term <= seen.Term || next.Name == "" {
		return fmt.Errorf("take lease %s of term %d as %q with term %d: %w", s.leader, seen.Term, next.Name, next.Term, eventstore.ErrConflict)
	}
	err := s.run(ctx, takeScript, []string{s.leader, s.position},
		strconv.FormatUint(seen.Term, 10), seen.Name, strconv.FormatUint(seen.Beat, 10),
		strconv.FormatUint(next.Term, 10), next.Name, strconv.FormatUint(next.Beat, 10))
	if errors.Is(err, errMended) {
		if s.Mended != nil {
			s.Mended(ctx, s.leader, s.position)
		}
		err = nil
	}
	if err != nil {
		return fmt.Errorf("take lease %s with term %d: %w", s.leader, next.Term, err)
	}
	return nil
}

// Beat raises the holder's beat. A beat that was lost, or counted twice, says
// the same: somebody is there. A crash leaves a beat that stands still.
//
// It is raised when the memory is full, too, when nothing else can be written:
// else every stand-by would take the leader for dead.
func (s *Store) Beat(ctx context.Context, term uint64) error {
	var word string
	var err error
	for _, raise := range beatWays() {
		if word, err = raise(ctx, s.write, []string{s.leader}, strconv.FormatUint(term, 10)).Text(); !again(err) {
			break
		}
	}
	if err = meaning(word, err); err != nil {
		return fmt.Errorf("raise beat of lease %s: %w", s.leader, err)
	}
	return nil
}

// Release gives the lease back. A crash before it leaves a lease whose beat
// stands still, and the next leader waits for as long as after any crash.
func (s *Store) Release(ctx context.Context, term uint64) error {
	if err := s.run(ctx, releaseScript, []string{s.leader}, strconv.FormatUint(term, 10)); err != nil {
		return fmt.Errorf("give lease %s back: %w", s.leader, err)
	}
	return nil
}
