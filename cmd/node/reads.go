package node

import (
	"context"
	"errors"
	"math"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
)

// informed is the views as calls read them: it knows from the term that is on
// when they move. What cannot be read now is an answer that its caller knows
// what to do with; to the loops of a term the same is trouble that passes.
type informed struct {
	views.Reader
	desk *desk
}

// Await implements [views.Awaiter].
func (i informed) Await(ctx context.Context, seq uint64) bool {
	r, err := i.desk.current()
	if err != nil {
		return false
	}
	r.engine.Await(ctx, seq)
	return true
}

// Look implements [views.Reader]. A history that halted is folded no further, so
// nobody waits for that.
func (i informed) Look(ctx context.Context, q views.Query) (*views.Look, error) {
	look, err := i.Reader.Look(ctx, q)
	if err == nil && i.desk.halted() != nil {
		look.End = min(look.End, look.Position.Seq)
	}
	return look, unread(i.desk.mended(err))
}

// lined is the work queues as calls read them.
type lined struct {
	views.Store
	desk *desk
}

// Streams implements [views.Streams].
func (s lined) Streams(ctx context.Context, queues []job.Queue) ([]views.Stream, error) {
	streams, err := s.Store.Streams(ctx, queues)
	return streams, unread(s.desk.mended(err))
}

// Durable implements [rpcapi.System]. Where replicas must have the log, the
// leader alone knows how far they do.
func (s *supervisor) Durable(context.Context) (uint64, error) {
	if s.syncer == nil {
		return math.MaxUint64, nil
	}
	r, err := s.desk.current()
	if err == nil {
		return r.leader.Durable(), nil
	}
	if leader, known := s.guide.current(); known {
		return 0, domain.Errorf(domain.TryAgain, "stand_by",
			"this supervisor stands by, and how far the history is on %s is known to the leader alone: ask %s at %s", s.cfg.Durability, leader.Name, leader.Address)
	}
	return 0, err
}

// beating is the signs of life of runners as calls read them.
type beating struct{ runners.Beats }

// Page implements [runners.Beats].
func (b beating) Page(ctx context.Context, cursor uint64) (map[string]string, uint64, error) {
	page, next, err := b.Beats.Page(ctx, cursor)
	return page, next, unread(err)
}

// record is the log as calls read it.
type record struct{ eventstore.Log }

// Tip implements [eventstore.Log].
func (r record) Tip(ctx context.Context) (eventstore.Tip, error) {
	tip, err := r.Log.Tip(ctx)
	return tip, unread(err)
}

// Get implements [eventstore.Log].
func (r record) Get(ctx context.Context, seqs []uint64) ([]history.Raw, error) {
	raws, err := r.Log.Get(ctx, seqs)
	return raws, unread(err)
}

// Read implements [eventstore.Log].
func (r record) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	raws, err := r.Log.Read(ctx, after, limit)
	return raws, unread(err)
}

// unread tells callers to ask again, perhaps another supervisor, when a store
// could not answer.
func unread(err error) error {
	return otherwise(err, domain.Errorf(domain.TryAgain, "unread", "what is recorded could not be read: ask again in a moment"))
}

// otherwise returns what callers are told of an error that says nothing to them,
// as those of a store do. A history that is not what it should be is another
// matter, and so is a call whose time was over.
func otherwise(err error, told *domain.Error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case domain.CodeOf(err) != domain.Internal:
		return err
	}
	return errors.Join(told, err)
}
