package redisreactions_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/outbox"
	"github.com/herocode/horus/handlers/reactions"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
	"github.com/herocode/horus/integration/redistest"
)

// BenchmarkTopic has commits of 64 jobs told: from the journal through the Router
// into a topic.
func BenchmarkTopic(b *testing.B) {
	client := redistest.Shared(b).Client()
	keys := redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(b))}
	client.HSet(b.Context(), keys.Lease(), "term", 1)
	p := historytest.Found(keys.Namespace)
	for n := 0; n < b.N; n += 64 {
		p.Commit(func(tx *historytest.Tx) {
			for i := range 64 {
				tx.Submit(fmt.Sprintf("j%d", n+i), historytest.Job{})
			}
		})
	}
	told := journal.New(journal.Config{
		Namespace: keys.Namespace, Term: 1, Keys: func() access.State { return p.State.Access },
		Cursors: &redisreactions.Cursors{Client: client, Keys: keys},
	})
	pub, err := redisstreams.NewPublisher(redisstreams.PublisherConfig{Client: client, Fence: &redisstreams.Fence{Lease: keys.Lease(), Term: 1}})
	if err != nil {
		b.Fatal(err)
	}
	topic, err := outbox.ParseTopic("jobs=job.submitted")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		done <- reactions.Run(ctx, reactions.Config{Journal: told, Reactions: []reactions.Reaction{topic.Fill(keys.Topic("jobs"), pub)}})
	}()
	told.Offer(p.Commits[0])
	for _, found, _ := (&redisreactions.Cursors{Client: client, Keys: keys}).Load(b.Context(), topic.Reaction()); !found; {
		_, found, _ = (&redisreactions.Cursors{Client: client, Keys: keys}).Load(b.Context(), topic.Reaction())
	}
	b.ResetTimer()
	// As a leader does that is not much faster: what is told stays in memory.
	for i, c := range p.Commits[1:] {
		told.Offer(c)
		for i%64 == 63 && client.XLen(b.Context(), keys.Topic("jobs")).Val() < int64(64*(i-128)) {
			<-time.After(time.Millisecond)
		}
	}
	for client.XLen(b.Context(), keys.Topic("jobs")).Val() < int64(b.N) {
		<-time.After(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
