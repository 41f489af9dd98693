package jobs_test

import (
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/jobs"
)

const retried = `"retry_on":["error"],"backoff":{"initial_ms":1000},"timeout":60,"delay":10`

// joined commits that a process of r1 joined.
func (s *scene) joined() *historytest.Process {
	w := s.History.NewProcess("r1")
	s.commit(func(tx *historytest.Tx) { tx.Report(w, w.Join()) })
	return w
}

func (s *scene) get(t *testing.T) jobs.Job {
	t.Helper()
	s.CheckViews()
	j, err := s.jobs.Get(t.Context(), historytest.ID("j1"))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// later moves the clock to when something is due, and has it done.
func (s *scene) later(t *testing.T) {
	t.Helper()
	due := s.get(t)
	if due.NextDue().IsZero() || due.NextDue() <= s.History.Now {
		t.Fatalf("a %s job is due at %v, and it is %v", due.Status, due.NextDue(), s.History.Now)
	}
	s.History.Now = due.NextDue()
	s.commit(func(tx *historytest.Tx) { tx.Tick("j1") })
}

// A job waits for its time, fails, waits for its next attempt, goes on from its
// checkpoint, is lost, fails for good, is replayed and stopped: each step reads
// as what it is.
func TestAWholeLifeIsRead(t *testing.T) {
	s := begin(t)
	w := s.joined()
	report := func(r ...runner.Report) { s.commit(func(tx *historytest.Tx) { tx.Report(w, r...) }) }
	about := func() runner.About { return s.History.About("j1") }

	submitted := s.History.Now
	s.commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{More: retried}) })
	j := s.get(t)
	if j.Status != job.Planned || j.NextDue() != submitted.Add(10*time.Second) || j.Attempt != 0 || j.Queue != job.RunnerQueue("r1") {
		t.Fatalf("scheduled: %+v", j.Record)
	}
	s.later(t)
	if j = s.get(t); j.Status != job.Waiting || !j.NextDue().IsZero() || j.Attempt != 1 {
		t.Fatalf("queued: %+v", j.Record)
	}
	report(runner.Started{About: about()}, runner.Progress{About: about(), Percent: 7, Text: "seven"})
	kept := runner.Checkpoint{About: about(), Data: []byte("half of it")}
	report(kept, runner.Progress{About: about(), Percent: 50, Text: "half"})
	if j = s.get(t); j.Status != job.Running || j.NextDue() != j.Started.Add(60*time.Second+job.TimeoutSlack) {
		t.Fatalf("running: %+v", j.Record)
	}
	if j.Progress.Percent != 50 || j.Doing != "half" || j.Progress.At != j.Updated || j.Checkpoint.Bytes != 10 || j.Checkpoint.At != j.Updated {
		t.Errorf("how far it is: %+v, %q, %+v", j.Progress, j.Doing, j.Checkpoint)
	}
	report(runner.Failed{About: about(), Kind: job.FailedError, Exit: 3, Message: "no"})
	if j = s.get(t); j.Status != job.Retrying || j.Failure != job.FailedError || j.Message != "no" || j.Counted != 1 || j.Most() != 3 {
		t.Fatalf("retrying: %+v", j)
	}
	s.later(t)
	if j = s.get(t); j.Status != job.Waiting || j.Attempt != 2 || j.Progress != (jobs.Progress{}) || j.Checkpoint.Bytes != 10 || j.Exit != 3 {
		t.Fatalf("queued again: %+v", j.Record)
	}
	lost := about()
	s.commit(func(tx *historytest.Tx) { tx.Lose("j1", job.LostLease) })
	if j = s.get(t); j.Attempt != 3 || j.Failure != job.FailedLost || j.Message != "" || j.Counted != 2 {
		t.Fatalf("lost: %+v", j.Record)
	}
	report(runner.Completed{About: lost})
	report(runner.Failed{About: about(), Kind: job.FailedRejected})
	if j = s.get(t); j.Status != job.Broken || j.Refused != 1 || j.Failure != job.FailedRejected || j.Due != 0 || j.Timeout != time.Minute {
		t.Fatalf("failed: %+v", j.Record)
	}
	s.commit(func(tx *historytest.Tx) { tx.Replay("j1", 5, job.Limits{Timeout: 90 * time.Second}) })
	if j = s.get(t); j.Status != job.Waiting || j.Counted != 0 || j.Most() != 5 || j.Timeout != 90*time.Second || !j.Ended.IsZero() {
		t.Fatalf("replayed: %+v", j.Record)
	}
	s.commit(func(tx *historytest.Tx) { tx.Stop("j1") })
	if j = s.get(t); j.Status != job.Ending || j.Stop.By != "key:web" || j.Stop.At != j.Updated || j.NextDue() != j.Updated.Add(job.StopLimit) {
		t.Fatalf("stopping: %+v", j.Record)
	}
	report(runner.Stopped{About: about(), Result: "so far"})
	if j = s.get(t); j.Status != job.Halted || j.Result != "so far" || j.Failure != "" || j.Timer != (job.Timer{}) || j.Stop.By != "key:web" {
		t.Fatalf("stopped: %+v", j)
	}
}

// A deleted job is in no list, and nobody gets it; its history is still proved.
func TestADeletedJobIsNotShown(t *testing.T) {
	s := begin(t)
	w := s.joined()
	s.commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Submit("j2", historytest.Job{})
		tx.Report(w, runner.Log{About: s.History.About("j1"), Lines: []runner.Line{{At: tx.Now, Stream: runner.Stdout, Text: "1"}}})
		tx.Report(w, runner.Completed{About: s.History.About("j1"), Result: "4"})
	})
	s.get(t)
	s.commit(func(tx *historytest.Tx) { tx.Delete("j1") })
	s.CheckViews()
	if _, err := s.jobs.Get(t.Context(), historytest.ID("j1")); domain.CodeOf(err) != domain.NotFound || domain.ReasonOf(err) != "deleted" {
		t.Errorf("a deleted job is read as %v", err)
	}
	for _, states := range [][]job.Status{nil, job.Statuses()} {
		page, err := s.jobs.List(t.Context(), jobs.Filter{States: states}, "", 10)
		if err != nil || len(page.Jobs) != 1 || page.Jobs[0].ID != historytest.ID("j2") {
			t.Errorf("listed %+v, %v; want the job that was not deleted", page.Jobs, err)
		}
	}
	page, err := s.jobs.List(t.Context(), jobs.Filter{States: []job.Status{job.Erased}}, "", 10)
	if err != nil || len(page.Jobs) != 0 || page.Next != "" {
		t.Errorf("deleted jobs are listed: %+v, %v", page, err)
	}
	if proofs, err := s.jobs.History(t.Context(), historytest.ID("j1")); err != nil || len(proofs) != 4 {
		t.Errorf("%d events of its history, %v; want 4", len(proofs), err)
	}
}
