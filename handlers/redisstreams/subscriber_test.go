package redisstreams_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
	"github.com/herocode/horus/integration/redistest"
)

// patience is how long anything may take that is not measured.
const patience = 30 * time.Second

// stage is one stream with its poison queue.
type stage struct {
	*testing.T
	client redis.UniversalClient
	keys   redisreactions.Keys
	poison *redisreactions.Poison
	stream string
}

func newStage(t *testing.T, server *redistest.Server) *stage {
	t.Helper()
	client := dial(t, server)
	keys := redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(t))}
	return &stage{t, client, keys, &redisreactions.Poison{Client: client, Keys: keys}, keys.Topic("orders")}
}

// subscriber returns a subscriber whose consumers are quick to notice things.
func (s *stage) subscriber(change func(*redisstreams.Config)) *redisstreams.Subscriber {
	s.Helper()
	cfg := redisstreams.Config{
		Client: s.client, Group: "billing", Consumer: "a", Poison: s.poison,
		Block: 20 * time.Millisecond, Pause: time.Millisecond, Silence: time.Second, Grace: 20 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	sub, err := redisstreams.NewSubscriber(cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { sub.Close() })
	return sub
}

func (s *stage) subscribe(sub *redisstreams.Subscriber) <-chan *message.Message {
	s.Helper()
	messages, err := sub.Subscribe(s.Context(), s.stream)
	if err != nil {
		s.Fatal(err)
	}
	return messages
}

func (s *stage) publisher(cfg redisstreams.PublisherConfig) *redisstreams.Publisher {
	s.Helper()
	cfg.Client = s.client
	pub, err := redisstreams.NewPublisher(cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { pub.Close() })
	return pub
}

// publish adds messages whose ids are numbers.
func (s *stage) publish(from, to int) {
	s.Helper()
	if err := s.publisher(redisstreams.PublisherConfig{}).Publish(s.stream, numbered(from, to)...); err != nil {
		s.Fatal(err)
	}
}

func numbered(from, to int) []*message.Message {
	var messages []*message.Message
	for i := from; i <= to; i++ {
		messages = append(messages, message.NewMessage(strconv.Itoa(i), []byte("x")))
	}
	return messages
}

// receive returns the next message.
func receive(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case msg, open := <-messages:
		if !open {
			t.Fatal("the subscription ended")
		}
		return msg
	case <-timer.C:
		t.Fatal("no message comes")
	}
	return nil
}

// take acknowledges n messages and returns their ids.
func take(t *testing.T, messages <-chan *message.Message, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		msg := receive(t, messages)
		ids[i] = msg.UUID
		msg.Ack()
	}
	return ids
}

func ids(from, to int) []string {
	var all []string
	for _, msg := range numbered(from, to) {
		all = append(all, msg.UUID)
	}
	return all
}

// eventually waits until nothing is wrong any more.
func eventually(t *testing.T, look func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for err := look(); err != nil; err = look() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// pending returns how many entries the group holds as not acknowledged.
func (s *stage) pending() int64 {
	s.Helper()
	summary, err := s.client.XPending(s.Context(), s.stream, "billing").Result()
	if err != nil {
		s.Fatal(err)
	}
	return summary.Count
}

func TestMessagesComeInOrderAndSayWhereTheyStood(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 500)
	messages := s.subscribe(s.subscriber(nil))
	first := receive(t, messages)
	entries, err := s.client.XRangeN(t.Context(), s.stream, "-", "+", 1).Result()
	if err != nil {
		t.Fatal(err)
	}
	want := message.Metadata{redisstreams.EntryID: entries[0].ID, redisstreams.Deliveries: "1"}
	if diff := cmp.Diff(want, first.Metadata); diff != "" {
		t.Errorf("metadata of the first message (-want +got):\n%s", diff)
	}
	first.Ack()
	if diff := cmp.Diff(ids(2, 500), take(t, messages, 499)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	eventually(t, func() error {
		if n := s.pending(); n != 0 {
			return fmt.Errorf("%d entries are not acknowledged", n)
		}
		return nil
	})
}

func TestANackedMessageComesAgainAndGoesToThePoisonQueueInTheEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 3)
	messages := s.subscribe(s.subscriber(func(c *redisstreams.Config) { c.MaxDeliveries = 3 }))
	for n := 1; n <= 3; n++ {
		msg := receive(t, messages)
		if got := msg.Metadata.Get(redisstreams.Deliveries); msg.UUID != "1" || got != strconv.Itoa(n) {
			t.Fatalf("message %s was delivered %s times, want 1 and %d", msg.UUID, got, n)
		}
		msg.Nack()
	}
	if diff := cmp.Diff(ids(2, 3), take(t, messages, 2)); diff != "" {
		t.Errorf("messages behind it (-want +got):\n%s", diff)
	}
	waiting, err := s.poison.List(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(waiting) != 1 || waiting[0].UUID != "1" || waiting[0].Handler != "billing" || waiting[0].Topic != s.stream || waiting[0].Tries != 3 {
		t.Errorf("the poison queue holds %+v, want message 1 after 3 deliveries", waiting)
	}
}

