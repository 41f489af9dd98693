package sim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/integration/sim"
)

// A seed is one run, whenever and wherever it is run: to the byte.
func TestASeedIsTheSameRunEveryTime(t *testing.T) {
	for _, seed := range []uint64{3, 254, 548} {
		var first sim.Report
		for n := range 3 {
			r := run(t, sim.Options{Seed: seed, Hall: sim.NewHall(), Tell: true})
			if n == 0 {
				first = r
			}
			if diff := cmp.Diff(first, r); diff != "" {
				t.Errorf("seed %d, run %d (-first +this):\n%s", seed, n+1, diff)
			}
		}
		if first.Events < 20 || !strings.Contains(first.Story, "job.submitted") {
			t.Errorf("seed %d tells of %d events:\n%s", seed, first.Events, first.Story)
		}
	}
}

func TestSeedsAreDifferentRuns(t *testing.T) {
	hall, seen := sim.NewHall(), map[uint64]uint64{}
	for seed := range uint64(10) {
		r := run(t, sim.Options{Seed: seed, Hall: hall})
		if other, twice := seen[r.Trace]; twice {
			t.Errorf("seeds %d and %d are the same run", other, seed)
		}
		seen[r.Trace] = seed
	}
}
