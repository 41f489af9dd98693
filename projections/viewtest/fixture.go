// Package viewtest says what a [views.Store] means, and what the engine promises
// upon one: every store runs the same suite.
//
//	viewtest.Run(t, func(t *testing.T) *viewtest.Fixture { … })
package viewtest

import (
	"context"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Fixture is an empty partition: its log, its views, and what a test does
// behind their backs.
type Fixture struct {
	Namespace domain.Name
	Log       eventstore.Log
	Views     views.Store

	Append   func(*history.Commit)                    // to the log
	Truncate func(seq uint64)                         // the log
	Fence    func(term uint64)                        // as taking the lease does
	Lose     func(what string)                        // or edit, as [memviews.Store.Lose] says
	Add      func(job.Queue, queue.EntryID)           // an entry of an intruder
	Deliver  func(q job.Queue, through queue.EntryID) // entries to a runner
	Queued   func(job.Queue) []queue.Entry            // what stands in a queue
	Notices  func(domain.Name) []map[string]string    // what a runner was told
}

// Run runs the whole suite.
func Run(t *testing.T, open func(t *testing.T) *Fixture) {
	t.Run("contract", func(t *testing.T) { runContract(t, open) })
	t.Run("engine", func(t *testing.T) { runEngine(t, open) })
}

// TB is what a test of either kind gives: testing.T and rapid.T.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Leader plays the leader over a fixture: it appends commits of a history and
// drives an engine. Its methods fail the test where they cannot do what they
// say.
type Leader struct {
	*Fixture
	History *historytest.Partition
	Engine  *engine.Engine
	// OnFolded and Lease are given to engines that are opened from now on.
	OnFolded func(engine.Folded)
	Lease    time.Duration

	t        TB
	ctx      context.Context //nolint:containedctx // of the test
	verifier *signing.Verifier
	term     uint64
	appended int // commits of the history that are in the log
}

// NewLeader plays a leader of a history.
func NewLeader(ctx context.Context, t TB, f *Fixture, p *historytest.Partition) *Leader {
	return &Leader{Fixture: f, History: p, t: t, ctx: ctx, verifier: signing.NewVerifier(16)}
}

// Config is what the leader's engine is opened with.
func (l *Leader) Config() engine.Config {
	return engine.Config{
		Namespace: l.Namespace, Log: l.Log, Views: l.Views, Verifier: l.verifier, Term: l.term,
		OnFolded: l.OnFolded, Lease: l.Lease, Founding: l.History.Commits[0].Entries[0].Hash,
	}
}

// AppendNew appends what the history has more than the log, and returns it.
func (l *Leader) AppendNew() []*history.Commit {
	fresh := l.History.Commits[l.appended:]
	for _, c := range fresh {
		l.Append(c)
	}
	l.appended = len(l.History.Commits)
	return fresh
}

// Forget drops from memory what the log holds: all jobs, and all commits but the
// first and the last. Of what it forgot, nothing can be compared any more.
func (l *Leader) Forget() {
	p := l.History
	p.Commits = []*history.Commit{p.Commits[0], p.Commits[len(p.Commits)-1]}
	clear(p.State.Jobs)
	l.appended = len(p.Commits)
}

// Take takes the lease and opens an engine, as a leader that starts does.
func (l *Leader) Take() {
	l.t.Helper()
	l.term = max(l.term, l.History.Term()) + 1
	l.Fence(l.term)
	e, err := engine.Open(l.ctx, l.Config())
	if err != nil {
		l.t.Fatalf("open: %v", err)
	}
	l.Engine = e
}

// Begin takes the lease, catches up and reconciles; it gives up what was lost,
// as a leader does, until nothing is.
func (l *Leader) Begin() []engine.Lost {
	l.t.Helper()
	l.AppendNew()
	l.Take()
	if err := l.Engine.CatchUp(l.ctx); err != nil {
		l.t.Fatalf("catch up: %v", err)
	}
	return l.Reconcile()
}

// Reconcile reconciles and gives up what was lost.
func (l *Leader) Reconcile() []engine.Lost {
	l.t.Helper()
	lost, err := l.Engine.Reconcile(l.ctx)
	if err != nil {
		l.t.Fatalf("reconcile: %v", err)
	}
	for _, a := range lost {
		state := l.History.State.Jobs[a.Job]
		if state.Token != a.Token || state.Queue != a.Queue || state.GrantSeq != a.Entry.Seq {
			l.t.Fatalf("lost %+v, and the job is %+v", a, state)
		}
		l.History.Commit(func(tx *historytest.Tx) { tx.Lose(a.Job.String(), job.LostQueue) })
	}
	l.Feed()
	return lost
}

// Feed appends what is new, offers it, and lets the engine turn until it has
// nothing to do.
func (l *Leader) Feed() {
	l.t.Helper()
	for _, c := range l.AppendNew() {
		l.Engine.Offer(c)
	}
	l.Settle()
}

// Settle lets the engine turn until it has folded everything that is known.
func (l *Leader) Settle() {
	l.t.Helper()
	for l.Engine.Lag() > 0 {
		if _, err := l.Engine.Turn(l.ctx); err != nil {
			l.t.Fatalf("turn: %v", err)
		}
	}
}

// Crash drops the engine without a word.
func (l *Leader) Crash() {
	_ = l.Engine.Close()
	l.Engine = nil
}

// Step appends a random commit to the history.
func (l *Leader) Step(draw historytest.Draw) { l.History.Step(draw) }
