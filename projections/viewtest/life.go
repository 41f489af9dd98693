package viewtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// What becomes of jobs that are stopped, go on from a checkpoint, or are
// deleted.

// commit appends a commit, folds it and compares.
func (l *Leader) commit(build func(tx *historytest.Tx)) {
	l.t.Helper()
	l.History.Commit(build)
	l.Feed()
	l.CheckViews()
	l.CheckQueues()
}

// stops returns the jobs that a runner id was told to stop, in order, each with
// a proof that holds.
func (l *Leader) stops(id domain.Name) (told []string) {
	l.t.Helper()
	for _, fields := range l.Notices(id) {
		n, err := queue.Keys{Namespace: l.Namespace}.ParseNotice(fields)
		if err != nil {
			l.t.Fatalf("a notice to %s: %v", id, err)
		}
		if n.Kind != queue.NoticeStop {
			continue
		}
		e, err := history.ParseEntry(n.Proof.Seq, n.Proof.Event)
		_, stopping := e.Data.(job.Stopping)
		sealer, _ := l.History.State.Access.Find(n.Proof.Seal.Key)
		if err != nil || !stopping || n.Proof.Check() != nil || !l.verifier.Verify(n.Proof.Seal.Check(sealer.Public)) {
			l.t.Fatalf("a notice to %s proves no stop: %+v, %v", id, n, err)
		}
		told = append(told, e.Aggregate.ID)
	}
	return told
}

// wantStops compares what runners were told to stop.
func (l *Leader) wantStops(want map[domain.Name][]string) {
	l.t.Helper()
	for _, id := range []domain.Name{"r1", "r2", "k1", "k2"} {
		if told := l.stops(id); !slices.Equal(told, want[id]) {
			l.t.Errorf("%s was told to stop %v, want %v", id, told, want[id])
		}
	}
}

// staffed lets a process of r1, and two that serve sh, join.
func (l *Leader) staffed() (own, first, second *historytest.Process) {
	l.commit(func(tx *historytest.Tx) {
		for _, id := range []domain.Name{"k1", "k2"} {
			tx.Admit(historytest.Key("runner "+string(id)), access.Key{Class: access.Runner, Name: id, Kinds: []domain.Name{"sh"}})
		}
	})
	own, first, second = l.History.NewProcess("r1"), l.History.NewProcess("k1", "sh"), l.History.NewProcess("k2", "sh")
	l.commit(func(tx *historytest.Tx) {
		for _, w := range []*historytest.Process{own, first, second} {
			tx.Report(w, w.Join())
		}
	})
	return own, first, second
}

// submitKinds submits one job for r1 and two for sh, of which k1 began one.
func (l *Leader) submitKinds(first *historytest.Process) {
	l.commit(func(tx *historytest.Tx) {
		tx.Submit("mine", historytest.Job{})
		tx.Submit("runs", historytest.Job{Executor: "sh"})
		tx.Submit("waits", historytest.Job{Executor: "sh"})
	})
	l.commit(func(tx *historytest.Tx) { tx.Report(first, runner.Started{About: l.History.About("runs")}) })
}

func (l *Leader) stop(ids ...string) {
	l.commit(func(tx *historytest.Tx) {
		for _, id := range ids {
			tx.Stop(id)
		}
	})
}

func aStopReachesWhoMayRunTheJob(t *testing.T, l *Leader) {
	l.Begin()
	_, first, second := l.staffed()
	l.submitKinds(first)
	if n := l.Engine.Stopping(); n != 0 {
		t.Errorf("%d jobs are to be stopped", n)
	}
	l.stop("mine", "runs", "waits")
	l.wantStops(map[domain.Name][]string{"r1": {"mine"}, "k1": {"runs", "waits"}, "k2": {"waits"}})
	if n := l.Engine.Stopping(); n != 3 {
		t.Errorf("%d jobs are to be stopped, want 3", n)
	}
	l.commit(func(tx *historytest.Tx) {
		tx.Withdraw("waits")
		tx.Report(first, runner.Stopped{About: l.History.About("runs")})
	})
	l.commit(func(tx *historytest.Tx) { // a stop that is over when it is folded
		tx.Submit("short", historytest.Job{Executor: "sh"})
		tx.Stop("short")
		tx.Report(second, runner.Completed{About: l.History.About("short")})
	})
	l.wantStops(map[domain.Name][]string{"r1": {"mine"}, "k1": {"runs", "waits"}, "k2": {"waits"}})
	if n := l.Engine.Stopping(); n != 1 {
		t.Errorf("%d jobs are to be stopped, want 1", n)
	}
}

