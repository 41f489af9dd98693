package redisstreams

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/handlers/poison"
)

// Config is what a [Subscriber] needs. Fields without a default are required.
type Config struct {
	// Client stays the caller's to close. Every subscription keeps one of its
	// connections busy. It should send each command once (MaxRetries: -1); where it
	// repeats a read, what the lost reply held comes a little later.
	Client redis.UniversalClient
	Group  string // consumer group; made when it is not there, before the first entry
	// Consumer names this process within the group. One that starts again under
	// its name goes on with what it held. No two may bear the same at once.
	Consumer string
	// Poison takes what cannot be handled.
	Poison poison.Queue
	// Handler is the name under which it does; Group if empty.
	Handler string

	Batch         int           // entries of one read; 200 if zero
	Block         time.Duration // how long a read waits for the first entry; 1 s if zero, 2 s at most
	Pause         time.Duration // before a message that was nacked comes again; 1 s if zero
	MaxDeliveries uint64        // of a message, before it goes to the poison queue; 10 if zero
	Silence       time.Duration // after which a consumer of which nothing is heard is gone; 60 s if zero
	Grace         time.Duration // how long Close waits for a handler; 10 s if zero
	// Delete removes entries when they are acknowledged. It is for streams of
	// which there is no other group.
	Delete bool
	Log    *slog.Logger // none if nil
}

func (c *Config) check() error {
	c.Batch, c.Block = cmp.Or(c.Batch, 200), cmp.Or(c.Block, time.Second)
	c.Pause, c.MaxDeliveries = cmp.Or(c.Pause, time.Second), cmp.Or(c.MaxDeliveries, 10)
	c.Silence, c.Grace = cmp.Or(c.Silence, time.Minute), cmp.Or(c.Grace, 10*time.Second)
	c.Handler = cmp.Or(c.Handler, c.Group)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Client == nil:
		return errors.New("a subscriber needs a Client")
	case c.Group == "" || c.Consumer == "" || c.Consumer == nobody:
		return errors.New("a subscriber needs a Group, and a Consumer that is not " + nobody)
	case c.Poison == nil:
		return errors.New("a subscriber needs a Poison queue")
	case c.Batch < 1 || c.Batch > 1000:
		return errors.New("a subscriber's Batch is 1 to 1000")
	case c.Block < time.Millisecond || c.Block > 2*time.Second:
		return errors.New("a subscriber's Block is 1 ms to 2 s: a read cannot be interrupted")
	case c.Pause < 0 || c.Silence < time.Second || c.Grace < 0:
		return errors.New("a subscriber's Silence is 1 s at least, and no duration is below 0")
	}
	return nil
}

// nobody holds entries that a consumer gave back when it left. It never reads.
const nobody = "-"

// Subscriber reads streams through a consumer group. It is safe for concurrent
// use.
type Subscriber struct {
	cfg     Config
	closing chan struct{}

	mu sync.Mutex

	closed        bool
	subscriptions sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// NewSubscriber returns a subscriber that has done nothing yet.
func NewSubscriber(cfg Config) (*Subscriber, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Subscriber{cfg: cfg, closing: make(chan struct{})}, nil
}

// errClosed is the answer of what was closed.
var errClosed = errors.New("it is closed")

// Subscribe takes messages from the stream of that name, which is made when it
// is not there. The channel is closed when the subscriber is, or ctx has ended,
// and never for another reason: what goes wrong on the way is tried again.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	c := newConsumer(s.cfg, topic)
	if err := c.makeGroup(ctx); err != nil {
		return nil, err
	}
	s.subscriptions.Go(func() {
		work, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-ctx.Done():
			case <-s.closing:
			case <-done:
			}
			close(c.stop)
		}()
		c.run(work)
	})
	return c.out, nil
}

// SubscribeInitialize makes the stream and its group, so that what is published
// from now on is kept for whoever subscribes.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	return newConsumer(s.cfg, topic).makeGroup(context.Background())
}

// Close ends all subscriptions. It returns when every message that was handed
// out was acknowledged or nacked, or Grace has passed; then their contexts are
// cancelled.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.subscriptions.Wait()
	return nil
}
