package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/presence"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/handlers/stops"
	"github.com/herocode/horus/handlers/timers"
	"github.com/herocode/horus/projections/agenda"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/index"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
)

// reign is one term of this supervisor: everything that lives exactly as long
// as the term does.
type reign struct {
	engine   *engine.Engine
	leader   *eventstore.Leader
	intake   *intake.Intake
	ears     *ears
	sweep    *redelivery.Sweep
	timers   *timers.Timers
	stops    *stops.Stops
	presence *presence.Watch
	lost     []engine.Lost
	keeper   *keeper
	// journal tells reactions of what was committed; nil if there are none.
	journal *journal.Journal

	beginning eventstore.Beginning
	scene     Scene
	compared  time.Time // when the views were last compared with their census
	through   uint64    // where they were then
	scrubbed  time.Time // when some of their values were last looked at
}

// How often the views are compared with their census. What somebody removed by
// hand is missed for so long.
const (
	compareEvery = time.Second
	compareIdle  = 5 * time.Second // when nothing was folded since
)

// enrollEvery is how often a leader that met all jobs looks whether it did.
const enrollEvery = time.Minute

// project folds what was committed, and looks now and then whether the views
// are still whole. An error that says they are not ends the term; the next one
// builds them again.
func (r *reign) project(ctx context.Context) (busy bool, err error) {
	if busy, err = r.engine.Turn(ctx); err != nil {
		return busy, err
	}
	now := r.scene.Now()
	switch {
	case !now.Before(r.nextCompare()):
		if err := r.engine.Compare(ctx); err != nil {
			return false, err
		}
		r.compared, r.through = r.scene.Now(), r.engine.Passed()
	case !now.Before(r.nextScrub()):
		if _, err := r.engine.Scrub(ctx); err != nil {
			return false, err
		}
		r.scrubbed = r.scene.Now()
	}
	return busy, nil
}

func (r *reign) nextCompare() time.Time {
	if r.engine.Passed() == r.through {
		return r.compared.Add(compareIdle)
	}
	return r.compared.Add(compareEvery)
}

func (r *reign) nextScrub() time.Time { return r.scrubbed.Add(r.engine.ScrubEvery()) }

// projectRest is how long project may rest while nothing is committed.
func (r *reign) projectRest() time.Duration {
	next := r.nextCompare()
	if scrub := r.nextScrub(); scrub.Before(next) {
		next = scrub
	}
	return next.Sub(r.scene.Now())
}

// ascend brings the views up to the end of the log and records that the term
// began. A crash anywhere in here leaves a lease whose beat stands still and
// views that the next leader takes on where they are.
func (s *supervisor) ascend(ctx context.Context, term uint64, c *eventstore.Candidate) (*reign, error) {
	r := &reign{scene: s.scene}
	var err error
	r.engine, err = engine.Open(ctx, engine.Config{
		Namespace: s.cfg.Namespace, Log: s.store, Views: s.views, Verifier: s.verifier,
		Term: term, Founding: s.trust, Lease: s.cfg.Lease, OnFolded: func(n engine.Folded) { s.folded(r, n) },
	})
	if err != nil {
		return nil, err
	}
	if why := r.engine.Began(); why != "" {
		s.cfg.Log.WarnContext(ctx, "building the read models anew from the log", "because", why)
	}
	if err := r.engine.CatchUp(ctx); err != nil {
		return nil, errors.Join(err, r.engine.Close())
	}
	if err := s.neverForget(r.engine); err != nil {
		return nil, errors.Join(err, r.engine.Close())
	}
	// A lease that was deleted gave out a term of the clock's, and the log may
	// hold a later one: the next try goes above that.
	if last := r.engine.Chain().Head().Term; last >= term {
		c.Known = last
		err := domain.Errorf(domain.TryAgain, "term", "the log holds term %d already; %d is not above it", last, term)
		return nil, errors.Join(err, r.engine.Close())
	}
	gaps, err := s.missing(ctx, r.engine, term, c)
	if err != nil {
		return nil, errors.Join(err, r.engine.Close())
	}
	if r.lost, err = r.engine.Reconcile(ctx); err != nil {
		return nil, errors.Join(err, r.engine.Close())
	}
	key, err := s.sealingKey(ctx, r.engine.Chain().State.Access)
	if err == nil {
		r.beginning, err = s.begin(ctx, r.engine, key, gaps)
	}
	if err != nil {
		return nil, errors.Join(err, r.engine.Close())
	}
	r.journal = s.journal(term, func() access.State { return r.leader.Access() })
	found := &index.Index{Views: s.views}
	r.leader = eventstore.NewLeader(eventstore.Config{
		Store: s.store, Syncer: s.syncer, Index: found, Roll: found,
		Namespace: s.cfg.Namespace, Name: s.cfg.Name, Address: s.advertised(),
		Key: key, Verifier: s.verifier, Clock: s.scene.Now,
		Indexed: r.engine.Passed, Observe: s.metrics.Appended, Await: s.await, Pressure: s.health.pressure,
		Feed: func(c *history.Commit) {
			s.remembered.reach(c.Seal)
			r.engine.Offer(c)
		},
		Assured: func(c *history.Commit) {
			if r.journal != nil {
				r.journal.Offer(c)
			}
		},
	}, term, r.engine.Tip(), r.engine.Chain())
	r.keeper = s.keeper(r.leader, key.Public())
	s.equip(r)
	return r, nil
}

