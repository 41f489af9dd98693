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

// What ended is forgotten, what is open is not, and the rest of a history is
// judged as if nothing had been forgotten.
func TestWhatEndedIsForgotten(t *testing.T) {
	p := historytest.New("horus")
	p.Live(rand.New(rand.NewPCG(1, 0)).IntN, 400)
	outcomes, left := map[job.Status]int{}, 0
	chain, err := historytest.Follow("horus", p.Raws(), signing.NewVerifier(16), func(c *history.Chain, commit *history.Commit) error {
		if err := c.Check(commit); err != nil {
			return err
		}
		for i := range commit.Entries {
			if j, ended := c.State.Forget(&commit.Entries[i]); ended && commit.Entries[i].Aggregate.Kind == event.Job {
				outcomes[j.Status]++
			} else if ended {
				left++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[job.Status]int{}
	open := 0
	for id, j := range p.State.Jobs {
		kept, there := chain.State.Jobs[id]
		if j.Status.Terminal() {
			want[j.Status]++
		} else {
			open++
		}
		if there == j.Status.Terminal() || there && kept.Version != j.Version {
			t.Errorf("job %s is %s; kept: %v", id, j.Status, there)
		}
	}
	if len(chain.State.Jobs) != open || open == 0 || outcomes[job.Done] != want[job.Done] || outcomes[job.Broken] != want[job.Broken] || outcomes[job.Done] == 0 {
		t.Errorf("%d jobs are kept and %v forgotten, want %d and %v", len(chain.State.Jobs), outcomes, open, want)
	}
	gone := 0
	for id, process := range p.State.Processes {
		if process.Left {
			gone++
		}
		if _, there := chain.State.Processes[id]; there == process.Left {
			t.Errorf("process %s left: %v; kept: %v", id, process.Left, there)
		}
	}
	if gone == 0 || left != gone {
		t.Errorf("%d processes are forgotten, want %d", left, gone)
	}
}
