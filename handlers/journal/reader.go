package journal

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/projections/proofs"
)

// reader is one subscription on its way. All of it belongs to the goroutine of
// run.
type reader struct {
	*Journal
	Subscription
	out  chan *message.Message
	stop chan struct{} // closed when no more messages are to be handed out

	at      place
	handled uint64 // place of the last event that was handled, or that nobody wants
	cursor  Cursor // of that place
	kept    Cursor // as it is kept
	keptAt  time.Time
	trouble time.Duration // the pause after the last error; 0 if all is well
	said    string
}

// errEnded ends a reader that is to stop.
var errEnded = errors.New("the subscription has ended")

// run hands out messages until the reader is to stop, or its term is over. ctx
// outlives that.
func (r *reader) run(ctx context.Context) {
	defer close(r.out)
	opened := false
	for !r.stopped() {
		var err error
		if !opened {
			err = r.open(ctx)
			opened = err == nil
			r.reached()
		} else {
			err = r.turn(ctx)
		}
		switch {
		case errors.Is(err, errEnded):
		case errors.Is(err, eventstore.ErrConflict):
			return // the term is over, and whoever leads in the next goes on
		case err != nil:
			r.recover(ctx, err)
		default:
			r.trouble, r.said = 0, ""
		}
	}
	if err := r.keep(ctx); err != nil && opened {
		r.cfg.Log.WarnContext(ctx, "what was handled last is handled again in the next term", "reaction", r.Name, "error", err)
	}
}

func (r *reader) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// recover waits a while after an error. What goes on for long is said once.
func (r *reader) recover(ctx context.Context, err error) {
	if text := err.Error(); text != r.said {
		r.said = text
		r.cfg.Log.WarnContext(ctx, "a reaction waits; trying again", "reaction", r.Name, "after_seq", r.handled, "error", err)
	}
	r.trouble = min(max(2*r.trouble, minPause), maxPause)
	r.rest(r.trouble, nil)
}

// rest waits until d has passed, there is news, or the reader is to stop.
func (r *reader) rest(d time.Duration, news <-chan struct{}) {
	var late <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-late:
	case <-news:
	case <-r.stop:
	}
}

// open finds out where to go on, once the term has begun: until then nobody can
// say what is durable.
func (r *reader) open(ctx context.Context) error {
	first, news := r.begun()
	if first == nil {
		r.rest(0, news)
		if first, _ = r.begun(); first == nil {
			return errEnded
		}
	}
	c, found, err := r.cfg.Cursors.Load(ctx, r.Name)
	if err == nil && !found && r.Recall != nil {
		c, found, err = r.Recall(ctx)
	}
	switch {
	case err != nil:
		return err
	case found && !c.IsZero():
		if r.at, r.handled, err = r.resume(ctx, c); err != nil {
			return err
		}
		if r.handled != c.Seq {
			r.cfg.Log.WarnContext(ctx, "the log lacks what a reaction has handled; it goes on where the two part",
				"reaction", r.Name, "handled", c.Seq, "after_seq", r.handled)
		}
		return nil
	case r.From == Start:
		r.at = place{sure: true}
		return nil
	}
	// A crash before this begins the subscription with the next term.
	c = Cursor{first.Seal.Last(), first.Seal}
	if err := r.cfg.Cursors.Save(ctx, r.cfg.Term, r.Name, c); err != nil {
		return err
	}
	r.cfg.Log.InfoContext(ctx, "a reaction begins", "reaction", r.Name, "after_seq", c.Seq)
	r.cursor, r.kept, r.handled = c, c, c.Seq
	r.at = place{c.Seq, c.Seal.Hash(), true}
	return nil
}

// turn hands out what follows, or waits for it.
func (r *reader) turn(ctx context.Context) error {
	commits, news, err := r.commits(ctx, r.at)
	if err != nil {
		return err
	}
	if len(commits) == 0 {
		if r.cursor == r.kept {
			r.rest(0, news)
			return nil
		}
		r.rest(keepEvery, news)
		return r.keepNow(ctx)
	}
	var b batch
	for _, c := range commits {
		if err := r.pass(ctx, c, &b); err != nil {
			return err
		}
		r.at = place{c.Seal.Last(), c.Seal.Hash(), true}
	}
	return r.deliver(ctx, &b)
}

