// Listen prints what Horus tells of events, as any service can hear it that knows
// Watermill:
//
//	go run ./docs/listen
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/redis/go-redis/v9"
)

func main() {
	address := flag.String("redis", "localhost:6379", "Redis that holds the history")
	topic := flag.String("topic", "horus:{p000}:topic:jobs", "stream of the topic")
	flag.Parse()

	subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{
		Client:        redis.NewClient(&redis.Options{Addr: *address}),
		ConsumerGroup: "listen", // each group gets every event; its members share them

		DisableIndefiniteInitialBlock: true,
	}, watermill.NopLogger{})
	if err != nil {
		log.Fatal(err)
	}
	messages, err := subscriber.Subscribe(context.Background(), *topic)
	if err != nil {
		log.Fatal(err)
	}
	for msg := range messages {
		fmt.Println(msg.Metadata["seq"], msg.Metadata["type"], msg.Metadata["aggregate"])
		msg.Ack()
	}
}
