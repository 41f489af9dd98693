package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
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

// sealingKey returns the key for the next term. Where the history says that another
// one took the place of the one in use, and it is there, it is put in use: horus
// keys rotate leaves that to the supervisor, so that one process alone changes
// its files.
func (s *supervisor) sealingKey(ctx context.Context, keys access.State) (signing.PrivateKey, error) {
	ns := s.cfg.Namespace
	key, err := s.cfg.State.Key(ns, statedir.SupervisorKey)
	if err != nil {
		return key, err
	}
	own, _ := keys.Find(key.Public().ID())
	if own.Revoked() {
		return key, s.revoked(own)
	}
	heir, err := s.heir(own)
	if err != nil || heir.IsZero() {
		return key, err
	}
	// A crash before this leaves the old key in use, and the next term does the
	// same again.
	if err := s.cfg.State.Succeed(ns, statedir.SupervisorKey); err != nil {
		return key, err
	}
	s.cfg.Log.InfoContext(ctx, "a new key is in use", "key", string(heir.Public().ID()), "in_place_of", string(own.ID))
	return heir, nil
}

// heir returns the key that took the place of the one in use, if it is here; the
// zero key if not.
func (s *supervisor) heir(own access.Standing) (signing.PrivateKey, error) {
	if own.RotatedTo == "" {
		return signing.PrivateKey{}, nil
	}
	next, err := s.cfg.State.Load(s.cfg.Namespace, statedir.Next(statedir.SupervisorKey))
	if errors.Is(err, fs.ErrNotExist) {
		return signing.PrivateKey{}, nil
	}
	if err != nil || next.Public().ID() != own.RotatedTo {
		return signing.PrivateKey{}, err
	}
	return next, nil
}

// entitled reports whether a term may begin with what is here: a key that holds,
// one that took its place, or an admission that an operator signed.
func (s *supervisor) entitled(ctx context.Context, keys access.State, key signing.PublicKey) bool {
	now := event.At(s.scene.Now())
	own, _ := keys.Find(key.ID())
	if own.Revoked() {
		return false
	}
	if own.Class == access.Supervisor && own.Holds(now, keys.Statements) {
		return true
	}
	heir, err := s.heir(own)
	if err != nil || !heir.IsZero() {
		return err == nil
	}
	admitted, err := s.admission(ctx, key)
	if err == nil && !admitted.Public.IsZero() {
		_, err = access.Decide(keys, access.Admit{Key: admitted, At: now})
	}
	if err != nil && s.begged == "" {
		s.cfg.Log.WarnContext(ctx, "the admission that is here is none", "error", err,
			"file", s.cfg.State.Path(s.cfg.Namespace, statedir.Admission))
	}
	return err == nil && admitted.Alone()
}

// revoked is why a supervisor does not lead whose key was.
func (s *supervisor) revoked(own access.Standing) error {
	return domain.Errorf(domain.Forbidden, "key_revoked",
		"the key %s of this supervisor was revoked (reason: %q) and never leads again: remove %s, and have the new key that is made then admitted with horus keys add --class supervisor --name %s",
		own.ID, own.Reason, s.cfg.State.Path(s.cfg.Namespace, statedir.SupervisorKey), s.cfg.Name)
}

// begin returns what the next term begins with besides what was lost: the founding
// where the log is empty, and the admission that an operator signed if there is
// one. There is no operator's key where a history was founded already.
//
// A crash before the founding is in the log leaves an operator's key that the
// next try uses; one before the admission is, leaves its file.
func (s *supervisor) begin(ctx context.Context, e *engine.Engine, key signing.PrivateKey, lost []eventstore.Loss) (b eventstore.Beginning, err error) {
	b.Losses = lost
	if e.Founding().IsZero() {
		operator, err := s.cfg.State.Key(s.cfg.Namespace, statedir.OperatorKey)
		if err != nil {
			return b, fmt.Errorf("found a history: %w", err)
		}
		b.Founding = access.Founded{
			Namespace: s.cfg.Namespace, Partitions: 1, Supervisor: s.cfg.Name,
			Key: key.Public(), Operator: operator.Public(),
		}
		return b, nil
	}
	b.Admission, err = s.admission(ctx, key.Public())
	return b, err
}

// admission reads the one that horus keys add --operator left; it is zero when
// there is none for this key.
func (s *supervisor) admission(ctx context.Context, key signing.PublicKey) (access.Key, error) {
	ns := s.cfg.Namespace
	text, err := s.cfg.State.Read(ns, statedir.Admission)
	if errors.Is(err, fs.ErrNotExist) {
		return access.Key{}, nil
	}
	if err != nil {
		return access.Key{}, err
	}
	e, err := access.DecodeEvent(access.Admitted{}.EventName(), []byte(text))
	if err != nil {
		return access.Key{}, fmt.Errorf("read %s: %w", s.cfg.State.Path(ns, statedir.Admission), err)
	}
	admitted, _ := e.(access.Admitted)
	if admitted.Key.Public != key {
		s.cfg.Log.WarnContext(ctx, "passed over an admission of another key", "file", s.cfg.State.Path(ns, statedir.Admission), "key", string(admitted.Key.Public.ID()))
		return access.Key{}, nil
	}
	return admitted.Key, nil
}

// remember keeps in the state directory where the leader of this machine is,
// and the founding's fingerprint, so that an emptied or exchanged log is noticed.
func (s *supervisor) remember(ctx context.Context, r *reign) error {
	ns := s.cfg.Namespace
	if err := s.cfg.State.Write(ns, statedir.Address, s.local()); err != nil {
		return err
	}
	if !r.beginning.Admission.Public.IsZero() {
		// A crash before this leaves an admission that says nothing new.
		if err := s.cfg.State.Remove(ns, statedir.Admission); err != nil {
			return err
		}
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
	case !r.beginning.Founding.Key.IsZero():
		s.cfg.Log.InfoContext(ctx, "founded a history; who holds the operator's key can admit a supervisor when none is left: move it to a safe place away from here",
			"founding", entry.Hash.String(), "operator_key", s.cfg.State.Path(ns, statedir.OperatorKey))
	case first:
		s.cfg.Log.WarnContext(ctx, "trusting the first founding that was met: compare it with another supervisor's, or start with --trust",
			"founding", entry.Hash.String(), "pinned_in", s.cfg.State.String())
	}
	return nil
}
