package rpcapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// house is a leader, or a stand-by and the views that it reads.
type house struct {
	leads, known access.State
	err          error
	looks        int
}

func (h *house) Access() access.State                           { return h.leads }
func (h *house) Execute(context.Context, eventstore.Work) error { return nil }

type standBySystem struct{ *house }

func (s standBySystem) Info(context.Context) (i wire.Info, _ error) { return i, nil }
func (s standBySystem) Access(context.Context) (access.State, error) {
	s.looks++
	return s.known, s.err
}

// Durable is asked by nobody here.
func (s standBySystem) Durable(context.Context) (uint64, error) { return 0, s.err }

// stated are statements with a made key and chosen ones.
func stated(t *testing.T, chosen ...string) (s access.State, made string) {
	t.Helper()
	made, secret := access.Make([8]byte{1}, [32]byte{2}, [16]byte{3})
	keys := []access.APIKey{{Name: "made", Scope: User, Secret: secret}}
	for i, text := range chosen {
		kept, err := access.Choose(text, [16]byte{byte(i)}, access.Cost{Time: 1, Memory: 8 << 10, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, access.APIKey{Name: domain.Name(fmt.Sprint("chosen-", i)), Scope: User, Secret: kept})
	}
	s.Statements = 1
	for _, k := range keys {
		s = access.Evolve(s, event.Fact[access.Event]{Data: access.APIKeyAdded{Key: k}, Version: s.Statements + 1})
	}
	return s, made
}

func newRing(h *house, clock func() time.Time) *keyring {
	return newKeyring(&Config{Backend: Backend{Leader: h, System: standBySystem{h}}, Clock: clock})
}

func still() time.Time { return time.Unix(1_000_000, 0) }

func free() error { return nil }

// Whoever may not guess any more costs no slow hash, and no look at the
// statements: only what costs nothing is done for him.
func TestALimitedCallerCostsNothing(t *testing.T) {
	h := &house{}
	h.known, _ = stated(t, "correct horse")
	ring := newRing(h, still)
	stop := errors.New("stop")
	for _, secret := range []string{"correct horse", "a guess of mine"} {
		if _, err := ring.find(t.Context(), secret, func() error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%s: %v", secret, err)
		}
	}
	if h.looks != 0 || len(ring.wrong)+len(ring.shown) != 0 {
		t.Errorf("%d looks, %d hashes", h.looks, len(ring.wrong)+len(ring.shown))
	}
}

// A chosen secret is hashed once, right or wrong, and is known afterwards. A new
// one makes those that were wrong worth another look.
func TestASlowHashIsComputedOnce(t *testing.T) {
	h := &house{}
	h.leads, _ = stated(t, "correct horse")
	ring := newRing(h, still)
	for range 3 {
		for secret, want := range map[string]bool{"correct horse": true, "wrong battery": false} {
			found, err := ring.find(t.Context(), secret, free)
			if err != nil || found.known() != want {
				t.Fatalf("%s: %v, %v", secret, found, err)
			}
		}
		if len(ring.shown) != 1 || len(ring.wrong) > 1 {
			t.Fatalf("%d and %d are remembered", len(ring.shown), len(ring.wrong))
		}
	}
	ring.slow <- struct{}{} // nothing slow can be computed now
	for secret, want := range map[string]bool{"correct horse": true, "wrong battery": false} {
		if found, err := ring.find(t.Context(), secret, free); err != nil || found.known() != want {
			t.Errorf("%s is hashed again: %v, %v", secret, found, err)
		}
	}
	<-ring.slow
	h.leads, _ = stated(t, "correct horse", "wrong battery")
	if found, err := ring.find(t.Context(), "wrong battery", free); err != nil || found.Name != "chosen-1" {
		t.Errorf("once it is right: %v, %v", found, err)
	}
	h.leads, _ = stated(t)
	if found, _ := ring.find(t.Context(), "correct horse", free); found.known() {
		t.Error("a secret that was removed is remembered")
	}
}

// Many callers with one good secret wait for one hash. Each that had waited took
// a secret that was just found good for a wrong one.
func TestCallersWaitForOneHash(t *testing.T) {
	h := &house{}
	h.leads, _ = stated(t, "correct horse")
	ring := newRing(h, still)
	var all sync.WaitGroup
	for range maxChecks {
		all.Go(func() {
			if found, err := ring.find(t.Context(), "correct horse", free); err != nil || !found.known() {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
	all.Wait()
}

// No more than so many wait, so that slow hashes hold up nobody else.
func TestFewWaitForSlowHashes(t *testing.T) {
	ring := newRing(&house{}, still)
	ring.waiting.Store(maxChecks)
	if _, err := ring.turn(t.Context()); err == nil {
		t.Error("one more waits")
	}
	if n := ring.waiting.Load(); n != maxChecks {
		t.Errorf("%d wait after that", n)
	}
}

func TestWrongSecretsAreBounded(t *testing.T) {
	ring := newRing(&house{}, still)
	for i := range 3 * maxRefused {
		ring.refuse(ring.digest(fmt.Sprint(i)), nil)
	}
	if n := len(ring.wrong); n > maxRefused {
		t.Errorf("%d are remembered", n)
	}
}

// A stand-by that cannot read the statements lets nobody in whom it cannot know.
// What it read a moment ago it goes on with, and not for longer.
func TestAStandByThatCannotReadLetsNobodyIn(t *testing.T) {
	h, now := &house{}, still()
	state, made := stated(t)
	h.known = state
	ring := newRing(h, func() time.Time { return now })
	if found, err := ring.find(t.Context(), made, free); err != nil || !found.known() {
		t.Fatal(found, err)
	}
	h.err = domain.Errorf(domain.TryAgain, "unread", "not now")
	now = now.Add(StaleKeys - 1)
	if found, err := ring.find(t.Context(), made, free); err != nil || !found.known() || h.looks != 1 {
		t.Errorf("a moment later: %v, %v, %d looks", found, err, h.looks)
	}
	now = now.Add(1)
	for _, secret := range []string{made, "a guess of mine"} {
		if found, err := ring.find(t.Context(), secret, free); domain.CodeOf(err) != domain.TryAgain || found.known() {
			t.Errorf("later: %v, %v", found, err)
		}
	}
}