// folded is told of everything that the views take in.
func (s *supervisor) folded(r *reign, n engine.Folded) {
	s.figures.folded(n)
	if r.timers != nil { // else they will look at all that there is
		r.timers.Folded(n.Due, n.Through)
	}
}

// neverForget refuses an empty log where a history is remembered: it was
// deleted, and a new founding would hide that.
func (s *supervisor) neverForget(e *engine.Engine) error {
	if s.trust.IsZero() || !e.Founding().IsZero() {
		return nil
	}
	return domain.Errorf(domain.Halted, "log_emptied",
		"the log is empty, but a history founded by %s is trusted here: restore the log (horus repair --from FILE), or begin anew with another namespace or state directory", s.trust)
}

// equip makes the loops that react.
func (s *supervisor) equip(r *reign) {
	r.intake = intake.New(intake.Config{
		Inbox:  s.inbox(r.leader.Term()),
		Ledger: r.leader, Queues: s.queues,
		Joins:     &proofs.Joins{Views: s.views, Source: proofs.Source{Log: s.store, Namespace: s.cfg.Namespace}},
		History:   s.store,
		Namespace: s.cfg.Namespace, FirstUse: !s.cfg.RegisteredOnly,
		Verifier: s.verifier, Counts: s.figures.counts(), Log: s.cfg.Log,
	})
	r.ears = newEars(s.scene, s.cfg.Lease)
	r.sweep = redelivery.New(redelivery.Config{
		Deliveries: s.deliveries, Ledger: r.leader, Log: s.store,
		Busy: r.engine.Busy, Job: r.job, Lease: s.cfg.Lease, Clock: s.scene.Now, Logger: s.cfg.Log,
	})
	r.timers = timers.New(timers.Config{
		Agenda: &agenda.Reader{Views: s.views}, Ledger: r.leader,
		Clock: s.scene.Now, Heard: r.ears.heard, Lease: s.cfg.Lease,
		Doubt: func(id job.ID) {
			r.engine.Doubt(&views.Edited{Field: views.Field{Table: views.Jobs, Name: id.String()}})
		},
		Fired: s.figures.fired, Logger: s.cfg.Log,
	})
	r.stops = stops.New(stops.Config{
		Stopping: r.engine.Stopping,
		Open:     &jobs.Reader{Views: s.views, Log: s.store, Namespace: s.cfg.Namespace},
		Queues:   s.views, Ledger: r.leader, Logger: s.cfg.Log,
	})
	r.presence = presence.New(presence.Config{
		Pulses: s.pulses, Roster: (&runners.Reader{Views: s.views}).All,
		Ledger: r.leader, Clock: s.scene.Now, Logger: s.cfg.Log,
	})
}

// job returns how a job is, as the leader has it.
func (r *reign) job(ctx context.Context, id job.ID) (is job.State, err error) {
	err = r.leader.Execute(ctx, eventstore.Work{Aggregates: eventstore.Jobs(id), Decide: func(tx *eventstore.Tx) error {
		is = tx.Job(id)
		return nil
	}})
	return is, err
}

// rule runs the term until the context ends or the term does. It returns when
// all its loops have.
func (s *supervisor) rule(ctx context.Context, r *reign) error {
	// The committer and the engine end last: what was decided is settled and
	// folded before they do.
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()
	group, inner := newGroup(inner, s.scene)
	group.Go(func() error {
		return (&loop{name: "commit", turn: s.commit(r), wake: r.leader.Wake(), log: s.cfg.Log, scene: s.scene}).run(inner)
	})
	group.Go(func() error {
		return (&loop{name: "project", turn: r.project, wake: r.engine.Wake(), rest: r.projectRest, log: s.cfg.Log, scene: s.scene}).run(inner)
	})
	if s.syncer != nil {
		group.Go(func() error {
			return (&loop{name: "assure", turn: s.assure(r), wake: r.leader.AssureWake(), every: assureEvery, log: s.cfg.Log, scene: s.scene}).run(inner)
		})
	}
	group.Go(func() error { return s.beat(inner, r.leader.Term()) })
	group.Go(func() error {
		defer stopInner()
		outer, cancel := group.both(inner, ctx)
		defer cancel()
		return s.govern(outer, r)
	})
	err := group.Wait()
	s.desk.close()
	s.health.lag(false) // nobody asks any more
	s.health.appended(nil)
	r.leader.Fail(errOver)
	return errors.Join(ending(ctx, err), s.settle(r, err), r.engine.Close())
}

