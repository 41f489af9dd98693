package redisqueue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

// BenchmarkRunner is a whole runner with a handler that does nothing: jobs that
// wait in Redis are claimed, proved, run and reported.
func BenchmarkRunner(b *testing.B) {
	for _, signed := range []bool{false, true} {
		b.Run(fmt.Sprintf("signed=%t", signed), func(b *testing.B) { benchmarkRunner(b, signed) })
	}
}

func benchmarkRunner(b *testing.B, signed bool) {
	server := redistest.Start(b, redistest.Options{})
	client := server.Client()
	keys := queue.Keys{Namespace: "bench"}
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	var statements uint64
	h := queuetest.Found(b, keys.Namespace, func(statement string) {
		statements++
		must(client.HSet(b.Context(), keys.Statements(), queue.StatementField(statements), statement).Err())
	})
	signer := queuetest.Key(b, "client")
	h.Admit(access.Client, "c1", signer)
	q := keys.Jobs(job.RunnerQueue("r1"))
	must(client.XGroupCreateMkStream(b.Context(), q, queue.Group, "0").Err())
	wire, err := redisqueue.New(server.URL(), keys)
	must(err)
	defer wire.Close()
	key := queuetest.Key(b, "runner")
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		done <- runnersdk.Serve(ctx, runnersdk.Config{
			Runner: "r1", Key: key, Wire: wire, Namespace: keys.Namespace, Slots: 64, Process: "a1",
		}, func(context.Context, *runnersdk.Job) (string, error) { return "", nil })
	}()
	inbox := inbox{client: client, key: keys.Inbox(), after: "0"}
	must(inbox.await(b.Context(), 1)) // it asks to join
	fill(b, h, client, q, signer, signed)

	b.ResetTimer()
	notice := h.Welcome("r1", "a1", runner.Join{Key: key.Public(), Slots: 64}, runner.Mark{Queue: job.RunnerQueue("r1"), Seq: 1})
	must(client.XAdd(b.Context(), &redis.XAddArgs{Stream: keys.Control("r1"), Values: notice.Fields()}).Err())
	must(inbox.await(b.Context(), b.N))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	stop()
	must(<-done)
}

// fill queues b.N jobs in commits of 50.
func fill(b *testing.B, h *queuetest.History, client *redis.Client, q string, signer signing.PrivateKey, signed bool) {
	b.Helper()
	for made := 0; made < b.N; {
		var events [][]byte
		for ; len(events) < 50 && made < b.N; made++ {
			id := fmt.Sprintf("job-%d", made)
			s := job.Submission{Form: job.FormUnsigned, Doc: []byte(queuetest.Document(id, strings.Repeat("x", 200)))}
			if signed {
				s = queuetest.Sign(string(s.Doc), signer)
			}
			_, grant := h.GrantOf(s)
			events = append(events, event.Append(nil, h.Header(queuetest.JobAggregate(id)), job.Submitted{Submission: s, Grant: grant}))
		}
		pipe := client.Pipeline()
		for _, p := range h.Seal(events...) {
			a := queuetest.Assignment(p)
			pipe.XAdd(b.Context(), &redis.XAddArgs{Stream: q, ID: a.ID.String(), Values: a.Fields()})
		}
		if _, err := pipe.Exec(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// inbox counts reports.
type inbox struct {
	client     *redis.Client
	key, after string
}

// await returns when so many more reports came.
func (i *inbox) await(ctx context.Context, reports int) error {
	for reports > 0 {
		streams, err := i.client.XRead(ctx, &redis.XReadArgs{Streams: []string{i.key, i.after}, Count: 100, Block: 0}).Result()
		if err != nil {
			return err
		}
		for _, m := range streams[0].Messages {
			i.after = m.ID
			doc, _ := m.Values["bundle"].(string)
			reports -= strings.Count(doc, `"t":"`)
		}
	}
	return nil
}
