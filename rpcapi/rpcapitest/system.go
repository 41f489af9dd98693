// Package rpcapitest runs a supervisor without Redis, in process, for tests of
// the API and of its clients: the real leader and projections over a log and
// views in memory, and a runner that does what a test tells it.
//
//	s := rpcapitest.New(t)
//	api, err := rpcapi.New(rpcapi.Config{Backend: s.Backend(), Durability: s.Durability, Clock: s.Clock})
//	s.Runner("r1").Complete("hello", "it ran")
//
// Keys and the clock are fixed, so that the same calls give the same bytes.
package rpcapitest

import (
	"bytes"
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/index"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/memviews"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/waiting"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/readmodels"
)

// Namespace is the namespace of every System.
const Namespace = "horus"

// System is a supervisor that leads.
type System struct {
	Leader *eventstore.Leader
	Engine *engine.Engine
	Store  *memstore.Store
	Views  *memviews.Store

	t       testing.TB
	press   atomic.Pointer[error]
	assured atomic.Pointer[uint64]
}

// New starts a system that lives as long as the test.
func New(t testing.TB) *System {
	t.Helper()
	s := &System{Store: memstore.New(), t: t}
	s.Views = memviews.New(s.Store)
	verifier := signing.NewVerifier(16)
	term := uint64(s.Clock().Unix())
	if err := s.Store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: term, Name: "s1"}); err != nil {
		t.Fatal(err)
	}
	s.Views.Fence(term)
	var err error
	s.Engine, err = engine.Open(t.Context(), engine.Config{
		Namespace: Namespace, Log: s.Store, Views: s.Views, Verifier: verifier, Term: term,
	})
	if err == nil {
		err = s.Engine.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Leader = eventstore.NewLeader(eventstore.Config{
		Store: s.Store, Index: &index.Index{Views: s.Views}, Namespace: Namespace, Name: "s1", Key: Key(1),
		Address: address, Verifier: verifier, Clock: s.Clock, Indexed: s.Engine.Passed, Feed: s.Engine.Offer,
		Pressure: func() error {
			if why := s.press.Load(); why != nil {
				return *why
			}
			return nil
		},
	}, term, s.Engine.Tip(), s.Engine.Chain())
	s.begin()
	return s
}

const address = "http://127.0.0.1:3030"

// begin founds the namespace and sets everything going.
func (s *System) begin() {
	s.t.Helper()
	s.drive("leader", s.Leader.Turn, s.Leader.Wake())
	err := s.Leader.Begin(s.t.Context(), eventstore.Beginning{Founding: access.Founded{
		Namespace: Namespace, Partitions: 1, Supervisor: "s1", Key: Key(1).Public(), Operator: Key(2).Public(),
	}})
	if err == nil {
		_, err = s.Engine.Reconcile(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.drive("projections", s.Engine.Turn, s.Engine.Wake())
}

// drive turns a loop until the test ends.
func (s *System) drive(name string, turn func(context.Context) (bool, error), wake <-chan struct{}) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			busy, err := turn(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				s.t.Errorf("turn the %s: %v", name, err)
				return
			case busy:
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-wake:
			}
		}
	})
	s.t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// Press has new jobs refused, nil for no reason any more.
func (s *System) Press(why error) { s.press.Store(&why) }

// Durability is the level of everything here.
func (s *System) Durability() eventstore.Durability { return eventstore.Memory }

// Clock returns the one instant at which everything happens.
func (s *System) Clock() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 6000, time.UTC) }

