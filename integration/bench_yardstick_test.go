package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/integration/redistest"
)

// Sizes of what an unsigned job of benchPayload bytes leaves in Redis, as
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

// write is what a caller wants committed; done is told when it was.
type write struct {
	events []string
	queued string // a queue entry in its company; empty if none
	done   chan error
}

func newYardstick(b *testing.B, server *redistest.Server) *yardstick {
	b.Helper()
	key, err := signing.GenerateKey(strings.NewReader(strings.Repeat("k", 32)))
	if err != nil {
		b.Fatal(err)
	}
	y := &yardstick{redis: server.Client(), name: redistest.Namespace(b), key: key, commits: make(chan *write, 1024)}
	if err := y.redis.XGroupCreateMkStream(b.Context(), y.name+":queue", "g", "0").Err(); err != nil {
		b.Fatal(err)
	}
	return y
}

// run moves jobs from so many callers from submission to outcome.
func (y *yardstick) run(ctx context.Context, jobs, callers int) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return y.commit(serving) })
	group.Go(func() error { return y.work(ctx, jobs) })
	group.Go(func() error {
		defer stop()
		return y.intake(ctx, jobs)
	})
	submitted, entry := strings.Repeat("s", submittedBytes), strings.Repeat("q", entryBytes)
	group.Go(func() error {
		return eachOf(jobs, callers, func(int) error { return y.write(ctx, &write{events: []string{submitted}, queued: entry}) })
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
	return <-w.done
}

// commit appends what waits, up to 256 events under one signature.
func (y *yardstick) commit(ctx context.Context) error {
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
		err := y.append(ctx, batch)
		for _, w := range batch {
			w.done <- err
		}
	}
}

func (y *yardstick) append(ctx context.Context, batch []*write) error {
	var leaves []signing.Hash
	pipe := y.redis.Pipeline()
	for _, w := range batch {
		for _, e := range w.events {
			leaves = append(leaves, signing.LeafHash([]byte(e)))
			pipe.Do(ctx, "XADD", y.name+":log", "*", "e", e)
		}
		if w.queued != "" {
			pipe.Do(ctx, "XADD", y.name+":queue", "*", "grant", w.queued)
		}
	}
	seal := y.key.Sign([]byte(signing.Root(leaves).String()))
	pipe.Do(ctx, "XADD", y.name+":log", "*", "s", seal.String())
	_, err := pipe.Exec(ctx)
	return err
}

// work takes queue entries and reports each.
func (y *yardstick) work(ctx context.Context, jobs int) error {
	report := strings.Repeat("r", reportBytes)
	for jobs > 0 {
		streams, err := y.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: "g", Consumer: "c", Streams: []string{y.name + ":queue", ">"}, Count: benchSlots, Block: time.Second,
		}).Result()
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
