package redisstreams_test

import (
	"context"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
	"github.com/herocode/horus/handlers/streams"
	"github.com/herocode/horus/integration/redistest"
)

// BenchmarkRead reads and acknowledges messages of 200 bytes. Compare what one
// run says: bare is the loop that somebody would write by hand, with the
// acknowledgements of a batch in the next read's pipeline; watermill-redisstream is
// what there is.
func BenchmarkRead(b *testing.B) {
	for name, read := range map[string]func(*testing.B, redis.UniversalClient, string){
		"bare": readBare, "ours": readOurs, "watermill-redisstream": readTheirs,
	} {
		b.Run(name, func(b *testing.B) {
			client := dial(b, redistest.Shared(b))
			stream := redistest.Namespace(b) + ":stream"
			fill(b, client, stream, b.N)
			b.ResetTimer()
			read(b, client, stream)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.StopTimer()
			client.Del(context.Background(), stream)
		})
	}
}

func fill(b *testing.B, client redis.UniversalClient, stream string, n int) {
	b.Helper()
	pub, err := redisstreams.NewPublisher(redisstreams.PublisherConfig{Client: client})
	if err != nil {
		b.Fatal(err)
	}
	for n > 0 {
		batch := make([]*message.Message, min(n, 500))
		for i := range batch {
			batch[i] = message.NewMessage(watermill.NewUUID(), make([]byte, 200))
		}
		if err := pub.Publish(stream, batch...); err != nil {
			b.Fatal(err)
		}
		n -= len(batch)
	}
}

func readBare(b *testing.B, client redis.UniversalClient, stream string) {
	b.Helper()
	ctx := context.Background()
	if err := client.XGroupCreate(ctx, stream, "g", "0").Err(); err != nil {
		b.Fatal(err)
	}
	var acks []string
	for left := b.N; left > 0; {
		pipe := client.Pipeline()
		if len(acks) > 0 {
			pipe.XAck(ctx, stream, "g", acks...)
		}
		reply := pipe.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{stream, ">"}, Count: 200, Block: -1})
		if _, err := pipe.Exec(ctx); err != nil {
			b.Fatal(err)
		}
		acks = acks[:0]
		for _, m := range reply.Val()[0].Messages {
			if _, err := streams.Decode(m.Values); err != nil {
				b.Fatal(err)
			}
			acks = append(acks, m.ID)
		}
		left -= len(acks)
	}
}

func readOurs(b *testing.B, client redis.UniversalClient, stream string) {
	b.Helper()
	sub, err := redisstreams.NewSubscriber(redisstreams.Config{
		Client: client, Group: "g", Consumer: "c",
		Poison: &redisreactions.Poison{Client: client, Keys: redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(b))}},
	})
	if err != nil {
		b.Fatal(err)
	}
	drain(b, sub, stream)
}

func readTheirs(b *testing.B, client redis.UniversalClient, stream string) {
	b.Helper()
	o := client.(*redis.Client).Options()
	sub, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{ // it closes its client
		Client: redis.NewClient(o), ConsumerGroup: "g", Consumer: "c", DisableIndefiniteInitialBlock: true, BlockTime: 10 * time.Millisecond,
	}, watermill.NopLogger{})
	if err != nil {
		b.Fatal(err)
	}
	drain(b, sub, stream)
}

func drain(b *testing.B, sub message.Subscriber, stream string) {
	b.Helper()
	messages, err := sub.Subscribe(context.Background(), stream)
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		(<-messages).Ack()
	}
	b.StopTimer()
	if err := sub.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPublish publishes messages of 1 KiB, 256 a call.
func BenchmarkPublish(b *testing.B) {
	client := dial(b, redistest.Shared(b))
	lease := redistest.Namespace(b) + ":lease"
	client.HSet(context.Background(), lease, "term", 1)
	ours := func(cfg redisstreams.PublisherConfig) message.Publisher {
		cfg.Client, cfg.MaxLen = client, 10_000
		pub, err := redisstreams.NewPublisher(cfg)
		if err != nil {
			b.Fatal(err)
		}
		return pub
	}
	theirs, err := redisstream.NewPublisher(redisstream.PublisherConfig{
		Client: redis.NewClient(client.(*redis.Client).Options()), DefaultMaxlen: 10_000,
	}, watermill.NopLogger{})
	if err != nil {
		b.Fatal(err)
	}
	for name, pub := range map[string]message.Publisher{
		"ours":                  ours(redisstreams.PublisherConfig{}),
		"ours, fenced":          ours(redisstreams.PublisherConfig{Fence: &redisstreams.Fence{Lease: lease, Term: 1}}),
		"watermill-redisstream": theirs,
	} {
		b.Run(name, func(b *testing.B) {
			stream := redistest.Namespace(b) + ":stream"
			for left := b.N; left > 0; {
				batch := make([]*message.Message, min(left, 256))
				for i := range batch {
					batch[i] = message.NewMessage(watermill.NewUUID(), make([]byte, 1024))
				}
				if err := pub.Publish(stream, batch...); err != nil {
					b.Fatal(err)
				}
				left -= len(batch)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.StopTimer()
			client.Del(context.Background(), stream)
		})
	}
}
