package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/engine"
)

// rememberEvery is how often the end of the log is written into the state
// directory: what Redis and this machine lose within that time, at once, is
// missed by nobody here.
const rememberEvery = time.Second

// remembered is the last seal that this supervisor knows to be in the log. With
// it, it notices that Redis lost the log's end.
type remembered struct {
	dir       State
	namespace domain.Name

	mu   sync.Mutex
	seal signing.Seal // none if its Count is 0

	kept string // what the file holds; owned by keep
}

// reach remembers a seal that is in the log. Whatever was remembered before is
// in it too, or was declared lost.
func (r *remembered) reach(s signing.Seal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seal = s
}

// last returns the seal; false if there is none.
func (r *remembered) last() (signing.Seal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seal, r.seal.Count > 0
}

// load reads what the state directory remembers, unless more is remembered
// already. A file that cannot be read is no reason not to lead, but one to say.
func (r *remembered) load() error {
	text, err := r.dir.Read(r.namespace, statedir.Head)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := signing.ParseSeal(string(r.namespace), 0, []byte(text))
	if err != nil {
		return domain.Errorf(domain.Invalid, "head", "%s is not what a supervisor wrote: %v", r.dir.Path(r.namespace, statedir.Head), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seal.Count == 0 || s.Term >= r.seal.Term && s.First > r.seal.First {
		r.seal = s
	}
	return nil
}

// keep writes the seal into the state directory. A crash before it leaves an
// older one there, which a log that lost less than that still has.
func (r *remembered) keep(context.Context) (busy bool, err error) {
	s, ok := r.last()
	text := string(s.Append(nil))
	if !ok || text == r.kept {
		return false, nil
	}
	if err := r.dir.Write(r.namespace, statedir.Head, text); err != nil {
		return false, err
	}
	r.kept = text
	return false, nil
}

// missing compares what is remembered with the log that the engine followed to
// its end, and returns what the next term is to declare lost; nothing if all is
// there.
//
// A crash behind it leaves all as it is, and the next leader that remembers
// finds the same; one behind the declaration leaves a file that remembers what
// was declared, which is no news.
func (s *supervisor) missing(ctx context.Context, e *engine.Engine, term uint64, c *eventstore.Candidate) ([]eventstore.Loss, error) {
	seal, from, err := s.lostFrom(ctx)
	if err != nil {
		return nil, err
	}
	if from > 0 && seal.Term >= term { // Redis forgot that term too, and gave out an older one
		c.Known = seal.Term
		return nil, domain.Errorf(domain.TryAgain, "term", "a seal of term %d is remembered; %d is not above it", seal.Term, term)
	}
	if from > 0 || s.truncated { // if somebody deleted the entries, Redis would take none in their place
		if err := s.store.Cut(ctx, term, e.Tip()); err != nil {
			return nil, err
		}
		s.truncated = false
	}
	if from == 0 {
		return nil, nil
	}
	if key, known := e.Chain().State.Access.Find(seal.Key); !known || key.Revoked() {
		s.cfg.Log.ErrorContext(ctx, "the log lacks a seal that was remembered, of a key that proves nothing any more: the history cannot say so",
			"from", from, "to", seal.Last(), "key", seal.Key)
		return nil, nil
	}
	s.cfg.Log.ErrorContext(ctx, "Redis lost the end of the log; the history will say so. Jobs in it are as if never submitted",
		"from", from, "to", seal.Last(), "sealed_in", seal.Term)
	return []eventstore.Loss{{By: eventstore.By{Actor: event.BySystem("leader")}, From: from, Seal: seal}}, nil
}

// lostFrom returns the seal that is remembered, and from where on the log lacks
// what led to it; 0 if it has it, or nothing is remembered.
func (s *supervisor) lostFrom(ctx context.Context) (seal signing.Seal, from uint64, err error) {
	if err := s.remembered.load(); err != nil {
		s.cfg.Log.WarnContext(ctx, "the end of the log that was remembered cannot be read", "error", err)
	}
	seal, ok := s.remembered.last()
	if !ok {
		return seal, 0, nil
	}
	from, err = eventstore.LostFrom(ctx, s.store, seal)
	if domain.ReasonOf(err) == "log_rewritten" {
		err = fmt.Errorf("%w; a Redis that was brought back under a leader of the time before does this too: if the history verifies, remove %s",
			err, s.cfg.State.Path(s.cfg.Namespace, statedir.Head))
	}
	return seal, from, err
}

// object compares what a stand-by remembers with the log of whoever leads, who
// may not know what it has lost: then the candidate takes the lead at once, to
// declare it. It does so once for a seal, or two of them would take the lead from
// each other for ever. What it cannot judge it says, and stands by.
func (s *supervisor) object(ctx context.Context, c *eventstore.Candidate) error {
	seal, from, err := s.lostFrom(ctx)
	if domain.CodeOf(err) == domain.Halted {
		s.cfg.Log.ErrorContext(ctx, "the log is not the one that this supervisor remembers", "error", err, "leader", c.Leading())
		return nil
	}
	if err != nil || from == 0 || seal.Hash() == s.objected {
		return err
	}
	s.objected = seal.Hash()
	s.cfg.Log.WarnContext(ctx, "the log lacks what this supervisor remembers; taking the lead to declare it",
		"from", from, "to", seal.Last(), "leader", c.Leading())
	c.Known, c.Urgent = max(c.Known, seal.Term), true
	return nil
}
