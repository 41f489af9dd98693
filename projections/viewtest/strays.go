package viewtest

import (
	"errors"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// What stands in queues that no history put there, and what a history lost.

func aQueueWithoutItsGroup(t *testing.T, l *Leader) {
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Submit("j2", historytest.Job{})
		tx.Submit("j3", historytest.Job{Runner: "r2"})
	})
	l.Feed()
	l.Lose("group:runner:r1")
	lost := l.Reconcile() // while the engine is live
	if len(lost) != 2 || lost[0].Job != historytest.ID("j1") || lost[1].Job != historytest.ID("j2") {
		t.Errorf("lost %v, want j1 and j2", lost)
	}
	l.CheckViews()
	l.CheckQueues()
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

func straysAreRemoved(t *testing.T, l *Leader) {
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	q := job.RunnerQueue("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{Runner: "r2"}) })
	l.Add(q, queue.EntryID{Term: l.History.Term(), Seq: l.History.Seq()}) // not of this queue
	l.Feed()
	if err := l.Engine.Inspect(t.Context()); !errors.Is(err, views.ErrDamaged) {
		t.Errorf("a stray is answered with %v", err)
	}
	if lost := l.Reconcile(); len(lost) != 0 {
		t.Errorf("lost %v", lost)
	}
	l.CheckQueues()
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

// An entry with an id above all that we will ever give made XADD fail for every
// later attempt of the queue. Such a stream is emptied.
func idsFromTheFuture(t *testing.T, l *Leader) {
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	l.Add(job.RunnerQueue("r1"), queue.EntryID{Term: 1 << 50, Seq: 1})
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
	for _, c := range l.AppendNew() {
		l.Engine.Offer(c)
	}
	if _, err := l.Engine.Turn(t.Context()); !errors.Is(err, views.ErrDamaged) {
		t.Fatalf("an entry that could not be added: %v, want damage", err)
	}
	l.Crash()
	lost := l.Begin()
	if len(lost) != 2 {
		t.Errorf("lost %v, want both jobs", lost)
	}
	l.CheckViews()
	l.CheckQueues()
}

// A runner refuses what a revoked key sealed, so what that key granted is
// granted again: by whoever leads then, under another key.
func grantsOfARevokedKeyAreGivenUp(t *testing.T, l *Leader) {
	p := l.History
	p.Commit(func(tx *historytest.Tx) {
		tx.Admit(historytest.Key("s2"), access.Key{Class: access.Supervisor, Name: "s2"})
		tx.Submit("before", historytest.Job{})
	})
	l.Begin()
	stolen := p.Supervisor
	p.Commit(func(tx *historytest.Tx) { tx.Begin(historytest.Key("s2")) })
	l.Begin()
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("after", historytest.Job{})
		tx.Revoke(stolen.Public().ID(), "stolen")
	})
	l.Feed()
	lost := l.Reconcile()
	if len(lost) != 1 || lost[0].Job != historytest.ID("before") {
		t.Errorf("given up %v, want what the revoked key granted", lost)
	}
	if again := l.Reconcile(); len(again) != 0 {
		t.Errorf("given up again: %v", again)
	}
	l.CheckViews()
	l.CheckQueues()
	for _, entry := range l.Queued(job.RunnerQueue("r1")) {
		if id, err := queue.ParseEntryID(entry.ID); err != nil || id.Term != p.Term() {
			t.Errorf("the entry %s is still queued (%v)", entry.ID, err)
		}
	}
}

func aLogThatLostItsTail(t *testing.T, l *Leader) {
	l.Begin()
	l.grow(4, 20)
	l.Crash()
	kept := len(l.History.Commits) - 6
	l.History.Cut(kept)
	l.Truncate(l.History.Seq())
	l.appended = kept
	l.History.BeginTerm()
	l.Begin()
	if l.Engine.Began() == "" {
		t.Error("views of another future were taken on")
	}
	l.CheckViews()
	l.CheckQueues()
	l.grow(5, 10)
	l.CheckViews()
	l.CheckQueues()
}

// The log lost the only event that spoke of a queue, and an entry stood in it for
// ever: a runner that joined for the queue later ran what no history held.
func aQueueOfALostTail(t *testing.T, l *Leader) {
	l.Begin()
	l.grow(4, 10)
	kept, q := len(l.History.Commits), job.RunnerQueue("latecomer")
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("late", historytest.Job{Runner: "latecomer"}) })
	l.Feed()
	if n := len(l.Queued(q)); n != 1 {
		t.Fatalf("%d entries stand in the queue, want 1", n)
	}
	l.Crash()
	l.History.Cut(kept)
	l.Truncate(l.History.Seq())
	l.appended = kept
	l.History.BeginTerm()
	l.Begin()
	if n := len(l.Queued(q)); n != 0 {
		t.Errorf("%d entries stand in a queue that the log does not know", n)
	}
}

func anotherFounding(t *testing.T, l *Leader) {
	l.Begin()
	cfg := l.Config()
	cfg.Founding[0] ^= 1
	if _, err := engine.Open(t.Context(), cfg); err == nil {
		t.Error("the views of another founding were taken on")
	}
	l.Lose("pos")
	e, err := engine.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if err := e.CatchUp(t.Context()); err == nil {
		t.Error("the log of another founding was folded")
	}
}
