package redisstreams

import (
	"cmp"
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/streams"
)

// PublisherConfig is what a [Publisher] needs. Only Client is required.
type PublisherConfig struct {
	Client redis.UniversalClient // stays the caller's to close
	// MaxLen is about how many entries a stream keeps: the oldest go. 0 keeps all.
	MaxLen int64
	// Fence has the publisher write nothing once a term is over; nil if it may
	// always write.
	Fence *Fence
	// Timeout bounds a call, and all that came together with it; 10 s if zero.
	Timeout time.Duration
}

// Fence is a term of a lease: a hash with a field term. The stream must lie in
// the same slot of a cluster.
type Fence struct {
	Lease string // key of the hash
	Term  uint64
}

// Publisher adds messages to streams. It is safe for concurrent use.
type Publisher struct {
	cfg  PublisherConfig
	turn chan struct{} // held by the call that sends

	mu sync.Mutex

	closed  bool
	waiting []*parcel
	open    sync.WaitGroup // calls
}

var _ message.Publisher = (*Publisher)(nil)

// parcel is the messages of one call.
type parcel struct {
	topic   string
	entries [][]any
	done    chan struct{} // closed when err is final
	err     error
}

// maxParcels bounds how many calls share one pipeline, and maxTogether how many
// entries one script adds: no other command waits long behind them.
const (
	maxParcels  = 256
	maxTogether = 256
)

// NewPublisher returns a publisher.
func NewPublisher(cfg PublisherConfig) (*Publisher, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	if cfg.Client == nil || cfg.MaxLen < 0 || cfg.Timeout < 0 {
		return nil, errors.New("a publisher needs a Client, and no number below 0")
	}
	return &Publisher{cfg: cfg, turn: make(chan struct{}, 1)}, nil
}

// Publish adds messages to the end of the stream of that name, in their order,
// and returns when Redis has them. After an error some of them may be there
// already: the same again adds them once more. Errors are
// [eventstore.ErrConflict] when the fence's term is over, [domain.Overloaded]
// when Redis cannot take them now, [domain.Conflict] with the reason stream when
// something else than a stream stands under the name, and [domain.Indeterminate]
// when nobody knows.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	mine := &parcel{topic: topic, entries: make([][]any, len(messages)), done: make(chan struct{})}
	for i, msg := range messages {
		fields, err := streams.Encode(msg)
		if err != nil {
			return fmt.Errorf("encode message %s: %w", msg.UUID, err)
		}
		mine.entries[i] = make([]any, 0, 2*len(fields))
		for _, f := range fields {
			mine.entries[i] = append(mine.entries[i], f.Name, f.Value)
		}
	}
	if err := p.enter(mine); err != nil {
		return err
	}
	defer p.open.Done()
	select {
	case p.turn <- struct{}{}: // whoever sends sends for all who wait
		for !isDone(mine) {
			p.send()
		}
		<-p.turn
	case <-mine.done:
	}
	return mine.err
}

func isDone(p *parcel) bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *Publisher) enter(mine *parcel) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	p.open.Add(1)
	p.waiting = append(p.waiting, mine)
	return nil
}

// send sends what waits, as much as shares a pipeline.
func (p *Publisher) send() {
	p.mu.Lock()
	parcels := p.waiting[:min(len(p.waiting), maxParcels)]
	p.waiting = p.waiting[len(parcels):]
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout)
	defer cancel()
	if p.cfg.Fence == nil {
		p.pipeline(ctx, parcels)
	} else {
		p.fenced(ctx, parcels)
	}
	for _, one := range parcels {
		close(one.done)
	}
}

// pipeline adds parcels with one command an entry.
//
// A crash before it leaves callers without an answer and the streams as they
// were; one in the middle of it leaves some entries added, in their order.
func (p *Publisher) pipeline(ctx context.Context, parcels []*parcel) {
	pipe := p.cfg.Client.Pipeline()
	added := make([][]*redis.StringCmd, len(parcels))
	for i, one := range parcels {
		for _, fields := range one.entries {
			added[i] = append(added[i], pipe.XAdd(ctx, &redis.XAddArgs{
				Stream: one.topic, MaxLen: p.cfg.MaxLen, Approx: p.cfg.MaxLen > 0, Values: fields,
			}))
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, one := range parcels {
		for _, reply := range added[i] {
			one.err = cmp.Or(one.err, publishError(one.topic, reply.Err()))
		}
	}
}

//go:embed publish.lua
var publishSource string

var publishScript = redis.NewScript(publishSource)

// fenced adds parcels with scripts that look at the term.
func (p *Publisher) fenced(ctx context.Context, parcels []*parcel) {
	for _, one := range parcels {
		entries := one.entries
		for len(entries) > 0 && one.err == nil {
			n := min(len(entries), maxTogether)
			one.err = p.add(ctx, one.topic, entries[:n])
			entries = entries[n:]
		}
	}
}

func (p *Publisher) add(ctx context.Context, topic string, entries [][]any) error {
	args := make([]any, 0, 3+len(entries)*len(entries[0]))
	args = append(args, strconv.FormatUint(p.cfg.Fence.Term, 10), p.cfg.MaxLen, len(entries[0]))
	for _, fields := range entries {
		args = append(args, fields...)
	}
	word, err := publishScript.Run(ctx, p.cfg.Client, []string{p.cfg.Fence.Lease, topic}, args...).Text()
	switch {
	case err != nil:
		return publishError(topic, err)
	case word != "ok":
		return fmt.Errorf("publish to %s: %w: the lease is of another term", topic, eventstore.ErrConflict)
	}
	return nil
}

// publishError says what an error of Redis leaves the caller to do.
func publishError(topic string, err error) error {
	if err == nil {
		return nil
	}
	var kind *domain.Error
	switch {
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		kind = domain.Errorf(domain.Conflict, "stream", "the key %s is no stream: rename it, and messages go on", topic)
	case redis.HasErrorPrefix(err, "OOM") || redis.HasErrorPrefix(err, "LOADING") || redis.HasErrorPrefix(err, "READONLY") ||
		redis.HasErrorPrefix(err, "MISCONF") || redis.HasErrorPrefix(err, "NOREPLICAS"):
		kind = domain.Errorf(domain.Overloaded, "redis_refuses", "Redis cannot take messages now")
	default:
		kind = domain.Errorf(domain.Indeterminate, "unanswered", "Redis did not say whether it has the messages")
	}
	return fmt.Errorf("publish to %s: %w: %w", topic, kind, err)
}

// Close takes no more messages and returns when all calls have.
func (p *Publisher) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.open.Wait()
	return nil
}
