package waiting_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/viewtest"
	"github.com/herocode/horus/projections/waiting"
	"github.com/herocode/horus/runnersdk/queue"
)

const noon = event.Time(1767366245_000000)

// of is a job of a status, due at noon.
func of(s job.Status, q job.Queue) *jobs.Record {
	return &jobs.Record{Status: s, Queue: q, Attempt: 2, Failure: job.FailedTimeout, Timer: job.Timer{Due: noon}}
}

func TestWhy(t *testing.T) {
	own, kind := job.RunnerQueue("r1"), job.ExecutorQueue("sh")
	paused := modes.Record{Mode: domain.Paused, Since: noon, By: "key:ann"}
	drained := modes.Record{Mode: domain.Drained, Since: noon, By: "key:ann"}
	member := func(id domain.Name, mode domain.Mode, state runners.State, slots, free int) runners.Member {
		return runners.Member{Runner: id, Mode: mode, Process: "a1", State: state, Slots: slots, Free: free}
	}
	idle, full := member("r1", domain.Open, runners.Alive, 4, 2), member("r1", domain.Open, runners.Alive, 4, 0)
	met := map[waiting.Reason]bool{}
	for _, tt := range []struct {
		name  string
		facts waiting.Facts
		want  waiting.Reason
		until event.Time
		says  string // a part of the message
	}{
		{"a held job", waiting.Facts{Job: of(job.Created, own)}, waiting.Held, 0, "job.start"},
		{"a job of tomorrow", waiting.Facts{Job: of(job.Planned, own)}, waiting.Scheduled, noon, noon.String()},
		{"a job whose attempt failed", waiting.Facts{Job: of(job.Retrying, own)}, waiting.BackOff, noon, "attempt 2 failed (timeout)"},
		{"a job that is stopped", waiting.Facts{Job: of(job.Ending, own)}, waiting.Stopping, noon, "to say that it stopped"},

		{"a paused queue", waiting.Facts{Job: of(job.Waiting, own), Queue: paused, Crew: runners.Crew{idle}}, waiting.QueuePaused, 0, "by key:ann): horus queues resume runner:r1"},
		{"a paused queue without runners", waiting.Facts{Job: of(job.Waiting, kind), Queue: paused}, waiting.QueuePaused, 0, "resume executor:sh"},
		{"a drained queue is worked off", waiting.Facts{Job: of(job.Waiting, own), Queue: drained, Crew: runners.Crew{idle}, Count: queues.Count{Waiting: 1}}, waiting.QueuedBehind, 0, "next"},

		{"nobody for an id", waiting.Facts{Job: of(job.Waiting, own)}, waiting.NoRunner, 0, "start one with the id r1"},
		{"nobody for a kind", waiting.Facts{Job: of(job.Waiting, kind)}, waiting.NoRunner, 0, "kind sh"},
		{"somebody who is silent", waiting.Facts{Job: of(job.Waiting, own), Crew: runners.Crew{
			member("r1", domain.Open, runners.Silent, 4, 4), member("r1", domain.Open, runners.Gone, 4, 0),
		}}, waiting.NoRunner, 0, "2 were before"},

		{"a paused runner", waiting.Facts{Job: of(job.Waiting, kind), Crew: runners.Crew{
			member("k2", domain.Drained, runners.Alive, 4, 4), member("k1", domain.Paused, runners.Alive, 4, 4), member("k1", domain.Paused, runners.Silent, 4, 4),
		}}, waiting.RunnerPaused, 0, "horus runners resume k1 k2"},
		{"a drained runner that has ended", waiting.Facts{Job: of(job.Waiting, own), Owner: drained}, waiting.RunnerPaused, 0, "resume r1"},
		{"a paused runner that is gone", waiting.Facts{Job: of(job.Waiting, kind), Crew: runners.Crew{
			member("k1", domain.Paused, runners.Gone, 4, 4),
		}}, waiting.NoRunner, 0, "1 were before"},
		{"one is paused, another works", waiting.Facts{Job: of(job.Waiting, kind), Crew: runners.Crew{
			member("k1", domain.Paused, runners.Alive, 4, 4), full,
		}}, waiting.SlotsBusy, 0, "all 4 slots of the 1 processes"},

		{"all are busy", waiting.Facts{Job: of(job.Waiting, own), Crew: runners.Crew{full, full}, Count: queues.Count{Waiting: 7}}, waiting.SlotsBusy, 0, "all 8 slots of the 2 processes that serve its queue runner:r1 are busy; 7 jobs wait"},
		{"others are before it", waiting.Facts{Job: of(job.Waiting, own), Crew: runners.Crew{full, idle}, Count: queues.Count{Waiting: 7}}, waiting.QueuedBehind, 0, "2 slots"},
		{"it is the next", waiting.Facts{Job: of(job.Waiting, own), Crew: runners.Crew{idle}, Count: queues.Count{Waiting: 1}}, waiting.QueuedBehind, 0, "in a moment"},

		{"a job that runs", waiting.Facts{Job: of(job.Running, own), Queue: paused}, waiting.None, 0, ""},
		{"a job that has ended", waiting.Facts{Job: of(job.Done, own), Queue: paused}, waiting.None, 0, ""},
		{"a job that failed", waiting.Facts{Job: of(job.Broken, own)}, waiting.None, 0, ""},
	} {
		got := waiting.Why(tt.facts)
		met[got.Reason] = true
		if got.Reason != tt.want || got.Until != tt.until || !strings.Contains(got.Message, tt.says) || (got.Message == "") != (tt.want == waiting.None) {
			t.Errorf("%s: %+v; want %s until %s, saying %q", tt.name, got, tt.want, tt.until, tt.says)
		}
	}
	for _, r := range waiting.Reasons() {
		if !met[r] {
			t.Errorf("nothing is %s", r)
		}
	}
	if slices.Contains(waiting.Reasons(), waiting.None) {
		t.Error("no reason is one")
	}
}

