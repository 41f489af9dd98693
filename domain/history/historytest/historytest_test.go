package historytest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

func TestRandomHistoriesAreLegal(t *testing.T) {
	verifier := signing.NewVerifier(16)
	rapid.Check(t, func(t *rapid.T) {
		p := historytest.Found("horus")
		for range rapid.IntRange(0, 40).Draw(t, "commits") {
			p.Step(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
		}
		if err := p.Verify(verifier); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheSameCallsMakeTheSameBytes(t *testing.T) {
	story := func() *historytest.Partition {
		p := historytest.Found("horus")
		worker := p.NewProcess("r1")
		p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
		p.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })
		p.Commit(func(tx *historytest.Tx) {
			tx.Report(worker, runner.Completed{About: p.About("j1"), Result: "4"})
		})
		return p
	}
	p := story()
	if diff := cmp.Diff(p.Raws(), story().Raws()); diff != "" {
		t.Errorf("a second telling (-first +second):\n%s", diff)
	}
	if err := p.Verify(signing.NewVerifier(4)); err != nil {
		t.Error(err)
	}
	if s := p.Job("j1"); s.Status != job.Done {
		t.Errorf("the job is %s, want completed", s.Status)
	}
}

func TestACutHistoryGoesOnAnotherWay(t *testing.T) {
	p := historytest.Found("horus")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
	p.Cut(2)
	p.BeginTerm()
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j3", historytest.Job{}) })
	if err := p.Verify(signing.NewVerifier(4)); err != nil {
		t.Error(err)
	}
	if got := len(p.Jobs()); got != 2 {
		t.Errorf("there are %d jobs, want j1 and j3", got)
	}
}