// A malformed entry ended the subscription of watermill-redisstream for good,
// and all messages behind it waited. Here it is put aside as it is.
func TestAMalformedEntryDoesNotEndTheSubscription(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 1)
	for _, fields := range []map[string]any{
		{"nonsense": "1"},
		{"_watermill_message_uuid": "x", "metadata": "\xc1", "payload": "p"},
		{"_watermill_message_uuid": "x", "metadata": "\xdf\xff\xff\xff\xff"},
	} {
		if err := s.client.XAdd(t.Context(), &redis.XAddArgs{Stream: s.stream, Values: fields}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.publish(2, 2)
	messages := s.subscribe(s.subscriber(nil))
	if diff := cmp.Diff(ids(1, 2), take(t, messages, 2)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	waiting, err := s.poison.List(t.Context(), "", 10)
	if err != nil || len(waiting) != 3 {
		t.Fatalf("the poison queue holds %+v, %v; want three entries", waiting, err)
	}
	if diff := cmp.Diff(map[string]string{"nonsense": "1"}, waiting[0].Fields); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
}

// A consumer that dies with a batch in hand leaves it to the others, who go by
// their own clock.
func TestEntriesOfADeadConsumerAreTakenOver(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 10)
	if err := s.client.XGroupCreate(t.Context(), s.stream, "billing", "0").Err(); err != nil {
		t.Fatal(err)
	}
	dead := redis.XReadGroupArgs{Group: "billing", Consumer: "dead", Streams: []string{s.stream, ">"}, Count: 6}
	if err := s.client.XReadGroup(t.Context(), &dead).Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	messages := s.subscribe(s.subscriber(nil))
	if diff := cmp.Diff(ids(7, 10), take(t, messages, 4)); diff != "" {
		t.Errorf("what nobody held (-want +got):\n%s", diff)
	}
	msg := receive(t, messages)
	if took := time.Since(began); took < time.Second {
		t.Errorf("taken over after %s, want not before the consumer was silent for a second", took)
	}
	if got := msg.Metadata.Get(redisstreams.Deliveries); msg.UUID != "1" || got != "2" {
		t.Errorf("message %s was delivered %s times, want 1 and 2", msg.UUID, got)
	}
	msg.Ack()
	if diff := cmp.Diff(ids(2, 6), take(t, messages, 5)); diff != "" {
		t.Errorf("what the dead one held (-want +got):\n%s", diff)
	}
	eventually(t, func() error {
		consumers, err := s.client.XInfoConsumers(t.Context(), s.stream, "billing").Result()
		if err != nil || len(consumers) != 1 || consumers[0].Name != "a" {
			return fmt.Errorf("the consumers are %+v, %w; want a alone", consumers, err)
		}
		return nil
	})
}

// A consumer whose handler takes longer than anybody's patience keeps what it
// has in hand, and nobody else gets it.
func TestASlowConsumerKeepsWhatItHolds(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 5)
	slow := s.subscribe(s.subscriber(nil))
	first := receive(t, slow)
	other := s.subscribe(s.subscriber(func(c *redisstreams.Config) { c.Consumer = "b" }))
	timer := time.NewTimer(3 * time.Second) // of a second's silence
	defer timer.Stop()
	select {
	case msg := <-other:
		t.Errorf("the other consumer got message %s", msg.UUID)
	case <-timer.C:
	}
	first.Ack()
	if diff := cmp.Diff(ids(2, 5), take(t, slow, 4)); diff != "" {
		t.Errorf("messages of the slow one (-want +got):\n%s", diff)
	}
}

