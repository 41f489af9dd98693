package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/herocode/horus/domain/signing"
)

// Sizes of what an unsigned job of shortPayload bytes leaves in Redis, as
// XRANGE shows it.
const (
	submittedBytes = 630
	startedBytes   = 290
	completedBytes = 260
	reportBytes    = 190 // a report's share of its bundle
	entryBytes     = 1140
)

// yardstick is what the machine and go-redis give at best without a system on
// top: a loop that writes the bytes of Horus' events, signed by commit, and
// moves a queue entry and an inbox entry for each job. It decides, checks and
// projects nothing.
type yardstick struct {
	redis   *redis.Client
	name    string
	key     signing.PrivateKey
	commits chan *write
}

// shape is what a yardstick imitates.
type shape struct {
	callers   int
	together  int   // jobs that a caller submits at once; 0: one
	payload   int   // bytes of a job's payload; 0: shortPayload
	submitted bool  // jobs are submitted, and nobody runs them
	level     level // of durability; zero: what Redis is set to
}

func (s shape) String() string {
	text := "bare loop, " + callersOf(s.callers)
	if s.level.name != "" {
		text = s.level.name + ", " + text
	}
	if s.together > 1 {
		text += fmt.Sprintf(", %d at once", s.together)
	}
	if s.payload > 0 {
		text += ", " + sizeOf(s.payload)
	}
	return text
}

// write is what a caller wants committed; done is told when it was.
type write struct {
	events []string
	queued []string // queue entries in its company
	done   chan error
}

func newYardstick(at *server, ns string) (*yardstick, error) {
	key, err := signing.GenerateKey(strings.NewReader(strings.Repeat("k", 32)))
	if err != nil {
		return nil, err
	}
	return &yardstick{redis: at.client, name: ns + ":yardstick", key: key, commits: make(chan *write, 1024)}, nil
}

// run moves jobs of a shape from submission to outcome, from so many callers.
func (y *yardstick) run(ctx context.Context, jobs int, s shape) (err error) {
	// So that a profile can be read without it: -tagignore=yardstick.
	pprof.Do(ctx, pprof.Labels("yardstick", s.String()), func(ctx context.Context) { err = y.move(ctx, jobs, s) })
	return err
}

// begin makes what run needs, from nothing.
func (y *yardstick) begin(ctx context.Context) error {
	if err := y.redis.Unlink(ctx, y.name+":log", y.name+":queue", y.name+":inbox").Err(); err != nil {
		return fmt.Errorf("clean the yardstick: %w", err)
	}
	return y.redis.XGroupCreateMkStream(ctx, y.name+":queue", "g", "0").Err()
}

func (y *yardstick) move(ctx context.Context, jobs int, s shape) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return y.commit(serving, s.level.replicas) })
	if !s.submitted {
		group.Go(func() error { return y.work(ctx, jobs) })
		group.Go(func() error {
			defer stop()
			return y.intake(ctx, jobs)
		})
	}
	more, together := max(s.payload-shortPayload, 0), max(s.together, 1)
	submitted, entry := strings.Repeat("s", submittedBytes+more), strings.Repeat("q", entryBytes+more)
	group.Go(func() error {
		if s.submitted {
			defer stop()
		}
		return eachOf(jobs/together, s.callers, func(int) error {
			w := &write{}
			for range together {
				w.events, w.queued = append(w.events, submitted), append(w.queued, entry)
			}
			return y.write(ctx, w)
		})
	})
	return group.Wait()
}

func (y *yardstick) write(ctx context.Context, w *write) error {
	w.done = make(chan error, 1)
	select {
	case y.commits <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commit appends what waits, up to 256 events under one signature, and waits for
// replicas to have it.
func (y *yardstick) commit(ctx context.Context, replicas int) error {
	for {
		var batch []*write
		select {
		case w := <-y.commits:
			batch = append(batch, w)
		case <-ctx.Done():
			return nil
		}
		events := len(batch[0].events)
		for len(y.commits) > 0 && events < signing.MaxSealed {
			w := <-y.commits
			batch, events = append(batch, w), events+len(w.events)
		}
		err := y.append(ctx, batch, replicas)
		for _, w := range batch {
			w.done <- err
		}
	}
}

func (y *yardstick) append(ctx context.Context, batch []*write, replicas int) error {
	var leaves []signing.Hash
	pipe := y.redis.Pipeline()
	for _, w := range batch {
		for _, e := range w.events {
			leaves = append(leaves, signing.LeafHash([]byte(e)))
			pipe.Do(ctx, "XADD", y.name+":log", "*", "e", e)
		}
		for _, entry := range w.queued {
			pipe.Do(ctx, "XADD", y.name+":queue", "*", "grant", entry)
		}
	}
	seal := y.key.Sign([]byte(signing.Root(leaves).String()))
	pipe.Do(ctx, "XADD", y.name+":log", "*", "s", seal.String())
	if replicas > 0 {
		pipe.Do(ctx, "WAIT", replicas, 0)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// work takes queue entries and reports each.
func (y *yardstick) work(ctx context.Context, jobs int) error {
	report := strings.Repeat("r", reportBytes)
	for jobs > 0 {
		streams, err := y.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: "g", Consumer: "c", Streams: []string{y.name + ":queue", ">"}, Count: slots, Block: time.Second,
		}).Result()
		if errors.Is(err, redis.Nil) {
			continue // nothing came in a second
		}
		if err != nil {
			return fmt.Errorf("take: %w", err)
		}
		pipe := y.redis.Pipeline()
		for _, m := range streams[0].Messages {
			pipe.Do(ctx, "XADD", y.name+":inbox", "*", "id", m.ID, "report", report)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		jobs -= len(streams[0].Messages)
	}
	return nil
}

// intake commits the outcome of what was reported, and then removes the entries.
func (y *yardstick) intake(ctx context.Context, jobs int) error {
	outcome := []string{
		strings.Repeat("b", reportBytes), strings.Repeat("t", startedBytes), strings.Repeat("c", completedBytes),
	}
	cursor := "0"
	for jobs > 0 {
		streams, err := y.redis.XRead(ctx, &redis.XReadArgs{
			Streams: []string{y.name + ":inbox", cursor}, Count: 60, Block: time.Second,
		}).Result()
		if errors.Is(err, redis.Nil) {
			continue // nothing came in a second
		}
		if err != nil {
			return fmt.Errorf("read the inbox: %w", err)
		}
		w := &write{}
		pipe := y.redis.Pipeline()
		for _, m := range streams[0].Messages {
			w.events = append(w.events, outcome...)
			pipe.Do(ctx, "XACK", y.name+":queue", "g", m.Values["id"])
			pipe.Do(ctx, "XDEL", y.name+":queue", m.Values["id"])
			pipe.Do(ctx, "XDEL", y.name+":inbox", m.ID)
			cursor = m.ID
		}
		if err := y.write(ctx, w); err != nil {
			return fmt.Errorf("commit outcomes: %w", err)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
		jobs -= len(streams[0].Messages)
	}
	return nil
}
