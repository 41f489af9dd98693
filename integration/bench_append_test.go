package integration

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/integration/redistest"
)

// BenchmarkAppend submits unsigned jobs to a leader on Redis and does nothing
// else with them: deciding, sealing and appending alone. What folding and
// committing them costs is BenchmarkEngine's, in projections/redisviews.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			server := benchRedis(b)
			s := &system{b: b, redis: server.Client()}
			leader := startLeader(b, server, 0)
			jobs := benchJobs
			if callers == 1 {
				jobs = aloneJobs
			}
			var runs []figures
			for range benchRounds {
				works := submits(s, jobs)
				runs = append(runs, measure(b, s.redis, jobs, func() {
					s.must(eachOf(jobs, callers, func(i int) error { return leader.Execute(b.Context(), works[i]) }))
				}))
			}
			for name, value := range median(runs) {
				b.ReportMetric(value, name)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func submits(s *system, n int) []eventstore.Work {
	s.b.Helper()
	works := make([]eventstore.Work, n)
	for i, text := range s.texts(n, false) {
		parsed, err := job.Parse(text)
		s.must(err)
		opened, err := parsed.Open()
		s.must(err)
		by := eventstore.By{Actor: event.ByAPIKey("bench")}
		works[i] = eventstore.Work{Aggregates: eventstore.Jobs(opened.Spec.ID), Decide: func(tx *eventstore.Tx) error {
			_, err := tx.DecideJob(opened.Spec.ID, by, job.Submit{Job: opened, Namespace: tx.Namespace(), At: tx.Now(), By: by.Actor})
			return err
		}}
	}
	return works
}

// nowhere is an index of a log whose jobs are all new.
type nowhere struct{}

func (nowhere) Find(_ context.Context, all []event.Aggregate) ([][]uint64, uint64, error) {
	return make([][]uint64, len(all)), math.MaxUint64, nil
}

// startLeader founds a history, and drives its leader as package node does. It
// waits for so many replicas.
func startLeader(b *testing.B, server *redistest.Server, replicas int) *eventstore.Leader {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatalf("set up: %v", err)
		}
	}
	redis, err := redisstore.Connect(b.Context(), server.URL())
	must(err)
	ns := domain.Name(redistest.Namespace(b))
	store := redisstore.New(redis.Writer(3), redis.Reader(1), redisstore.Keys{Namespace: ns})
	must(store.Take(b.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "bench"}))
	key, err := signing.GenerateKey(strings.NewReader(strings.Repeat("s", 32)))
	must(err)
	operator, err := signing.GenerateKey(strings.NewReader(strings.Repeat("o", 32)))
	must(err)
	verifier := signing.NewVerifier(1)
	var syncer eventstore.Syncer
	if store.Replicas = replicas; replicas > 0 {
		syncer = store
	}
	l := eventstore.NewLeader(eventstore.Config{
		Syncer: syncer, Store: store, Index: nowhere{}, Namespace: ns, Name: "bench", Key: key, Verifier: verifier, Clock: time.Now,
		Indexed: func() uint64 { return math.MaxUint64 }, Feed: func(*history.Commit) {},
	}, 1, eventstore.Tip{}, history.NewChain(string(ns), 0, verifier))
	ctx, stop := context.WithCancel(context.Background())
	var turning sync.WaitGroup
	turning.Go(func() { turn(ctx, b, l.Turn, l.Wake()) })
	turning.Go(func() { turn(ctx, b, l.Assure, l.AssureWake()) })
	b.Cleanup(func() { stop(); turning.Wait(); _ = redis.Close() })
	must(l.Begin(b.Context(), eventstore.Beginning{
		Founding: access.Founded{Namespace: ns, Partitions: 1, Supervisor: "bench", Key: key.Public(), Operator: operator.Public()},
	}))
	return l
}

// turn drives a loop: a turn that found company keeps its distance to the next,
// an idle loop never waits.
func turn(ctx context.Context, b *testing.B, once func(context.Context) (bool, error), woken <-chan struct{}) {
	for {
		start := time.Now()
		busy, err := once(ctx)
		var rest <-chan time.Time
		wake := woken
		if busy {
			rest, wake = time.After(time.Millisecond-time.Since(start)), nil
		}
		if err != nil && ctx.Err() == nil {
			b.Errorf("append: %v", err)
			return
		}
		select {
		case <-rest:
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}
