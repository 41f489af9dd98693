package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
)

const (
	// lasted is how long all was well when the next trouble is another one.
	lasted = time.Minute
	// worked is how long all was well when it is worth trying again at once:
	// views that somebody meddles with are found within about this time.
	worked = time.Second
)

// lead takes the lead when it is free, and again when it lost it, until the
// context ends. Its error says that the history is not the one that this
// supervisor was started for.
func (s *supervisor) lead(ctx context.Context) error {
	candidate := &eventstore.Candidate{Lease: s.store, Name: s.cfg.Name, Clock: s.scene.Now}
	pause, said := minPause, ""
	for ctx.Err() == nil {
		start := s.scene.Now()
		err := s.seek(ctx, candidate)
		switch went := s.scene.Now().Sub(start); {
		case went > lasted:
			pause, said = minPause, ""
		case went >= worked:
			pause = minPause
		}
		s.admitted = s.admitted && domain.CodeOf(err) != domain.Forbidden
		s.truncated = s.truncated || errors.Is(err, eventstore.ErrTruncated)
		switch {
		case err == nil || ctx.Err() != nil:
			pause, said = minPause, ""
			continue
		case s.foreign(err):
			return exit.With(exit.NotAllowed, err)
		case hopeless(err):
			s.halt(ctx, err)
			said = ""
			continue
		case domain.ReasonOf(err) == errAnew:
			s.cfg.Log.InfoContext(ctx, "beginning a new term", "because", err)
			pause, said = minPause, ""
			continue
		case err.Error() != said: // what goes on for long is said once
			said = err.Error()
			s.cfg.Log.WarnContext(ctx, "not leading; trying again until it works", "error", err)
		}
		sleep(ctx, s.scene, pause)
		pause = min(2*pause, maxPause)
	}
	return nil
}

// seek stands by while another supervisor leads, takes the lead, and keeps it
// until the term is over. Nil means that the context ended, or that nothing is
// wrong.
func (s *supervisor) seek(ctx context.Context, c *eventstore.Candidate) error {
	var objected uint64 // term for which this was done
	for waiting := false; ; {
		var term uint64
		may, err := s.mayLead(ctx)
		if err == nil && may {
			term, err = c.Try(ctx)
		}
		if err == nil {
			err = s.orient(ctx)
		}
		if err != nil || ctx.Err() != nil {
			return ending(ctx, err)
		}
		if term > 0 {
			return ending(ctx, s.reignOnce(ctx, term, c))
		}
		if !waiting && may {
			waiting = true
			s.cfg.Log.InfoContext(ctx, "another supervisor leads; standing by", "leader", c.Leading())
		}
		if may && c.LeadingIn() != objected {
			if err := s.object(ctx, c); err != nil {
				return err
			}
			objected = c.LeadingIn()
		}
		sleep(ctx, s.scene, eventstore.BeatEvery)
	}
}

func (s *supervisor) reignOnce(ctx context.Context, term uint64, c *eventstore.Candidate) error {
	r, err := s.climb(ctx, term, c)
	if err != nil {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxPause)
		defer cancel()
		return errors.Join(err, s.store.Release(release, term))
	}
	s.begun = true
	return s.rule(ctx, r)
}

// climb ascends while the lease's beat goes on: a long log takes minutes, and a
// stand-by that saw the beat stand still would begin them anew.
func (s *supervisor) climb(ctx context.Context, term uint64, c *eventstore.Candidate) (r *reign, err error) {
	ctx, arrived := context.WithCancel(ctx)
	defer arrived()
	group, ctx := newGroup(ctx, s.scene)
	group.Go(func() error { return s.beat(ctx, term) })
	group.Go(func() (err error) {
		defer arrived()
		r, err = s.ascend(ctx, term, c)
		return err
	})
	if err = group.Wait(); err != nil && r != nil {
		err = errors.Join(err, r.engine.Close())
	}
	return r, err
}

// hopeless reports whether a person must look first: the history is not what it
// should be. Views, queues and groups that somebody removed are built again by
// the next term, and a key may be admitted at any time.
func hopeless(err error) bool {
	mended := []string{"views_damaged", "group_lost"}
	return domain.CodeOf(err) == domain.Halted && !slices.Contains(mended, domain.ReasonOf(err))
}
