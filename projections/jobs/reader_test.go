package jobs_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/viewtest"
)

// scene is a leader over memory, and a reader of its jobs.
type scene struct {
	*viewtest.Leader
	jobs *jobs.Reader
}

func begin(t *testing.T) *scene {
	t.Helper()
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	return &scene{l, &jobs.Reader{Views: m.Views, Log: m.Log, Namespace: "horus"}}
}

// commit appends a commit and projects it.
func (s *scene) commit(build func(tx *historytest.Tx)) {
	s.History.Commit(build)
	s.Feed()
}

func TestAJobIsReadWithWhatItReturned(t *testing.T) {
	s := begin(t)
	worker := s.History.NewProcess("r1")
	s.commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{Payload: "2+2"}) })
	created := s.History.Now
	waiting, err := s.jobs.Get(t.Context(), historytest.ID("j1"))
	if err != nil || waiting.Status != job.Waiting || waiting.Spec.Payload != "2+2" || waiting.Result != "" {
		t.Fatalf("waiting: %+v, %v", waiting, err)
	}
	s.commit(func(tx *historytest.Tx) {
		about := s.History.About("j1")
		tx.Report(worker, worker.Join(), runner.Started{About: about}, runner.Completed{About: about, Result: "4"})
	})
	done, err := s.jobs.Get(t.Context(), historytest.ID("j1"))
	if err != nil {
		t.Fatal(err)
	}
	if done.Status != job.Done || done.Result != "4" || done.Runner != "r1" || done.Process != worker.Name || done.Attempt != 1 {
		t.Errorf("completed: %+v", done)
	}
	if done.Created >= created || done.Started != done.Ended || done.Ended != done.Updated || done.Ended <= done.Created {
		t.Errorf("times: %v %v %v %v", done.Created, done.Started, done.Ended, done.Updated)
	}
	if len(done.Signers) != 1 || done.Hash != s.History.Job("j1").Hash || len(done.Events) != 3 {
		t.Errorf("origin: %v %v %v", done.Signers, done.Hash, done.Events)
	}
}

func TestAFailureIsReadWithItsMessage(t *testing.T) {
	s := begin(t)
	worker := s.History.NewProcess("r1")
	s.commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{Form: job.FormUnsigned}) })
	s.commit(func(tx *historytest.Tx) {
		tx.Report(worker, worker.Join(), runner.Failed{About: s.History.About("j1"), Kind: job.FailedError, Exit: 3, Message: "no", Result: "half"})
	})
	got, err := s.jobs.Get(t.Context(), historytest.ID("j1"))
	if err != nil || got.Failure != job.FailedError || got.Exit != 3 || got.Message != "no" || got.Result != "half" || got.Submitter != "key:web" {
		t.Errorf("failed: %+v, %v", got, err)
	}
}

func TestNoSuchJob(t *testing.T) {
	s := begin(t)
	if _, err := s.jobs.Get(t.Context(), historytest.ID("never")); domain.CodeOf(err) != domain.NotFound {
		t.Errorf("a job that never was: %v, want not found", err)
	}
	s.commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	s.Lose("jobs")
	if _, err := s.jobs.Get(t.Context(), historytest.ID("j1")); domain.ReasonOf(err) != "views_damaged" {
		t.Errorf("a job whose record was deleted: %v, want damaged views", err)
	}
}

// A read right behind a write waited for nothing and answered "not found".
func TestAReadSeesTheWriteBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
		fresh := s.AppendNew() // in the log, and not in the views
		start := time.Now()
		answered := make(chan error)
		go func() {
			_, err := s.jobs.Get(t.Context(), historytest.ID("j1"))
			answered <- err
		}()
		synctest.Wait()
		for _, c := range fresh {
			s.Engine.Offer(c)
		}
		s.Settle()
		if err := <-answered; err != nil {
			t.Errorf("read: %v", err)
		}
		if took := time.Since(start); took > 50*time.Millisecond {
			t.Errorf("the read took %v", took)
		}
		s.History.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
		s.AppendNew() // and nobody projects it
		start = time.Now()
		if _, err := s.jobs.Get(t.Context(), historytest.ID("j2")); domain.ReasonOf(err) != "lagging" {
			t.Errorf("a view that stands still: %v, want lagging", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v, want 2s", took)
		}
	})
}

func TestListsArePaged(t *testing.T) {
	s := begin(t)
	for i := range 250 {
		s.commit(func(tx *historytest.Tx) {
			tx.Submit(fmt.Sprintf("j%03d", i), historytest.Job{Held: i%5 == 0, Runner: domain.Name(fmt.Sprintf("r%d", i%2))})
		})
	}
	tests := []struct {
		name   string
		filter jobs.Filter
		limit  int
		want   func(i int) bool
	}{
		{"all", jobs.Filter{}, 7, func(int) bool { return true }},
		{"of a state", jobs.Filter{States: []job.Status{job.Created}}, 10, func(i int) bool { return i%5 == 0 }},
		{"of a runner and two states", jobs.Filter{States: []job.Status{job.Created, job.Waiting}, Runner: "r1"}, 100, func(i int) bool { return i%2 == 1 }},
		{"of nobody", jobs.Filter{Executor: "sh"}, 10, func(int) bool { return false }},
		{"of a state without jobs", jobs.Filter{States: []job.Status{job.Done}}, 10, func(int) bool { return false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want, got []string
			for i := 249; i >= 0; i-- {
				if tt.want(i) {
					want = append(want, fmt.Sprintf("j%03d", i))
				}
			}
			for cursor, more := "", true; more; {
				page, err := s.jobs.List(t.Context(), tt.filter, cursor, tt.limit)
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Jobs) > tt.limit || page.Through != s.History.Seq() {
					t.Fatalf("%d jobs on a page of %d, through %d", len(page.Jobs), tt.limit, page.Through)
				}
				for _, j := range page.Jobs {
					got = append(got, j.ID.String())
				}
				cursor, more = page.Next, page.Next != ""
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("jobs (-want +got):\n%s", diff)
			}
		})
	}
	for _, cursor := range []string{"x", "czA", "MTI", "cy0x", "c\n"} {
		if _, err := s.jobs.List(t.Context(), jobs.Filter{}, cursor, 1); domain.ReasonOf(err) != "cursor" {
			t.Errorf("cursor %q: %v, want a refusal", cursor, err)
		}
	}
}

func TestAHistoryProvesItself(t *testing.T) {
	s := begin(t)
	worker := s.History.NewProcess("r1")
	s.commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{Held: true})
		tx.Submit("j2", historytest.Job{})
	})
	s.commit(func(tx *historytest.Tx) { tx.Release("j1") })
	s.commit(func(tx *historytest.Tx) {
		tx.Report(worker, worker.Join(), runner.Completed{About: s.History.About("j1")})
	})
	proofs, err := s.jobs.History(t.Context(), historytest.ID("j1"))
	if err != nil {
		t.Fatal(err)
	}
	raws := s.History.Raws()
	if len(proofs) != 4 {
		t.Fatalf("%d events, want submitted, queued, started, completed", len(proofs))
	}
	for _, p := range proofs {
		if err := p.Check(); err != nil {
			t.Errorf("event %d: %v", p.Seq, err)
		}
		if !signing.NewVerifier(1).Verify(p.Seal.Check(s.History.Supervisor.Public())) || string(p.Event) != string(raws[p.Seq-1].Event) {
			t.Errorf("event %d is not as it is stored and sealed", p.Seq)
		}
	}
}
