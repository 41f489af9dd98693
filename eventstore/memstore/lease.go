package memstore

import (
	"context"
	"fmt"

	"github.com/herocode/horus/eventstore"
)

// leadsLocked reports whether somebody holds the lease with this term.
func (s *Store) leadsLocked(term uint64) bool {
	return s.holder.Term == term && s.holder.Name != ""
}

// Holder returns who holds the lease.
func (s *Store) Holder(ctx context.Context) (eventstore.Holder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holder, ctx.Err()
}

// Take makes next the holder.
func (s *Store) Take(ctx context.Context, seen, next eventstore.Holder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder != seen || next.Term <= seen.Term || next.Name == "" {
		return fmt.Errorf("take the lease as %q with term %d: %w", next.Name, next.Term, eventstore.ErrConflict)
	}
	s.holder = next
	return nil
}

// Beat raises the holder's beat.
func (s *Store) Beat(ctx context.Context, term uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leadsLocked(term) {
		return fmt.Errorf("raise the beat of term %d: %w", term, eventstore.ErrConflict)
	}
	s.holder.Beat++
	return nil
}

// Release gives the lease back.
func (s *Store) Release(ctx context.Context, term uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder.Term != term || term == 0 {
		return fmt.Errorf("give the lease of term %d back: %w", term, eventstore.ErrConflict)
	}
	s.holder = eventstore.Holder{Term: term}
	return nil
}