// What a consumer did not come to is given back when it leaves, and what was
// handled is acknowledged.
func TestACloseGivesBackWhatWasNotHandled(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 20)
	sub := s.subscriber(func(c *redisstreams.Config) { c.Silence = time.Hour })
	messages := s.subscribe(sub)
	take(t, messages, 5)
	sub.Close()
	again := s.subscribe(s.subscriber(func(c *redisstreams.Config) { c.Consumer, c.Silence = "b", time.Hour }))
	if diff := cmp.Diff(ids(6, 20), take(t, again, 15)); diff != "" {
		t.Errorf("messages for the next one (-want +got):\n%s", diff)
	}
}

// Close waits for the handler that has a message, and gives it time.
func TestCloseWaitsForTheHandler(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 2)
	sub := s.subscriber(func(c *redisstreams.Config) { c.Grace = patience })
	messages := s.subscribe(sub)
	msg := receive(t, messages)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		sub.Close()
	}()
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-closed:
		t.Error("Close did not wait")
	case <-timer.C:
	}
	if err := msg.Context().Err(); err != nil {
		t.Errorf("the handler's context has ended: %v", err)
	}
	msg.Ack()
	<-closed
	if n := s.pending(); n != 1 {
		t.Errorf("%d entries are not acknowledged, want the one that was not handled", n)
	}
	if err := s.client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the client was closed: %v", err)
	}
}

// A message that kills whoever handles it comes first each time, so it is the
// one that is put aside, and not those that were only delivered together with it.
func TestAMessageThatKillsIsPutAside(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 3)
	if err := s.client.XGroupCreate(t.Context(), s.stream, "billing", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{">", "0", "0"} { // it died three times
		read := redis.XReadGroupArgs{Group: "billing", Consumer: "a", Streams: []string{s.stream, from}}
		if err := s.client.XReadGroup(t.Context(), &read).Err(); err != nil {
			t.Fatal(err)
		}
	}
	messages := s.subscribe(s.subscriber(func(c *redisstreams.Config) { c.MaxDeliveries = 3 }))
	if diff := cmp.Diff(ids(2, 3), take(t, messages, 2)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if n, err := s.poison.Len(t.Context()); n != 1 || err != nil {
		t.Errorf("%d messages are put aside, %v; want 1", n, err)
	}
}

func TestAGroupThatSomebodyRemovedIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 2)
	messages := s.subscribe(s.subscriber(nil))
	take(t, messages, 2)
	if err := s.client.Del(t.Context(), s.stream).Err(); err != nil {
		t.Fatal(err)
	}
	s.publish(3, 4)
	if diff := cmp.Diff(ids(3, 4), take(t, messages, 2)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestDeleteLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	s.publish(1, 30)
	messages := s.subscribe(s.subscriber(func(c *redisstreams.Config) { c.Delete = true }))
	take(t, messages, 30)
	eventually(t, func() error {
		if n, err := s.client.XLen(t.Context(), s.stream).Result(); n != 0 || err != nil {
			return fmt.Errorf("%d entries are left, %w", n, err)
		}
		return nil
	})
}

