package redisstreams_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/handlers/poison"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
	"github.com/herocode/horus/integration/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

// dial returns a client as a supervisor has them: it sends each command once.
func dial(t testing.TB, server *redistest.Server) redis.UniversalClient {
	t.Helper()
	o, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries, o.PoolSize, o.DisableIdentity = -1, 100, true
	client := redis.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

// bin is a poison queue that stays empty.
func bin(t testing.TB, client redis.UniversalClient) poison.Queue {
	return &redisreactions.Poison{Client: client, Keys: redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(t))}}
}

// pubSubs makes publishers and subscribers on a Redis.
func pubSubs(client redis.UniversalClient) tests.ConsumerGroupPubSubConstructor {
	return func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		t.Helper()
		pub, err := redisstreams.NewPublisher(redisstreams.PublisherConfig{Client: client})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := redisstreams.NewSubscriber(redisstreams.Config{
			Client: client, Group: group, Consumer: watermill.NewShortUUID(), Poison: bin(t, client),
			Block: 50 * time.Millisecond, Pause: time.Millisecond, Silence: time.Second, Grace: 50 * time.Millisecond,
			MaxDeliveries: 1000,
		})
		if err != nil {
			t.Fatal(err)
		}
		return pub, sub
	}
}

// features are all that a Pub/Sub with consumer groups can have: nothing is
// delivered exactly once.
func features(ns string) tests.Features {
	return tests.Features{
		ConsumerGroups: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true, Persistent: true,
		NewSubscriberReceivesOldMessages: true,
		GenerateTopicFunc:                func(c tests.TestContext) string { return fmt.Sprintf("%s:topic-%s", ns, c.TestID) },
	}
}

// TestConformance is Watermill's own suite. Its restart of the server compares
// what was received with a list that is still being written, so there is a test of
// our own for that.
func TestConformance(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	groups := pubSubs(dial(t, server))
	each := func(t *testing.T) (message.Publisher, message.Subscriber) { return groups(t, watermill.NewShortUUID()) }
	tests.TestPubSub(t, features(redistest.Namespace(t)), each, groups)
}
