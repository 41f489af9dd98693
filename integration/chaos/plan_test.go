package chaos

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/integration/redistest"
)

// Whatever the seed: a plan is the same again, in order, over in time, and does
// nothing to anybody to whom something else is being done.
func TestPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		load := time.Duration(rapid.Int64Range(int64(20*time.Second), int64(time.Hour)).Draw(t, "load"))
		p := NewPlan(seed, load)
		if diff := cmp.Diff(p, NewPlan(seed, load)); diff != "" {
			t.Fatalf("the same seed gives another plan:\n%s", diff)
		}
		busy := map[seat]time.Duration{}
		for i, f := range p.Faults {
			at := seat{f.Role, f.Index}
			switch {
			case f.At < calmBefore || f.until() > load-calmAfter:
				t.Errorf("%s: not while clients submit", f)
			case i > 0 && f.At < p.Faults[i-1].At+minGap:
				t.Errorf("%s: too soon after %s", f, p.Faults[i-1])
			case f.At < busy[at]:
				t.Errorf("%s: what happened to it before is not over", f)
			case f.For < 0 || f.For > 2*Lease:
				t.Errorf("%s: lasts too long", f)
			case f.Role == Redis && f.Kind == Kill && p.AOF != redistest.Always:
				t.Errorf("%s: it may lose what it acknowledged", f)
			}
			busy[at] = f.until()
		}
	})
}

// A longer plan begins with the same faults, so that a failure of ten minutes
// may be looked for in one.
func TestALongerPlanBeginsAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		short, long := NewPlan(seed, time.Minute), NewPlan(seed, 5*time.Minute)
		if diff := cmp.Diff(short.Faults, long.Faults[:len(short.Faults)]); diff != "" {
			t.Error(diff)
		}
	})
}

// A plan of some minutes meets everything that can happen to everybody.
func TestEverythingIsMet(t *testing.T) {
	for seed := range uint64(20) {
		p := NewPlan(seed, 3*time.Minute)
		met := map[card]int{}
		for _, f := range p.Faults {
			met[card{f.Role, f.Kind}]++
		}
		for _, c := range deck(p.AOF) {
			if met[c] == 0 {
				t.Errorf("seed %d: nothing of the kind %q happens to any %s", seed, c.kind, c.role)
			}
		}
	}
}

// One seed's plan, word for word: seeds that were written down keep their
// meaning as long as this holds.
func TestASeedKeepsItsMeaning(t *testing.T) {
	p := NewPlan(1, 20*time.Second)
	var got []string
	for _, f := range p.Faults {
		got = append(got, f.String())
	}
	want := []string{
		"1s for 1.623s: runner 4: network cut: no connection lives",
		"2.188s for 1.478s: supervisor 1: kill -9, and start again",
		"2.733s for 1.933s: supervisor 2: SIGTERM, and start again",
		"3.288s for 1.586s: runner id 2: paused by hand, and resumed later",
		"3.882s for 505ms: runner 3: kill -9, and start again",
		"5.441s for 321ms: supervisor 1: network loses every third reply",
		"6.629s for 5.247s: supervisor 2: network half-open: what was sent comes late",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
