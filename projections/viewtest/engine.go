package viewtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// runEngine holds that the engine keeps its promises upon a store.
func runEngine(t *testing.T, open func(t *testing.T) *Fixture) {
	tests := map[string]func(*testing.T, *Leader){
		"views are what the history says":          viewsAreWhatTheHistorySays,
		"an attempt is queued once":                anAttemptIsQueuedOnce,
		"a process is told that it joined":         aProcessIsToldThatItJoined,
		"a stop reaches who may run the job":       aStopReachesWhoMayRunTheJob,
		"whoever takes over reminds of stops":      whoeverTakesOverRemindsOfStops,
		"what is stopping and not queued is lost":  whatIsStoppingAndNotQueuedIsLost,
		"a later attempt carries its checkpoint":   aLaterAttemptCarriesItsCheckpoint,
		"what a deleted job wrote goes with it":    whatADeletedJobWroteGoes,
		"the nonces that are spent are known":      theNoncesThatAreSpentAreKnown,
		"a restart goes on where the views are":    aRestartGoesOn,
		"a new term fences the old engine":         aNewTermFences,
		"whatever is deleted comes back":           whateverIsDeletedComesBack,
		"whatever is edited comes back":            whateverIsEditedComesBack,
		"a queue without its group is made again":  aQueueWithoutItsGroup,
		"strays are removed":                       straysAreRemoved,
		"runners are told of modes":                runnersAreToldOfModes,
		"runners are told of the leader's lease":   runnersAreToldOfTheLease,
		"old modes are told to nobody":             oldModesAreToldToNobody,
		"a runner remembers who was gone last":     aRunnerRemembersWhoWasGoneLast,
		"ids from the future empty the queue":      idsFromTheFuture,
		"grants of a revoked key are given up":     grantsOfARevokedKeyAreGivenUp,
		"a log that lost its tail is folded anew":  aLogThatLostItsTail,
		"a queue of a lost tail is emptied":        aQueueOfALostTail,
		"every prefix is rebuilt as it was folded": everyPrefixIsRebuilt,
		"a rebuild equals what it replaces":        aRebuildEquals,
		"a rebuild says what was changed":          aRebuildSaysWhatWasChanged,
		"an engine goes on while others rebuild":   anEngineGoesOnWhileOthersRebuild,
		"a second rebuild ends the first":          aSecondRebuildEndsTheFirst,
		"somebody else's founding is not believed": anotherFounding,
		"an onlooker knows who leads":              anOnlookerKnowsWhoLeads,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			test(t, NewLeader(t.Context(), t, f, historytest.Found(f.Namespace)))
		})
	}
}

// seeded returns choices that are the same in every run.
func seeded(seed uint64) historytest.Draw {
	r := rand.New(rand.NewPCG(seed, 1))
	return r.IntN
}

// grow appends n random commits and folds them in bunches.
func (l *Leader) grow(seed uint64, n int) {
	l.t.Helper()
	draw := seeded(seed)
	for range n {
		l.Step(draw)
		if draw(3) == 0 {
			l.Feed()
		}
	}
	l.Feed()
}

func viewsAreWhatTheHistorySays(_ *testing.T, l *Leader) {
	l.Begin()
	l.grow(1, 60)
	l.CheckViews()
	l.CheckQueues()
}

func anAttemptIsQueuedOnce(t *testing.T, l *Leader) {
	l.Begin()
	q := job.RunnerQueue("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	if got := len(l.Queued(q)); got != 1 {
		t.Fatalf("%d entries in the queue, want 1", got)
	}
	l.History.Commit(func(tx *historytest.Tx) { tx.Lose("j1", job.LostLease) })
	l.Feed()
	entries := l.Queued(q)
	if len(entries) != 1 || entries[0].Fields["job"] == "" {
		t.Fatalf("after the attempt was lost the queue holds %v, want the second one with its job", entries)
	}
	worker := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Report(worker, worker.Join(), runner.Completed{About: l.History.About("j1")})
	})
	l.Feed()
	if entries := l.Queued(q); len(entries) != 0 {
		t.Fatalf("a finished job stands in the queue: %v", entries)
	}
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

func aProcessIsToldThatItJoined(t *testing.T, l *Leader) {
	before := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(before, before.Join()) })
	l.Begin()
	if told := l.Notices("r1"); len(told) != 0 {
		t.Fatalf("behind the end of the log somebody was told %v", told)
	}
	worker := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })
	l.Feed()
	told := l.Notices("r1")
	if len(told) != 1 {
		t.Fatalf("told %d times, want once", len(told))
	}
	n, err := queue.Keys{Namespace: l.Namespace}.ParseNotice(told[0])
	if err != nil || n.Kind != queue.NoticeJoined || n.Process != worker.Name || n.Proof.Check() != nil {
		t.Errorf("notice %+v, %v", n, err)
	}
	streams, err := l.Views.Streams(t.Context(), []job.Queue{job.RunnerQueue("r1")})
	if err != nil || !streams[0].Group {
		t.Errorf("the process' queue is %+v, %v; want a group", streams, err)
	}
}