// Backend returns the system as the API sees it.
func (s *System) Backend() rpcapi.Backend {
	read := &jobs.Reader{Views: s.Views, Log: s.Store, Namespace: Namespace}
	return rpcapi.Backend{
		Leader: s.Leader, System: s, Log: s.Store, Poison: unspoiled{},
		Jobs: &readmodels.Jobs{
			Reader: read, Output: &logs.Reader{Jobs: read, Views: s.Views, Log: s.Store}, Watcher: s.Engine.Watch,
			Waiting: &waiting.Reader{Views: s.Views, Beats: unheard{}, Clock: s.Clock},
		},
		Runners: &readmodels.Runners{
			Reader: &runners.Reader{Views: s.Views}, Queues: &queues.Reader{Views: s.Views, Streams: s.Views, Log: s.Store},
			Modes: &modes.Reader{Views: s.Views},
		},
	}
}

// unheard are the signs of life of processes that leave none.
type unheard struct{}

// Page returns no sign.
func (unheard) Page(context.Context, uint64) (beats map[string]string, next uint64, _ error) {
	return nil, 0, nil
}

// unspoiled is a poison queue of a system whose handlers cope with everything.
type unspoiled struct{}

// List returns no message.
func (unspoiled) List(context.Context, string, int) ([]wire.PoisonMessage, error) {
	return []wire.PoisonMessage{}, nil
}

// Replay moves nothing.
func (unspoiled) Replay(context.Context, ...string) (m wire.PoisonMoved, _ error) { return m, nil }

// Drop moves nothing.
func (unspoiled) Drop(context.Context, ...string) (m wire.PoisonMoved, _ error) { return m, nil }

// Settle returns once lists, too, know of everything that was answered.
func (s *System) Settle() {
	s.t.Helper()
	if _, err := views.Current(s.t.Context(), s.Views, views.Query{}); err != nil {
		s.t.Fatal(err)
	}
}

// Info says how the partition is.
func (s *System) Info(ctx context.Context) (wire.Info, error) {
	look, err := views.Current(ctx, s.Views, views.Query{Whole: []views.Table{views.Queues, views.Runners}})
	if err != nil {
		return wire.Info{}, err
	}
	first, err := s.Store.Get(ctx, []uint64{1})
	if err != nil {
		return wire.Info{}, err
	}
	info := wire.Info{
		Name: "s1", Role: wire.Leads, Leader: &wire.Leader{Name: "s1", Address: address, Term: s.Leader.Term()}, Founding: signing.LeafHash(first[0].Event).String(),
		Position: look.Position.Seq, Jobs: map[string]uint64{}, Runners: len(look.Whole[1]),
	}
	for _, data := range look.Whole[0] {
		count, err := queues.ParseCount(data)
		if err != nil {
			return wire.Info{}, err
		}
		info.Jobs[job.Waiting.String()] += count.Waiting
	}
	return info, nil
}

// Access returns the statements.
func (s *System) Access(context.Context) (access.State, error) { return s.Leader.Access(), nil }

// Durable says that everything in the log is, or what [System.Assure] said.
func (s *System) Durable(context.Context) (uint64, error) {
	if bound := s.assured.Load(); bound != nil {
		return *bound, nil
	}
	return math.MaxUint64, nil
}

// Assure has nothing be durable behind a place.
func (s *System) Assure(seq uint64) { s.assured.Store(&seq) }

// Key returns a key that is the same in every run.
func Key(number byte) signing.PrivateKey {
	key, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{number}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return key
}

// Secp256k1Key is [Key] of the other algorithm, which clients may use.
func Secp256k1Key(number byte) signing.PrivateKey {
	key, err := signing.GenerateSecp256k1(bytes.NewReader(bytes.Repeat([]byte{number}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes, and they are a number below the order
	}
	return key
}

// Admit admits a key. One whose end, until, has passed was admitted before that.
func (s *System) Admit(key signing.PrivateKey, class access.Class, name string, until event.Time) {
	s.t.Helper()
	k := Admission(key, class, name)
	k.Until = until
	s.admit(k)
}

func (s *System) admit(k access.Key) {
	s.t.Helper()
	err := s.Leader.Execute(s.t.Context(), eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(eventstore.By{Actor: event.BySystem("test")}, access.Admit{Key: k, At: min(tx.Now(), max(k.Until, 1))})
		return err
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}
