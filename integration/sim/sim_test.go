package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/integration/sim"
)

// What make sim asks for.
var (
	seeds = flag.Uint64("seeds", 400, "how many seeds to run")
	first = flag.Uint64("seed", 0, "the first seed")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(1000) // worlds are small, and many
	os.Exit(m.Run())
}

// run runs a seed where time goes on by hand.
func run(t *testing.T, o sim.Options) (report sim.Report) {
	t.Helper()
	o.Pass = func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
	}
	synctest.Test(t, func(*testing.T) { report = sim.Run(o) })
	return report
}

// Whatever happens to calls, processes and the store: what must hold does.
func TestSeeds(t *testing.T) {
	var mu sync.Mutex
	counts := map[sim.Fault]int{}
	workers := uint64(runtime.GOMAXPROCS(0)) //nolint:gosec // positive
	t.Run("all", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				hall := sim.NewHall()
				for n := worker; n < *seeds && !t.Failed(); n += workers {
					r := run(t, sim.Options{Seed: *first + n, Hall: hall})
					if r.Broken != "" {
						t.Errorf("%s\n\n%s\n%s", r.Broken, r.Story, r.Replay())
					}
					mu.Lock()
					for fault, n := range r.Counts {
						counts[fault] += n
					}
					mu.Unlock()
				}
			})
		}
	})
	for _, fault := range sim.Faults() {
		t.Logf("%6d  %s", counts[fault], fault)
		if counts[fault] == 0 && *seeds >= 200 {
			t.Errorf("no seed met: %s", fault)
		}
	}
}
