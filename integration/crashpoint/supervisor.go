package crashpoint

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
)

// leader is where calls are decided.
type leader struct {
	rpcapi.Leader
	pass passing
}

// Execute passes points for decisions about jobs. Those about keys are an
// administrator's, who is not part of the storm.
func (l *leader) Execute(ctx context.Context, w eventstore.Work) error {
	if len(w.Aggregates) == 0 {
		return l.Leader.Execute(ctx, w)
	}
	l.pass(SubmitReceived)
	err := l.Leader.Execute(ctx, w)
	if err == nil {
		l.pass(SubmitDecided)
	}
	return err
}

// store is the log and its lease.
type store struct {
	eventstore.Store
	pass  passing
	fresh atomic.Bool // the lease was taken, and nothing appended since
}

// Append passes a point on each side, and another one behind the first commit
// of a term.
func (s *store) Append(ctx context.Context, term uint64, after eventstore.Tip, c eventstore.Batch) error {
	s.pass(CommitSealed)
	err := s.Store.Append(ctx, term, after, c)
	if err == nil {
		if s.fresh.Swap(false) {
			s.pass(TakeoverBegun)
		}
		s.pass(CommitAppended)
	}
	return err
}

// Take passes a point behind it.
func (s *store) Take(ctx context.Context, seen, next eventstore.Holder) error {
	err := s.Store.Take(ctx, seen, next)
	if err == nil {
		s.pass(TakeoverTaken)
		s.fresh.Store(true)
	}
	return err
}

// viewStore is the read models.
type viewStore struct {
	views.Store
	pass passing
}

// Writer returns a writer that passes points.
func (s *viewStore) Writer(fill uint64) views.Writer {
	return &writer{Writer: s.Store.Writer(fill), pass: s.pass}
}

// writer is one way into the read models.
type writer struct {
	views.Writer
	pass passing
	last uint64 // place of the position as it was seen last
}

// Watch looks where the position is.
func (w *writer) Watch(ctx context.Context) (views.Position, error) {
	found, err := w.Writer.Watch(ctx)
	w.last = found.Seq
	return found, err
}

// Commit passes a point on each side. A transaction that moves no place folds
// nothing: it puts queues in order.
func (w *writer) Commit(ctx context.Context, tx *views.Tx) (views.Position, error) {
	folds := tx.Position.Seq != w.last
	if folds {
		w.pass(ProjectFolded)
	}
	found, err := w.Writer.Commit(ctx, tx)
	if err != nil {
		return found, err
	}
	w.last = found.Seq
	if folds {
		w.pass(ProjectWritten)
	} else {
		w.pass(QueueReconciled)
	}
	return found, nil
}

// inbox is where reports come from.
type inbox struct {
	intake.Inbox
	pass passing
}

// Read passes a point when something was there.
func (b *inbox) Read(ctx context.Context, limit int, wait time.Duration) ([]intake.Letter, error) {
	letters, err := b.Inbox.Read(ctx, limit, wait)
	if len(letters) > 0 {
		b.pass(IntakeRead)
	}
	return letters, err
}

// Drop passes a point on each side.
func (b *inbox) Drop(ctx context.Context, through string) error {
	b.pass(IntakeRecorded)
	err := b.Inbox.Drop(ctx, through)
	if err == nil {
		b.pass(IntakeDropped)
	}
	return err
}

// publisher is a topic that tells others.
type publisher struct {
	message.Publisher
	pass passing
}

// Publish passes a point behind it.
func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	err := p.Publisher.Publish(topic, messages...)
	if err == nil {
		p.pass(TopicPublished)
	}
	return err
}

// cursors is how far reactions have come.
type cursors struct {
	journal.Cursors
	pass passing
}

// Save passes a point behind it.
func (c *cursors) Save(ctx context.Context, term uint64, name domain.Name, at journal.Cursor) error {
	err := c.Cursors.Save(ctx, term, name, at)
	if err == nil {
		c.pass(CursorKept)
	}
	return err
}
