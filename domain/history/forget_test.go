package history_test

import (
	"math/rand/v2"
	"testing"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// What ended for good is forgotten, what is open is not, nor what failed, and the
// rest of a history is judged as if nothing had been forgotten.
func TestWhatEndedIsForgotten(t *testing.T) {
	p := historytest.New("horus")
	p.Live(rand.New(rand.NewPCG(1, 0)).IntN, 1000)
	forgotten, left := map[job.ID]job.Status{}, 0
	chain, err := historytest.Follow("horus", p.Raws(), signing.NewVerifier(16), func(c *history.Chain, commit *history.Commit) error {
		if err := c.Check(commit); err != nil {
			return err
		}
		for i := range commit.Entries {
			if j, ended := c.State.Forget(&commit.Entries[i]); ended && commit.Entries[i].Aggregate.Kind == event.Job {
				forgotten[j.ID] = j.Status
			} else if ended {
				left++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	gone, keep, deleted := map[job.Status]int{}, map[job.Status]int{}, 0
	for id, j := range p.State.Jobs {
		kept, there := chain.State.Jobs[id]
		was, forgot := forgotten[id]
		ended := j.Status.Terminal() && j.Status != job.Broken
		if there == ended || forgot != ended || there && kept.Version != j.Version {
			t.Errorf("job %s is %s; kept: %v; forgotten: %v", id, j.Status, there, forgot)
		}
		if forgot && was != j.Status {
			deleted++ // after it was forgotten
		}
		if forgot && was != j.Status && j.Status != job.Erased {
			t.Errorf("job %s was forgotten as %s and is %s", id, was, j.Status)
		}
		gone[was]++
		keep[kept.Status]++
	}
	if gone[job.Done] == 0 || gone[job.Erased] == 0 || keep[job.Broken] == 0 || keep[job.Waiting] == 0 || deleted == 0 {
		t.Errorf("%v were forgotten, of which %d were deleted later, and %v kept: the test sees too little", gone, deleted, keep)
	}
	processes := 0
	for id, process := range p.State.Processes {
		if process.Left {
			processes++
		}
		if _, there := chain.State.Processes[id]; there == process.Left {
			t.Errorf("process %s left: %v; kept: %v", id, process.Left, there)
		}
	}
	if processes == 0 || left != processes {
		t.Errorf("%d processes are forgotten, want %d", left, processes)
	}
}
