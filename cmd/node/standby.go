package node

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/proofs"
)

// This file is what a supervisor does while it does not lead.

// look makes what knows who leads.
func (s *supervisor) look() {
	s.desk, s.figures = newDesk(s.store, s.health), newFigures()
	s.onlooker = engine.NewOnlooker(engine.Config{
		Namespace: s.cfg.Namespace, Log: s.store, Verifier: s.verifier, Founding: s.trust,
	}, informed{s.views, s.desk})
	s.guide = &guide{
		lease: s.store, began: s.onlooker.Leader, desk: s.desk, scene: s.scene,
		name: s.cfg.Name, address: s.advertised(),
	}
}

// advertised is the address at which other supervisors reach this one.
func (s *supervisor) advertised() string {
	if s.cfg.Advertise != "" {
		return s.cfg.Advertise
	}
	return s.url
}

// ready returns why nothing can be appended here, nil if it can.
func (s *supervisor) ready(ctx context.Context) error {
	err := s.desk.ready(ctx)
	if leader, known := s.guide.current(); known && domain.ReasonOf(err) == "no_leader" {
		return domain.Errorf(domain.TryAgain, "stand_by", "this supervisor stands by, and passes calls on to %s, which leads at %s", leader.Name, leader.Address)
	}
	return err
}

// mayLead reports whether the history knows this supervisor's key. Without that
// it does not even take the lease, which would keep others from it; once it is
// admitted, it goes on by itself. Where nobody can tell, it may: a term that is
// not begun with an admitted key is refused. So it is when the last leader died
// before its views had what it stated last, which may be this key's admission.
func (s *supervisor) mayLead(ctx context.Context) (bool, error) {
	if s.admitted {
		return true, nil
	}
	keys, whole, err := s.onlooker.Known(ctx)
	if domain.ReasonOf(err) == "founding" {
		return false, err
	}
	key, missing := s.cfg.State.Key(s.cfg.Namespace, statedir.SupervisorKey)
	if missing != nil {
		return false, missing
	}
	own, _ := keys.Find(key.Public().ID())
	s.admitted = err != nil || keys.Statements == 0 || s.entitled(ctx, keys, key.Public())
	switch {
	case s.admitted:
		s.begged = ""
	case !whole:
		return true, nil
	case s.begged == key.Public().ID(): // what goes on for long is said once
	case own.Revoked():
		s.begged = own.ID
		s.cfg.Log.WarnContext(ctx, "standing by until there is another key", "because", s.revoked(own))
	default:
		s.begged = key.Public().ID()
		s.cfg.Log.WarnContext(ctx, "this supervisor's key is not admitted, or has ended; standing by until it is",
			"run", "HORUS_API_KEY=<an administrator's> horus keys add --class supervisor --name "+string(s.cfg.Name)+" --state-dir "+s.cfg.State.String(),
			"key", key.Public().ID())
	}
	return s.admitted, nil
}

// orient looks who leads, for the calls that are passed on. What cannot be read
// now may be when a call needs it.
func (s *supervisor) orient(ctx context.Context) error {
	err := s.guide.look(ctx, s.scene.Now())
	if domain.ReasonOf(err) == "founding" {
		return err
	}
	if _, known := s.guide.current(); known {
		s.begun = true
	}
	return nil
}

// foreign reports whether an error says that the log was founded by another than
// this supervisor remembers, before it ever took part in it: then it was started
// with the wrong Redis, namespace or state directory, and refuses to. A history
// that is exchanged under a running supervisor only halts it.
func (s *supervisor) foreign(err error) bool {
	return !s.begun && domain.ReasonOf(err) == "founding"
}

// Looks at a history that halted, to see whether somebody repaired it, are so
// far apart.
const (
	minHaltPause = 5 * time.Second
	maxHaltPause = 30 * time.Second
)

// halt keeps the supervisor up without leading: reads go on from the views, and
// whatever would change something is told why it is not. It returns when the
// place that is damaged is good again or cannot be told, so that leading may be
// tried once more.
func (s *supervisor) halt(ctx context.Context, why error) {
	s.desk.halt(haltedBecause(why))
	if s.scene.Now().Sub(s.haltedAt) > lasted {
		s.haltPause = minHaltPause
	}
	s.cfg.Log.ErrorContext(ctx, "the history cannot be gone on with: nothing more is written; reads go on from what is there",
		"error", why, "run", cure(why), "again_after", s.haltPause)
	for seq, known := history.IsFault(why); ctx.Err() == nil; {
		sleep(ctx, s.scene, s.haltPause)
		s.haltPause = min(2*s.haltPause, maxHaltPause)
		if !known || s.whole(ctx, seq) {
			break
		}
	}
	s.haltedAt = s.scene.Now()
	if ctx.Err() == nil {
		s.cfg.Log.InfoContext(ctx, "trying to lead again")
	}
}

// whole reports whether the log has a commit at a place, or ends before it, as
// when somebody cut it off there.
func (s *supervisor) whole(ctx context.Context, seq uint64) bool {
	if tip, err := s.store.Tip(ctx); err == nil && tip.Seq > 0 && tip.Seq < seq {
		return true
	}
	source := proofs.Source{Log: s.store, Namespace: s.cfg.Namespace}
	commit, err := source.Commit(ctx, seq)
	return err == nil && commit != nil
}

// cure names the command that helps, if one does.
func cure(why error) string {
	switch domain.ReasonOf(why) {
	case "founding":
		return "nothing: restore the log, or begin anew with another namespace or state directory"
	case "log_emptied":
		return "horus repair --from FILE, a file of horus audit export; or begin anew with another namespace or state directory"
	default:
		return "horus repair"
	}
}

// haltedBecause makes the answer to every call that would change something.
func haltedBecause(why error) error {
	reason := domain.ReasonOf(why)
	if cure(why) == "horus repair" {
		return domain.Errorf(domain.Halted, reason, "the history is damaged and nothing is written until somebody runs horus repair: %v", why)
	}
	return domain.Errorf(domain.Halted, reason, "nothing is written: %v", why)
}

// introduce makes this supervisor's address the one that horus on this machine
// uses, unless one that leads or led here is known.
func (s *supervisor) introduce(ctx context.Context) {
	// A crash before this leaves horus without an address; it then tries the
	// usual one.
	if err := s.cfg.State.Create(s.cfg.Namespace, statedir.Address, s.local()); err != nil && !errors.Is(err, fs.ErrExist) {
		s.cfg.Log.WarnContext(ctx, "horus on this machine will not find this supervisor", "error", err)
	}
}
