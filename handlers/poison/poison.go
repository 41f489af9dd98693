// Package poison is where messages wait that no handler could cope with, so that
// those behind them go on. A person looks at them, repairs the cause, and has
// them handled once more, or drops them.
//
//	waiting, err := queue.List(ctx, "", 100)
//	moved, err := queue.Replay(ctx, waiting[0].ID)
package poison

import (
	"context"
	"time"

	"github.com/herocode/horus/domain"
)

// Limits of a queue.
const (
	// MaxMessages is how many messages wait at most. Then handlers wait too, and
	// nothing is lost: so many are no accident, and somebody has to look.
	MaxMessages = 10_000
	// MaxMoved is how many messages one call replays or drops.
	MaxMoved = 1000
	// MaxListed is how many messages one call lists.
	MaxListed = 1000
	// MaxReason bounds the reason of a message, in bytes.
	MaxReason = 1024
)

// Message is a message that waits.
type Message struct {
	ID      string    // in the queue, set by it: messages are listed in their order
	At      time.Time // when it was put there, on the queue's own clock
	Handler string    // who could not cope with it
	Topic   string    // where the handler had it from
	Reason  string    // what went wrong last; at most MaxReason bytes
	Tries   uint64    // how often it was tried, or delivered
	// Fields is the message as its stream had it. What follows is what they say,
	// set by the queue; empty when they are no message.
	Fields   map[string]string
	UUID     string
	Metadata map[string]string
	Payload  []byte
}

// Queue keeps messages until somebody decides. It is safe for concurrent use.
type Queue interface {
	// Put adds a message; ID and At are the queue's to set. [ErrFull] means that
	// there is no room: the caller keeps the message and asks again later.
	Put(ctx context.Context, m Message) error
	// Len returns how many messages wait.
	Len(ctx context.Context) (int, error)
	// List returns messages behind an id, the oldest first; all from the first
	// one if after is empty.
	List(ctx context.Context, after string, limit int) ([]Message, error)
	// Replay hands messages to their handlers once more: those with these ids,
	// or the oldest ones if there are none. A message whose handler fails again
	// comes back. [domain.Conflict] with the reason no_handler means that nothing
	// runs here under the name that the message bears.
	Replay(ctx context.Context, ids ...string) (Moved, error)
	// Drop removes messages for good: those with these ids, or the oldest ones
	// if there are none.
	Drop(ctx context.Context, ids ...string) (Moved, error)
}

// Moved says what became of a call.
type Moved struct {
	Count int  // messages that were there, and are no more
	More  bool // there are more than one call moves: ask again
}

// ErrFull means that the queue has room for no more.
var ErrFull error = domain.Errorf(domain.Overloaded, "poison_full",
	"%d messages wait in the poison queue, which is the most: look with horus poison list, then replay or drop them", MaxMessages)

// Cut shortens a reason to its first line and [MaxReason] bytes: what follows is
// a stack, which stands in the log.
func Cut(reason string) string {
	for i, c := range reason {
		if c == '\n' || c == '\r' || i > MaxReason-4 {
			return reason[:i] + " …"
		}
	}
	return reason
}