// settle folds what was committed last and gives the lease back. why is what
// ended the term.
func (s *supervisor) settle(r *reign, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Grace)
	defer cancel()
	for r.engine.Lag() > 0 {
		if _, err := r.engine.Turn(ctx); err != nil {
			break // the next leader folds it
		}
	}
	_ = r.engine.Confirm(ctx, why) // says what why says
	if _, err := s.remembered.keep(ctx); err != nil {
		s.cfg.Log.WarnContext(ctx, "the end of the log is not remembered", "error", err)
	}
	if err := s.store.Release(ctx, r.leader.Term()); err != nil && !errors.Is(err, eventstore.ErrConflict) {
		return fmt.Errorf("give the lease back: %w", err)
	}
	return nil
}

// govern begins the term, answers calls, and runs the loops that react until
// the context ends.
func (s *supervisor) govern(ctx context.Context, r *reign) error {
	if err := r.leader.Begin(ctx, r.beginning); err != nil {
		return ending(ctx, fmt.Errorf("begin a term: %w", err))
	}
	if err := s.remember(ctx, r); err != nil {
		return err
	}
	s.desk.open(r)
	s.cfg.Log.InfoContext(ctx, "leading", "namespace", s.cfg.Namespace, "term", r.leader.Term(), "supervisor", s.cfg.Name,
		"founding", s.trust.String(), "durability", s.health.level())
	group, both := newGroup(ctx, s.scene)
	group.Go(func() error {
		return (&loop{name: "remember", turn: s.remembered.keep, every: rememberEvery, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	if r.journal != nil {
		group.Go(func() error { return s.react(both, r) })
	}
	group.Go(func() error {
		return (&loop{name: "intake", turn: r.ears.listen(r.intake.Turn), log: s.cfg.Log, scene: s.scene}).run(both)
	})
	group.Go(func() error {
		return (&loop{name: "stops", turn: r.stops.Turn, every: stops.Every, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	group.Go(func() error {
		s.scene.Rest(both, r.intake.Drained(), 0) // what runners said counts before what they did not
		return (&loop{name: "timers", turn: r.timers.Turn, wake: r.timers.Wake(), rest: r.timers.Rest, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	group.Go(func() error {
		return (&loop{name: "keys", turn: r.keeper.turn, every: keepEvery, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	group.Go(func() error {
		return (&loop{name: "enroll", turn: r.leader.Enroll, every: enrollEvery, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	group.Go(func() error {
		return (&loop{name: "presence", turn: r.presence.Turn, every: presence.Every, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	group.Go(func() error {
		s.scene.Rest(both, r.intake.Drained(), 0)
		if both.Err() != nil {
			return ending(both, both.Err())
		}
		if err := s.giveUp(both, r); err != nil {
			return ending(both, err)
		}
		return (&loop{name: "redelivery", turn: r.sweep.Turn, rest: r.sweep.Rest, log: s.cfg.Log, scene: s.scene}).run(both)
	})
	return ending(ctx, group.Wait()) // not both's end, which is that of the first error
}

// giveUp records as lost what waits or runs according to the history but is in
// no queue, or no runner takes.
func (s *supervisor) giveUp(ctx context.Context, r *reign) error {
	attempts := make([]redelivery.Attempt, len(r.lost))
	for i, lost := range r.lost {
		attempts[i] = redelivery.Attempt{Job: lost.Job, Token: lost.Token}
	}
	for some := range slices.Chunk(attempts, redelivery.MaxGiveUp) {
		if err := r.leader.Execute(ctx, redelivery.GiveUpWork(some, job.LostQueue)); err != nil {
			return err
		}
	}
	if n := len(r.lost); n > 0 {
		s.cfg.Log.WarnContext(ctx, "queue entries were missing, or granted under a key that was revoked; their jobs were queued again", "attempts", n)
	}
	return nil
}

// beat raises the lease's beat until the context ends.
func (s *supervisor) beat(ctx context.Context, term uint64) error {
	said := ""
	for start := s.scene.Now(); ; {
		sleep(ctx, s.scene, eventstore.BeatEvery-s.scene.Now().Sub(start))
		if ctx.Err() != nil {
			return ending(ctx, ctx.Err())
		}
		start = s.scene.Now()
		switch err := s.store.Beat(ctx, term); {
		case errors.Is(err, eventstore.ErrConflict):
			return domain.Errorf(domain.TryAgain, "not_leader", "term %d is over: another supervisor leads", term)
		case err == nil || ctx.Err() != nil:
			said = ""
		case err.Error() != said: // what goes on for long is said once
			said = err.Error()
			s.cfg.Log.WarnContext(ctx, "trying again until it works", "loop", "beat", "error", err)
		}
	}
}

// await lets the loops go on while a decision is on its way.
func (s *supervisor) await(ctx context.Context, done <-chan struct{}) { s.scene.Rest(ctx, done, 0) }
