// Package rpcapitest runs a supervisor without Redis, in process, for tests of
// the API and of its clients: the real leader over a log in memory, readers,
// and a runner that does what a test tells it.
//
//	s := rpcapitest.New(t)
//	api, err := rpcapi.New(rpcapi.Config{Backend: s.Backend(), Durability: "memory", Clock: s.Clock})
//	s.Runner("r1").Complete("hello", "it ran")
//
// Keys and the clock are fixed, so that the same calls give the same bytes.
package rpcapitest

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/rpcapi"
)

// Namespace is the namespace of every System.
const Namespace = "horus"

// System is a supervisor that leads.
type System struct {
	Leader *eventstore.Leader
	Store  *memstore.Store

	t    testing.TB
	twin *twin
}

// New starts a system that lives as long as the test.
func New(t testing.TB) *System {
	t.Helper()
	store := memstore.New()
	s := &System{Store: store, t: t, twin: &twin{tip: store.Tip}}
	verifier := signing.NewVerifier(16)
	term := uint64(s.Clock().Unix())
	if err := s.Store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: term, Name: "s1"}); err != nil {
		t.Fatal(err)
	}
	supervisor := Key(1)
	s.Leader = eventstore.NewLeader(eventstore.Config{
		Store: s.Store, Index: nothing{}, Namespace: Namespace, Name: "s1", Key: supervisor,
		Address: "http://127.0.0.1:3030", Verifier: verifier, Clock: s.Clock,
		Indexed: func() uint64 { return 0 }, Feed: s.twin.feed,
	}, term, eventstore.Tip{}, history.NewChain(Namespace, 0, verifier))
	s.drive()
	err := s.Leader.Begin(t.Context(), access.Founded{
		Namespace: Namespace, Partitions: 1, Supervisor: "s1", Key: supervisor.Public(), Operator: Key(2).Public(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drive turns the leader until the test ends.
func (s *System) drive() {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			busy, err := s.Leader.Turn(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				s.t.Errorf("turn the leader: %v", err)
				return
			case busy:
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-s.Leader.Wake():
			}
		}
	})
	s.t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// Clock returns the one instant at which everything happens.
func (s *System) Clock() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 6000, time.UTC) }

// Backend returns the system as the API sees it.
func (s *System) Backend() rpcapi.Backend {
	return rpcapi.Backend{Leader: s.Leader, Jobs: s.twin, Runners: runnersOf{s.twin}, System: s.twin}
}

// Key returns a key that is the same in every run.
func Key(number byte) signing.PrivateKey {
	key, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{number}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return key
}

// Admit admits a client's key.
func (s *System) Admit(key signing.PrivateKey, class access.Class, name string, until event.Time) {
	s.t.Helper()
	k := Admission(key, class, name)
	k.Until = until
	err := s.Leader.Execute(s.t.Context(), eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(eventstore.By{Actor: event.BySystem("test")}, access.Admit{Key: k, At: min(tx.Now(), max(until, 1))})
		return err
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// nothing is the index of a leader that forgets nothing.
type nothing struct{}

func (nothing) Find(_ context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	return make([][]uint64, len(aggregates)), 0, nil
}
