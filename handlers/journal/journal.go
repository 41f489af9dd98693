// Package journal makes a Watermill Subscriber of a partition's log: whoever
// reacts to events gets each of them at least once and in order, and none before
// it is durable at the level that the store is set to.
//
// A [Journal] lives as long as a leader's term. The leader offers it every commit
// once it is durable, which says of everything before that it is so too. Subscriptions that keep up read nothing: what was offered last is
// in memory. One that is behind reads the log, and believes of it what the seals
// prove.
//
// How far a subscription has come is kept under its name and goes on in the next
// term, whoever leads. A crash repeats what was handled since it was kept last, a
// quarter of a second ago at most. When Redis lost the end of the log, or it was
// cut, it goes on where the log and what was handled part.
package journal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/events"
)

// Config is what a journal needs. All fields but Log are required.
type Config struct {
	History   eventstore.Log
	Namespace domain.Name
	Partition uint16
	Term      uint64
	Keys      func() access.State // says who may have sealed
	Cursors   Cursors
	Log       *slog.Logger // none if nil
}

// Journal hands a term's events to subscriptions. It is safe for concurrent use.
type Journal struct {
	cfg Config

	mu sync.Mutex

	recent  []*history.Commit // follow each other
	bytes   int
	first   *history.Commit // that was offered; nil before
	durable uint64          // place of the last event that was offered
	news    chan struct{}   // closed when there is more
}

// Limits of what is kept in memory. Who is further behind reads the log.
const (
	maxRecent      = 256
	maxRecentBytes = 8 << 20
)

// New returns a journal of a term.
func New(cfg Config) *Journal {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Journal{cfg: cfg, news: make(chan struct{})}
}

// Offer hands over a commit that is in the log and durable. Commits come in order,
// and are not changed afterwards; one that was left out is read from the log. It
// never blocks.
func (j *Journal) Offer(c *history.Commit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.first == nil {
		j.first = c
	}
	if c.Seal.First != j.durable+1 {
		j.recent, j.bytes = nil, 0 // they follow each other
	}
	j.durable = c.Seal.Last()
	j.recent = append(j.recent, c)
	j.bytes += sizeOf(c)
	drop := 0
	for len(j.recent)-drop > maxRecent || j.bytes > maxRecentBytes && len(j.recent)-drop > 1 {
		j.bytes -= sizeOf(j.recent[drop])
		drop++
	}
	j.recent = slices.Delete(j.recent, 0, drop)
	close(j.news)
	j.news = make(chan struct{})
}

func sizeOf(c *history.Commit) int {
	size := 0
	for i := range c.Entries {
		size += len(c.Entries[i].Bytes)
	}
	return size
}

// Durable returns the place of the last event that may be handed out; 0 before
// the term has begun.
func (j *Journal) Durable() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable
}

// begun returns the first commit that was offered; nil before. news is closed
// when there is more than that.
func (j *Journal) begun() (first *history.Commit, news <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first, j.news
}

// after returns the commits in memory that follow a place, and up to where
// everything is durable. news is closed when there is more.
func (j *Journal) after(seq uint64) (found []*history.Commit, durable uint64, news <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, ok := slices.BinarySearchFunc(j.recent, seq+1, func(c *history.Commit, first uint64) int {
		switch {
		case c.Seal.First < first:
			return -1
		case c.Seal.First > first:
			return 1
		}
		return 0
	})
	if ok {
		found = slices.Clone(j.recent[at:])
	}
	return found, j.durable, j.news
}

// From says where a subscription begins that has no cursor.
type From bool

// The beginnings.
const (
	Now   From = false // with the term in which it was first seen
	Start From = true  // with the founding
)

// Subscription says who wants to hear what.
type Subscription struct {
	Name  domain.Name // under which its cursor is kept
	Types events.Types
	From  From
	// Batch is how many events one message tells of at most: its payload has a
	// document a line then. 0 and 1 are one message an event, with its metadata.
	Batch int
	// Recall returns how far the subscription came as far as what it did tells,
	// for when its cursor is gone. Nil if nothing tells that.
	Recall func(ctx context.Context) (c Cursor, found bool, err error)
	// Reached is told the place up to which everything was handled. Nil if nobody
	// wants to know.
	Reached func(seq uint64)
}

// MaxBatch bounds [Subscription.Batch].
const MaxBatch = 256

// Subscriber returns a subscriber of what s wants. Of each name there may be one.
func (j *Journal) Subscriber(s Subscription) *Subscriber {
	return &Subscriber{journal: j, s: s, closing: make(chan struct{})}
}

// Subscriber is a Watermill Subscriber that reads the log.
type Subscriber struct {
	journal *Journal
	s       Subscription
	closing chan struct{}

	mu sync.Mutex

	closed bool
	runs   sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// ErrClosed is the answer of a subscriber that was closed, or has a subscription
// already.
var ErrClosed = errors.New("the subscriber was closed, or is subscribed already")

// Subscribe returns the events as messages, in order: the next one comes when the
// one before it was acknowledged. One that is nacked comes again, after a pause
// that grows: whoever gives up on a message puts it aside and acknowledges it. The
// topic is for the log alone. The channel is closed when the subscriber is, ctx has
// ended, or the term is over.
func (s *Subscriber) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	s.closed = true
	r := &reader{
		Journal: s.journal, Subscription: s.s, out: make(chan *message.Message), stop: make(chan struct{}),
	}
	s.runs.Go(func() {
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
			close(r.stop)
		}()
		r.run(work)
	})
	return r.out, nil
}

// Close ends the subscription and returns when it has: the message that is being
// handled has some seconds to be acknowledged.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	select {
	case <-s.closing:
	default:
		close(s.closing)
	}
	s.closed = true
	s.mu.Unlock()
	s.runs.Wait()
	return nil
}

// Pacing.
const (
	keepEvery = 250 * time.Millisecond // how often a cursor is kept
	grace     = 5 * time.Second        // for a handler when a subscription ends
	minPause  = 100 * time.Millisecond // after an error or a nack; grows
	maxPause  = 30 * time.Second
)
