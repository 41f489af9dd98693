package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/herocode/horus/eventstore"
)

// SyncHarness is a store that others hold copies of. Of its Harness only Store
// and Other are used.
type SyncHarness struct {
	Harness
	Syncer eventstore.Syncer
	// Lag makes the copies stand still, and lets them go on.
	Lag func(behind bool)
}

// RunSync tests what a store says of its copies. open is called for each case.
func RunSync(t *testing.T, open func(t *testing.T) SyncHarness) {
	cases := []struct {
		name string
		run  func(f *syncFixture)
	}{
		{"what the copies have is durable, and may be asked again", syncs},
		{"what copies that stand still lack is in the log and not durable, until they go on", shortSync},
		{"a place that is not in the log is a conflict, and one in its middle is not", strangeSync},
		{"whoever never held the lease, or holds it no more, is told nothing of durability", foreignSync},
		{"a question that nobody waits for says nothing", doneSync},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			c.run(&syncFixture{&fixture{t, h.Harness}, h})
		})
	}
}

type syncFixture struct {
	*fixture
	on SyncHarness
}

// sync asks about the log as it is.
func (f *syncFixture) sync(term uint64) error {
	f.Helper()
	end, err := f.Store.Tip(f.ctx())
	if err != nil {
		f.Fatalf("Tip: %v", err)
	}
	return f.on.Syncer.Sync(f.ctx(), term, end)
}

// durable requires that the copies follow, be it slowly: on a loaded machine.
func (f *syncFixture) durable() {
	f.Helper()
	const patience = 20
	err := f.sync(firstTerm)
	for range patience {
		if !errors.Is(err, eventstore.ErrNotDurable) {
			break
		}
		err = f.sync(firstTerm)
	}
	if err != nil {
		f.Fatalf("Sync: %v", err)
	}
}

func syncs(f *syncFixture) {
	f.lead()
	f.durable()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	f.durable()
	f.durable()
	f.contains(one)
	f.append(one.Tip(), Events(1, "two")...)
	f.durable()
}

func shortSync(f *syncFixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	f.durable()
	f.on.Lag(true)
	two := Commit(one.Tip(), Events(2, "two")...)
	f.append(one.Tip(), two.Events...)
	for range 2 {
		if err := f.sync(firstTerm); !errors.Is(err, eventstore.ErrNotDurable) {
			f.Errorf("Sync while the copies stand still: got %v, want ErrNotDurable", err)
		}
	}
	f.contains(one, two)
	three := Commit(two.Tip(), Events(1, "three")...)
	f.append(two.Tip(), three.Events...) // goes on all the same
	f.on.Lag(false)
	f.durable()
	f.contains(one, two, three)
}

// A copy that lacked the end took over, with the lease of the same term in it.
// The leader asked about its log, was told that all of it was there, and
// acknowledged what nobody had.
func strangeSync(f *syncFixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	two := Commit(one.Tip(), Events(2, "two")...)
	f.append(eventstore.Tip{}, one.Events...)
	f.conflict("Sync up to what was lost", f.on.Syncer.Sync(f.ctx(), firstTerm, two.Tip()))
	f.append(one.Tip(), two.Events...)
	f.durable()
	for _, wrong := range []eventstore.Tip{
		{Seq: 4, Seal: one.Tip().Seal}, {Seq: 4}, {Seq: 3, Seal: one.Tip().Seal}, {Seq: 3}, {Seq: 5, Seal: two.Tip().Seal}, {Seal: "seal"},
	} {
		f.conflict(fmt.Sprintf("Sync up to %v", wrong), f.on.Syncer.Sync(f.ctx(), firstTerm, wrong))
	}
	if err := f.on.Syncer.Sync(f.ctx(), firstTerm, one.Tip()); err != nil && !errors.Is(err, eventstore.ErrNotDurable) {
		f.Errorf("Sync up to an older commit: %v", err)
	}
	f.contains(one, two)
}

func foreignSync(f *syncFixture) {
	for _, term := range []uint64{0, firstTerm} {
		f.conflict("Sync while nobody leads", f.sync(term))
	}
	f.lead()
	f.conflict("Sync with a term that nobody took", f.sync(firstTerm+1))
	f.take(eventstore.Holder{Term: firstTerm, Name: "one", Beat: f.beats()}, eventstore.Holder{Term: firstTerm + 1, Name: "two"})
	f.conflict("Sync with a term that is over", f.sync(firstTerm))
	if err := f.sync(firstTerm + 1); err != nil && !errors.Is(err, eventstore.ErrNotDurable) {
		f.Errorf("Sync: %v", err)
	}
}

// beats is how far the beat is: a Sync may raise it.
func (f *syncFixture) beats() uint64 {
	f.Helper()
	holder, err := f.Store.Holder(f.ctx())
	if err != nil {
		f.Fatalf("Holder: %v", err)
	}
	return holder.Beat
}

func doneSync(f *syncFixture) {
	f.lead()
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	err := f.on.Syncer.Sync(ctx, firstTerm, eventstore.Tip{})
	f.unsure("Sync", err)
	if errors.Is(err, eventstore.ErrNotDurable) {
		f.Errorf("Sync: got %v, want an error that says nothing", err)
	}
	f.durable()
}
