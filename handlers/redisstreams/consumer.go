package redisstreams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/handlers/poison"
)

const (
	// tickEvery is how often a consumer that waits for a handler acknowledges
	// what was handled before, so that a crash repeats little.
	tickEvery = time.Second
	// The pause after an error that may pass grows between these.
	minPause = 50 * time.Millisecond
	maxPause = 5 * time.Second
)

// consumer is one subscription. All of it belongs to the goroutine of run.
type consumer struct {
	Config
	stream string
	out    chan *message.Message
	stop   chan struct{} // closed when no more messages are to be handed out

	hand     []entry  // delivered, not settled; the first one is being handled
	acked    []string // settled, not acknowledged at Redis
	adrift   bool     // Redis may have delivered what never arrived
	kept     time.Time
	swept    time.Time
	others   map[string]witness // by consumer
	tick     *time.Ticker
	trouble  time.Duration // the pause after the last error; 0 if all is well
	lastSaid string
}

func newConsumer(cfg Config, stream string) *consumer {
	return &consumer{
		Config: cfg, stream: stream, out: make(chan *message.Message), stop: make(chan struct{}),
		adrift: true, others: map[string]witness{},
	}
}

// run hands out messages until the consumer is to stop. ctx outlives that.
//
// A crash anywhere leaves what was not acknowledged with this consumer: under
// the same name it goes on with it, under another one somebody takes it over
// when nothing was heard of this one for a while.
func (c *consumer) run(ctx context.Context) {
	defer close(c.out)
	c.tick = time.NewTicker(min(tickEvery, c.Silence/silenceLooks))
	defer c.tick.Stop()
	for !c.stopped() {
		batch, err := c.next(ctx)
		if err != nil {
			c.recover(ctx, err)
			continue
		}
		c.well(ctx)
		c.hand, c.kept = batch, time.Now()
		for len(c.hand) > 0 && c.settle(ctx) {
			c.hand = c.hand[1:]
		}
	}
	c.leave(ctx)
}

func (c *consumer) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// recover waits a while after an error. What goes on for long is said once.
func (c *consumer) recover(ctx context.Context, err error) {
	c.adrift = true
	if text := err.Error(); text != c.lastSaid {
		c.lastSaid = text
		c.Log.WarnContext(ctx, "trying again to read a stream", "stream", c.stream, "group", c.Group, "error", err)
	}
	c.trouble = min(max(2*c.trouble, minPause), maxPause)
	c.rest(ctx, c.trouble)
}

// well notes that Redis answered.
func (c *consumer) well(ctx context.Context) {
	if c.trouble > 0 {
		c.trouble, c.lastSaid = 0, ""
		c.Log.InfoContext(ctx, "reading again", "stream", c.stream, "group", c.Group)
	}
}

// What became of a message that was handed out.
type outcome int

const (
	acked outcome = iota
	nacked
	left // the consumer is to stop, and nobody said
)

// settle has the first entry in hand handled, however often it takes. It returns
// false when the consumer stopped before that.
func (c *consumer) settle(ctx context.Context) (settled bool) {
	e := &c.hand[0]
	for {
		msg, err := e.message()
		if err != nil {
			return c.bury(ctx, e, err.Error())
		}
		switch c.offer(ctx, msg) {
		case acked:
			c.acked = append(c.acked, e.id)
			return true
		case left:
			return false
		case nacked:
		}
		if e.deliveries >= c.MaxDeliveries {
			return c.bury(ctx, e, fmt.Sprintf("nacked, and delivered %d times", e.deliveries))
		}
		if !c.rest(ctx, c.Pause) {
			return false
		}
		if held, err := c.hold(ctx, e.id); err == nil && !held {
			return true // somebody took it over
		}
		e.deliveries++
	}
}

// offer hands out a message and waits for what becomes of it.
func (c *consumer) offer(ctx context.Context, msg *message.Message) outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	msg.SetContext(ctx)
	for given := false; !given; {
		select {
		case c.out <- msg:
			given = true
		case <-c.tick.C:
			c.work(ctx)
		case <-c.stop:
			return left
		}
	}
	for {
		select {
		case <-msg.Acked():
			return acked
		case <-msg.Nacked():
			return nacked
		case <-c.tick.C:
			c.work(ctx)
		case <-c.stop:
			return c.await(msg)
		}
	}
}

// await gives a handler its grace.
func (c *consumer) await(msg *message.Message) outcome {
	grace := time.NewTimer(c.Grace)
	defer grace.Stop()
	select {
	case <-msg.Acked():
		return acked
	case <-msg.Nacked():
	case <-grace.C:
	}
	return left
}

// rest waits; false if the consumer is to stop.
func (c *consumer) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return !c.stopped()
		case <-c.tick.C:
			c.work(ctx)
		case <-c.stop:
			return false
		}
	}
}

// work is done now and then while a handler is busy.
func (c *consumer) work(ctx context.Context) {
	if err := c.flush(ctx); err != nil {
		c.Log.WarnContext(ctx, "acknowledging later", "stream", c.stream, "group", c.Group, "error", err)
		return
	}
	if len(c.hand) == 0 || time.Since(c.kept) < c.Silence/silenceLooks {
		return
	}
	ids := make([]string, len(c.hand))
	for i := range c.hand {
		ids[i] = c.hand[i].id
	}
	mine, err := c.keep(ctx, c.Consumer, false, ids)
	if err != nil {
		return // once more with the next tick
	}
	c.kept = time.Now()
	// The first one is being handled, whosever it is now.
	c.hand = slices.DeleteFunc(c.hand, func(e entry) bool { return e.id != ids[0] && !slices.Contains(mine, e.id) })
}

// hold counts another delivery of an entry, if the consumer still holds it.
func (c *consumer) hold(ctx context.Context, id string) (held bool, err error) {
	mine, err := c.keep(ctx, c.Consumer, true, []string{id})
	return len(mine) > 0, err
}

// bury puts an entry aside, and waits for as long as there is no room for it. It
// returns false when the consumer stopped before that.
//
// A crash behind it leaves an entry that is put aside once more.
func (c *consumer) bury(ctx context.Context, e *entry, why string) (settled bool) {
	for {
		err := c.Poison.Put(ctx, poison.Message{
			Handler: c.Handler, Topic: c.stream, Reason: why, Tries: e.deliveries, Fields: e.texts(),
		})
		if err == nil {
			c.acked = append(c.acked, e.id)
			c.Log.ErrorContext(ctx, "a message was put into the poison queue", "stream", c.stream, "handler", c.Handler, "entry", e.id, "because", why)
			return true
		}
		c.Log.WarnContext(ctx, "a message cannot be put into the poison queue; trying again", "stream", c.stream, "entry", e.id, "error", err)
		if !c.rest(ctx, max(c.Pause, tickEvery)) {
			return false
		}
	}
}

// leave acknowledges what was handled and gives the rest back, so that another
// consumer of the group gets it at once.
func (c *consumer) leave(ctx context.Context) {
	ids := make([]string, len(c.hand))
	for i := range c.hand {
		ids[i] = c.hand[i].id
	}
	err := c.flush(ctx)
	if len(ids) > 0 {
		_, e := c.keep(ctx, nobody, false, ids)
		err = errors.Join(err, e)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "left a stream; what it held is delivered again", "stream", c.stream, "group", c.Group, "error", err)
	}
}
