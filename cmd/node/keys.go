package node

import (
	"context"
	"fmt"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/engine"
)

// openState loads what this supervisor trusts, and sees to it that it has a key.
// Each term loads the key anew: another one may have taken its place.
func (s *supervisor) openState() error {
	ns := s.cfg.Namespace
	if _, err := s.cfg.State.Key(ns, statedir.SupervisorKey); err != nil {
		return exit.With(exit.Settings, err)
	}
	pinned, err := s.cfg.State.Pinned(ns)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	s.trust, s.pinned = s.cfg.Trust, !pinned.IsZero()
	switch {
	case s.trust.IsZero():
		s.trust = pinned
	case s.pinned && pinned != s.trust:
		return exit.With(exit.NotAllowed, domain.Errorf(domain.Forbidden, "trust",
			"the founding %s is to be trusted, but the state directory %s remembers %s: give it another state directory, or leave out --trust",
			s.trust, s.cfg.State, pinned))
	}
	return nil
}

// foundingFor returns the founding that an empty log gets; it is zero, and there
// is no operator's key, where a history was founded already.
//
// A crash before the founding is in the log leaves an operator's key that the
// next try uses.
func (s *supervisor) foundingFor(e *engine.Engine, key signing.PrivateKey) (access.Founded, error) {
	if !e.Founding().IsZero() {
		return access.Founded{}, nil
	}
	operator, err := s.cfg.State.Key(s.cfg.Namespace, statedir.OperatorKey)
	if err != nil {
		return access.Founded{}, fmt.Errorf("found a history: %w", err)
	}
	return access.Founded{
		Namespace: s.cfg.Namespace, Partitions: 1, Supervisor: s.cfg.Name,
		Key: key.Public(), Operator: operator.Public(),
	}, nil
}

// remember keeps in the state directory where the leader of this machine is,
// and the founding's fingerprint, so that an emptied or exchanged log is noticed.
func (s *supervisor) remember(ctx context.Context, r *reign) error {
	ns := s.cfg.Namespace
	if err := s.cfg.State.Write(ns, statedir.Address, s.url); err != nil {
		return err
	}
	if s.pinned {
		return nil
	}
	raws, err := s.store.Get(ctx, []uint64{1})
	if err != nil {
		return err
	}
	entry, err := history.ParseEntry(1, raws[0].Event)
	if err != nil {
		return err
	}
	if err := s.cfg.State.Pin(ns, entry.Hash); err != nil {
		return err
	}
	first := s.trust.IsZero()
	s.trust, s.pinned = entry.Hash, true
	switch {
	case !r.founding.Key.IsZero():
		s.cfg.Log.InfoContext(ctx, "founded a history; who holds the operator's key can admit a supervisor when none is left: move it to a safe place away from here",
			"founding", entry.Hash.String(), "operator_key", s.cfg.State.Path(ns, statedir.OperatorKey))
	case first:
		s.cfg.Log.WarnContext(ctx, "trusting the first founding that was met: compare it with another supervisor's, or start with --trust",
			"founding", entry.Hash.String(), "pinned_in", s.cfg.State.String())
	}
	return nil
}