func TestExplain(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	now := time.Unix(0, 0)
	beats := beats{}
	reader := &waiting.Reader{Views: m.Views, Beats: beats, Clock: func() time.Time { return now }}
	expect := func(want waiting.Reason) {
		t.Helper()
		l.Feed()
		now = now.Add(time.Minute)
		look := l.Dump(t.Context(), t, l.Live())["jobs"]["j1"]
		record, err := jobs.ParseRecord([]byte(look))
		if err != nil {
			t.Fatal(err)
		}
		got, err := reader.Explain(t.Context(), &record)
		if err != nil || got.Reason != want {
			t.Errorf("%+v, %v; want %s", got, err, want)
		}
	}
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{Runner: "r1", Held: true}) })
	expect(waiting.Held)
	l.History.Commit(func(tx *historytest.Tx) { tx.Release("j1") })
	expect(waiting.NoRunner)
	w := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(w, w.Join()) })
	beats.set("r1", w.Name, 0)
	expect(waiting.SlotsBusy)
	beats.set("r1", w.Name, 3)
	expect(waiting.QueuedBehind)
	l.History.Commit(func(tx *historytest.Tx) { tx.OrderRunner("r1", runner.Pause{}) })
	expect(waiting.RunnerPaused)
	l.History.Commit(func(tx *historytest.Tx) { tx.Order(job.RunnerQueue("r1"), line.Pause{}) })
	expect(waiting.QueuePaused)
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Order(job.RunnerQueue("r1"), line.Resume{})
		tx.OrderRunner("r1", runner.Resume{})
		tx.Miss(w)
	})
	expect(waiting.NoRunner)
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(w, runner.Started{About: l.History.About("j1")}) })
	expect(waiting.None)
}

// beats are signs of life in memory.
type beats map[string]string

func (b beats) set(id domain.Name, process string, free int) {
	beat := queue.Beat{Runner: id, Process: process, Number: uint64(len(b)) + 1, Free: free}
	b[beat.Field()] = beat.Value()
}

// Page implements [runners.Beats].
func (b beats) Page(context.Context, uint64) (map[string]string, uint64, error) { return b, 0, nil }