func aRestartGoesOn(t *testing.T, l *Leader) {
	l.Begin()
	draw := seeded(2)
	for range 12 {
		l.Step(draw)
		l.Step(draw)
		l.Feed()
		passed := l.Engine.Passed()
		l.Crash()
		l.Step(draw) // in the log, and nobody folded it
		lost := l.Begin()
		if l.Engine.Began() != "" {
			t.Fatalf("views were begun anew: %s", l.Engine.Began())
		}
		for _, a := range lost {
			if a.Entry.Seq <= passed && !l.revoked(a.Entry.Seq) {
				t.Errorf("lost %v, which stood in its queue before", a)
			}
		}
		l.CheckViews()
		l.CheckQueues()
	}
	if got, want := l.Engine.Founding(), l.History.Commits[0].Entries[0].Hash; got != want {
		t.Errorf("founded by %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(l.Engine.Chain().State.Access.Keys()), fmt.Sprint(l.History.State.Access.Keys()); got != want {
		t.Errorf("keys after the restart are %s, want %s", got, want)
	}
	if got := l.Engine.Chain().State.Term; got != l.History.State.Term {
		t.Errorf("term after the restart is %+v, want %+v", got, l.History.State.Term)
	}
}

// revoked reports whether the key is revoked that sealed an event: what it
// granted is given up.
func (l *Leader) revoked(seq uint64) bool {
	for _, c := range l.History.Commits {
		if c.Seal.First <= seq && seq <= c.Seal.Last() {
			return l.History.State.Access.Revoked(c.Seal.Key)
		}
	}
	return false
}

func aNewTermFences(t *testing.T, l *Leader) {
	l.Begin()
	old := l.Engine
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	fresh := l.AppendNew()
	l.Take()
	for _, c := range fresh {
		old.Offer(c)
	}
	if _, err := old.Turn(t.Context()); !errors.Is(err, engine.ErrFenced) {
		t.Fatalf("the old engine answers %v, want that it is fenced", err)
	}
	if entries := l.Queued(job.RunnerQueue("r1")); len(entries) != 0 {
		t.Fatalf("the old engine queued %v", entries)
	}
	if err := l.Engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Reconcile()
	l.CheckViews()
	l.CheckQueues()
	late, err := engine.Open(t.Context(), engine.Config{
		Namespace: l.Namespace, Log: l.Log, Views: l.Views, Verifier: l.verifier, Term: l.term - 1,
	})
	if !errors.Is(err, engine.ErrFenced) {
		t.Errorf("an engine of the old term opens: %v, %v", late, err)
	}
}

func whateverIsDeletedComesBack(t *testing.T, l *Leader) {
	l.Begin()
	l.grow(3, 40)
	all := []string{"pos", "statements", "due"}
	for _, table := range views.Tables() {
		all = append(all, table.String())
	}
	for _, s := range job.Statuses() {
		all = append(all, "list:"+s.String())
	}
	for _, q := range l.allQueues() {
		all = append(all, "stream:"+q.String(), "group:"+q.String())
	}
	for i, what := range all {
		before := l.Dump(t.Context(), t, l.Live())
		nothing := len(before[what]) == 0 && before[what] != nil
		l.Lose(what)
		err := l.Engine.Inspect(t.Context())
		entries := what[:min(len(what), 5)] == "group"
		if !nothing && !entries && err == nil && l.hadSome(what) {
			t.Errorf("%s was deleted and nobody noticed", what)
		}
		l.Crash()
		l.Begin()
		l.CheckViews()
		l.CheckQueues()
		if err := l.Engine.Inspect(t.Context()); err != nil {
			t.Errorf("after %s came back: %v", what, err)
		}
		l.grow(uint64(100+i), 3)
	}
}

// What is edited leaves all counts as they are: the engine finds it by looking.
func whateverIsEditedComesBack(t *testing.T, l *Leader) {
	all := []string{"statements", "list", "due"}
	for _, table := range views.Tables() {
		all = append(all, table.String())
	}
	for _, q := range l.allQueues() {
		all = append(all, q.String())
	}
	l.Begin()
	l.grow(3, 40)
	for _, what := range all {
		for round := range 10 {
			if l.has(what) {
				break
			}
			l.grow(uint64(200+round), 3)
		}
		if !l.has(what) {
			continue // a queue that nobody uses
		}
		if err := l.Engine.Inspect(t.Context()); err != nil {
			t.Fatalf("before %s was edited: %v", what, err)
		}
		l.Lose("edit:" + what)
		if err := l.Engine.Inspect(t.Context()); !errors.Is(err, views.ErrDamaged) {
			t.Errorf("%s was edited, and the engine says %v", what, err)
		}
		l.Crash()
		l.Begin()
		if err := l.Engine.Inspect(t.Context()); err != nil {
			t.Errorf("after %s came back: %v", what, err)
		}
		l.CheckViews()
		l.CheckQueues()
	}
}

// has reports whether there is anything to edit.
func (l *Leader) has(what string) bool {
	dump := l.Dump(l.ctx, l.t, l.Live())
	if table, ok := dump[what]; ok {
		return len(table) > 0
	}
	return l.hadSome("stream:" + what)
}

// hadSome reports whether a stream, if it is one, can have had entries: the
// twin knows.
func (l *Leader) hadSome(what string) bool {
	const prefix = "stream:"
	if len(what) < len(prefix) || what[:len(prefix)] != prefix {
		return true
	}
	for _, s := range l.History.State.Jobs {
		if s.Open() && prefix+s.Queue.String() == what {
			return true
		}
	}
	return false
}

// Live returns the live generation.
func (l *Leader) Live() uint64 {
	l.t.Helper()
	look, err := l.Views.Look(l.ctx, views.Query{})
	if err != nil {
		l.t.Fatal(err)
	}
	return look.Position.Live
}
