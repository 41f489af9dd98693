package queues_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/viewtest"
	"github.com/herocode/horus/runnersdk/queue"
)

func TestDepthsSayWhoWaitsAndSinceWhen(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	reader := &queues.Reader{Views: m.Views, Streams: m.Views, Log: m.Log}
	if depths, err := reader.Depths(t.Context()); err != nil || len(depths) != 0 {
		t.Errorf("before the first job: %v, %v", depths, err)
	}
	worker := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })
	second := l.History.Now
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j3", historytest.Job{Executor: "sh", Runner: ""}) })
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(worker, runner.Started{About: l.History.About("j1")}) })
	l.Feed()
	r1, sh := job.RunnerQueue("r1"), job.ExecutorQueue("sh")
	first := l.History.Job("j1").GrantSeq
	l.Deliver(r1, queue.EntryID{Term: l.History.Term(), Seq: first})
	l.Deliver(sh, queue.EntryID{Term: l.History.Term(), Seq: l.History.Job("j3").GrantSeq})
	depths, err := reader.Depths(t.Context())
	want := []queues.Depth{
		{Queue: sh, Count: queues.Count{Waiting: 1}},
		{Queue: r1, Count: queues.Count{Waiting: 1, Running: 1}, Oldest: second},
	}
	if diff := cmp.Diff(want, depths, cmp.Comparer(func(a, b job.Queue) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("depths (-want +got, %v):\n%s", err, diff)
	}
	if names := l.Engine.Busy(); len(names) != 2 || names[0] != sh || names[1] != r1 {
		t.Errorf("busy %v", names)
	}
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j4", historytest.Job{Runner: "r2"}) })
	l.Feed()
	other := l.History.NewProcess("r2")
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Report(other, other.Join(), runner.Completed{About: l.History.About("j4")})
	})
	l.Feed()
	if names := l.Engine.Busy(); len(names) != 2 {
		t.Errorf("busy %v, want no queue in which nothing is", names)
	}
	marks, err := reader.Marks(t.Context(), []job.Queue{r1, job.RunnerQueue("new")})
	if err != nil || marks[0] != (runner.Mark{Queue: r1, Seq: first}) || marks[1].Seq != l.History.Seq()+1 {
		t.Errorf("marks %v, %v", marks, err)
	}
}

// FuzzParseCount holds that whatever is read has the one spelling that Append
// writes.
func FuzzParseCount(f *testing.F) {
	const golden = "[12,3,0,1000000,1]"
	seedtest.Add(f, []byte(golden))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := queues.ParseCount(data)
		if err == nil && !bytes.Equal(c.Append(nil), data) {
			t.Errorf("read %q, and it is written %q", data, c.Append(nil))
		}
	})
}