// Redis is killed twice while publishers and a subscriber are at work: every
// message arrives, and the first time that each arrives is in the order in which
// its publisher sent it.
func TestNothingIsLostOverRestarts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
	s := newStage(t, server)
	pub := s.publisher(redisstreams.PublisherConfig{})
	messages := s.subscribe(s.subscriber(nil))
	const publishers, each = 8, 300
	var sent sync.WaitGroup
	for p := range publishers {
		sent.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d/%04d", p, i)
				for pub.Publish(s.stream, message.NewMessage(id, nil)) != nil {
					<-time.After(5 * time.Millisecond)
				}
			}
		})
	}
	got := map[int][]string{}
	seen := map[string]bool{}
	for len(seen) < publishers*each {
		if n := len(seen); (n == 400 || n == 1200) && len(got[n]) == 0 {
			got[n] = []string{"restarted"} // once each
			server.Kill()
			server.Restart()
		}
		msg := receive(t, messages)
		if !seen[msg.UUID] {
			seen[msg.UUID] = true
			p, _ := strconv.Atoi(msg.UUID[:1])
			got[-p-1] = append(got[-p-1], msg.UUID)
		}
		msg.Ack()
	}
	sent.Wait()
	for p := range publishers {
		if !slices.IsSorted(got[-p-1]) {
			t.Errorf("messages of publisher %d came in another order", p)
		}
	}
}

func TestPublishersThatComeTogetherShareARoundTrip(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	pub := s.publisher(redisstreams.PublisherConfig{MaxLen: 100_000})
	var calls sync.WaitGroup
	for i := range 64 {
		calls.Go(func() {
			if err := pub.Publish(s.stream, numbered(10*i, 10*i+9)...); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if n, err := s.client.XLen(t.Context(), s.stream).Result(); n != 640 || err != nil {
		t.Errorf("%d entries, %v; want 640", n, err)
	}
	pub.Close()
	if err := pub.Publish(s.stream, numbered(1, 1)...); err == nil {
		t.Error("a closed publisher takes messages")
	}
}

// A leader that was paused wakes up and would publish what others published long
// ago: its term is over, so it writes nothing.
func TestAFencedPublisherWritesInItsTermAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	lease := s.keys.Lease()
	if err := s.client.HSet(t.Context(), lease, "term", 7).Err(); err != nil {
		t.Fatal(err)
	}
	pub := s.publisher(redisstreams.PublisherConfig{MaxLen: 1000, Fence: &redisstreams.Fence{Lease: lease, Term: 7}})
	if err := pub.Publish(s.stream, numbered(1, 600)...); err != nil {
		t.Fatal(err)
	}
	if err := s.client.HSet(t.Context(), lease, "term", 8).Err(); err != nil {
		t.Fatal(err)
	}
	if err := pub.Publish(s.stream, numbered(601, 601)...); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("published in another term: %v, want a conflict", err)
	}
	if n, err := s.client.XLen(t.Context(), s.stream).Result(); n != 600 || err != nil {
		t.Errorf("%d entries, %v; want 600", n, err)
	}
}

func TestAPublisherSaysWhatIsToBeDone(t *testing.T) {
	t.Parallel()
	s := newStage(t, redistest.Shared(t))
	if err := s.client.Set(t.Context(), s.stream, "no stream", 0).Err(); err != nil {
		t.Fatal(err)
	}
	err := s.publisher(redisstreams.PublisherConfig{}).Publish(s.stream, numbered(1, 1)...)
	if domain.CodeOf(err) != domain.Conflict || domain.ReasonOf(err) != "stream" {
		t.Errorf("published to what is no stream: %v", err)
	}
}

func TestConfigurationsThatCannotBeRight(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	good := redisstreams.Config{Client: client, Group: "g", Consumer: "c", Poison: &redisreactions.Poison{}}
	for name, change := range map[string]func(*redisstreams.Config){
		"no client":       func(c *redisstreams.Config) { c.Client = nil },
		"no group":        func(c *redisstreams.Config) { c.Group = "" },
		"nobody":          func(c *redisstreams.Config) { c.Consumer = "-" },
		"no poison queue": func(c *redisstreams.Config) { c.Poison = nil },
		"a large batch":   func(c *redisstreams.Config) { c.Batch = 1001 },
		"a long block":    func(c *redisstreams.Config) { c.Block = time.Minute },
		"no silence":      func(c *redisstreams.Config) { c.Silence = time.Millisecond },
	} {
		bad := good
		change(&bad)
		if _, err := redisstreams.NewSubscriber(bad); err == nil {
			t.Errorf("%s: a subscriber", name)
		}
	}
	if _, err := redisstreams.NewSubscriber(good); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