// A leader recorded a stop and died before it told anybody.
func whoeverTakesOverRemindsOfStops(t *testing.T, l *Leader) {
	l.Begin()
	_, first, _ := l.staffed()
	l.submitKinds(first)
	l.Crash()
	l.History.Commit(func(tx *historytest.Tx) { tx.Stop("mine") })
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Stop("waits")
		tx.Stop("runs")
	})
	l.Begin()
	l.wantStops(map[domain.Name][]string{"r1": {"mine"}, "k1": {"runs", "waits"}, "k2": {"waits"}})
	if n := l.Engine.Stopping(); n != 3 {
		t.Errorf("%d jobs are to be stopped, want 3", n)
	}
	l.CheckViews()
	l.CheckQueues()
}

func whatIsStoppingAndNotQueuedIsLost(t *testing.T, l *Leader) {
	l.Begin()
	l.commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Submit("j2", historytest.Job{})
	})
	l.stop("j1")
	l.Lose("stream:runner:r1")
	lost := l.Reconcile()
	if len(lost) != 2 || lost[0].Job != historytest.ID("j1") {
		t.Errorf("lost %v, want both", lost)
	}
	if one, two := l.History.Job("j1").Status, l.History.Job("j2").Status; one != job.Halted || two != job.Waiting {
		t.Errorf("they are %s and %s, want stopped and queued", one, two)
	}
	if n := l.Engine.Stopping(); n != 0 {
		t.Errorf("%d jobs are to be stopped", n)
	}
	l.CheckViews()
	l.CheckQueues()
}

func aLaterAttemptCarriesItsCheckpoint(t *testing.T, l *Leader) {
	l.Begin()
	own, _, _ := l.staffed()
	l.commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{Attempts: 9, More: `"retry_on":["error"]`})
	})
	for _, data := range []string{"a third", "", "two thirds"} {
		l.commit(func(tx *historytest.Tx) {
			about := l.History.About("j1")
			tx.Report(own, runner.Progress{About: about, Percent: 33}, runner.Checkpoint{About: about, Data: []byte(data)})
		})
		l.commit(func(tx *historytest.Tx) { tx.Lose("j1", job.LostLease) })
		entries := l.Queued(job.RunnerQueue("r1")) // whose checkpoint was compared with its grant
		if len(entries) != 1 || entries[0].Fields["checkpoint"] != data {
			t.Fatalf("the queue holds %q, want an attempt that begins with %q", entries, data)
		}
	}
	l.commit(func(tx *historytest.Tx) {
		tx.Report(own, runner.Failed{About: l.History.About("j1"), Kind: job.FailedError})
	})
	l.Crash()
	l.Begin() // an engine that has nothing in memory
	l.History.Now = l.History.Job("j1").Due
	l.commit(func(tx *historytest.Tx) { tx.Tick("j1") })
	if entries := l.Queued(job.RunnerQueue("r1")); len(entries) != 1 || entries[0].Fields["checkpoint"] != "two thirds" {
		t.Errorf("the queue holds %q", entries)
	}
}

func whatADeletedJobWroteGoes(t *testing.T, l *Leader) {
	l.Begin()
	own, _, _ := l.staffed()
	l.commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	for i := range 3 {
		l.commit(func(tx *historytest.Tx) {
			lines := []runner.Line{{At: tx.Now, Stream: runner.Stdout, Text: fmt.Sprint(i)}}
			tx.Report(own, runner.Log{About: l.History.About("j1"), Lines: lines})
		})
	}
	l.commit(func(tx *historytest.Tx) {
		tx.Report(own, runner.Log{About: l.History.About("j1"), Lines: []runner.Line{{At: tx.Now, Stream: runner.Stdout, Text: "the end"}}},
			runner.Completed{About: l.History.About("j1")})
		tx.Delete("j1") // in the commit in which it wrote
	})
	if left := l.Dump(t.Context(), t, l.Live())["logs"]; len(left) != 0 {
		t.Errorf("of what it wrote is left %v", left)
	}
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}