// batch is what the next message tells of.
type batch struct {
	events  []*history.Entry
	proofs  []signing.Proof
	through Cursor // place that is handled when it is
	size    int
}

// maxBatchBytes bounds what one message holds.
const maxBatchBytes = 1 << 20

// pass goes through a commit and delivers what fills a batch.
func (r *reader) pass(ctx context.Context, c *history.Commit, b *batch) error {
	var paths [][]signing.Hash // made when they are needed
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Seq <= r.handled { // before the reader was opened
			continue
		}
		if r.Types.Has(e.Type) {
			if paths == nil {
				paths = signing.Paths(proofs.Leaves(c))
			}
			if len(b.events) >= max(r.Batch, 1) || len(b.events) > 0 && b.size+len(e.Bytes) > maxBatchBytes {
				if err := r.deliver(ctx, b); err != nil {
					return err
				}
			}
			b.events = append(b.events, e)
			b.proofs = append(b.proofs, signing.Proof{Event: e.Bytes, Seq: e.Seq, Path: paths[i], Seal: c.Seal})
			b.size += len(e.Bytes)
		}
		b.through = Cursor{e.Seq, c.Seal}
	}
	return nil
}

// deliver has a batch handled, however often it takes, and moves the cursor
// behind it and what nobody wanted.
//
// A crash before the cursor is kept repeats the batch.
func (r *reader) deliver(ctx context.Context, b *batch) error {
	if b.through.IsZero() {
		return nil
	}
	if len(b.events) > 0 {
		msg := r.message(b)
		for pause := minPause; ; pause = min(2*pause, maxPause) {
			done, err := r.offer(ctx, msg)
			if err != nil {
				return err
			}
			if done {
				break
			}
			r.rest(pause, nil)
			msg = msg.Copy()
		}
	}
	r.cursor, r.handled = b.through, b.through.Seq
	*b = batch{}
	r.reached()
	return r.keepNow(ctx)
}

func (r *reader) reached() {
	if r.Reached != nil {
		r.Reached(r.handled)
	}
}

// offer hands out a message and waits for what becomes of it.
func (r *reader) offer(ctx context.Context, msg *message.Message) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	msg.SetContext(ctx)
	select {
	case r.out <- msg:
	case <-r.stop:
		return false, errEnded
	}
	select {
	case <-msg.Acked():
		return true, nil
	case <-msg.Nacked():
		return false, nil
	case <-r.stop:
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-msg.Acked():
		return true, nil
	case <-msg.Nacked():
	case <-timer.C:
	}
	return false, errEnded
}

// message tells of a batch.
func (r *reader) message(b *batch) *message.Message {
	first := b.events[0]
	if r.Batch <= 1 {
		return events.Message(&first.Recorded, &b.proofs[0])
	}
	var payload bytes.Buffer
	for i := range b.proofs {
		payload.Write(append(events.Append(payload.AvailableBuffer(), &b.proofs[i]), '\n'))
	}
	msg := message.NewMessage(events.ID(first.Namespace, first.Partition, first.Seq, first.Hash), payload.Bytes())
	msg.Metadata.Set(events.Seq, strconv.FormatUint(first.Seq, 10))
	msg.Metadata.Set(events.Namespace, first.Namespace)
	msg.Metadata.Set(events.Partition, strconv.Itoa(int(first.Partition)))
	return msg
}

// keepNow keeps the cursor if that was some time ago. An error that may pass is
// no reason to hold up events: a crash repeats a little more.
func (r *reader) keepNow(ctx context.Context) error {
	if r.cursor == r.kept || time.Since(r.keptAt) < keepEvery {
		return nil
	}
	err := r.keep(ctx)
	if errors.Is(err, eventstore.ErrConflict) {
		return err
	}
	if err != nil {
		r.cfg.Log.WarnContext(ctx, "keeping the cursor of a reaction later", "reaction", r.Name, "error", err)
	}
	return nil
}

func (r *reader) keep(ctx context.Context) error {
	r.keptAt = time.Now()
	if r.cursor == r.kept || r.cursor.IsZero() {
		return nil
	}
	if err := r.cfg.Cursors.Save(ctx, r.cfg.Term, r.Name, r.cursor); err != nil {
		return err
	}
	r.kept = r.cursor
	return nil
}
