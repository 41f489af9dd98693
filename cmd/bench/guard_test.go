package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk"
)

// guardLimits are those that every change is held to.
func guardLimits(t *testing.T) Limits {
	t.Helper()
	file, err := os.Open("guard.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	limits, err := ReadLimits(file)
	if err != nil {
		t.Fatal(err)
	}
	return limits
}

// newBench returns a run of few jobs on a Redis of the test's own.
func newBench(t *testing.T) *bench {
	t.Helper()
	at, err := open(t.Context(), redistest.Start(t, redistest.Options{AOF: redistest.EverySecond}).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.close() }) // it was only asked
	return &bench{redis: at, cfg: Config{Jobs: 200, Rounds: 3, Progress: func(string, string) {}}}
}

// wasted keeps the compiler from taking an allocation away.
var wasted atomic.Pointer[[100]byte]

// slowly is a handler that runs one job at a time, and takes its time.
func slowly(pause time.Duration) runnersdk.Handler {
	turn := make(chan struct{}, 1)
	return func(context.Context, *runnersdk.Job) (string, error) {
		turn <- struct{}{}
		<-time.After(pause)
		<-turn
		return "", nil
	}
}

// A guard that never barks guards nothing: here the pipeline is sabotaged, each
// time in another way, and the limits must say so. Allocations are those of a
// build without the race detector, so no case rests on them alone but one that
// makes a thousand of them.
func TestTheGuardSeesASabotagedPipeline(t *testing.T) {
	limits := guardLimits(t)
	for name, c := range map[string]struct {
		options options
		callers int
		want    []string // figures that must be beyond their limits
	}{
		"nothing travels together": {callers: 1, want: []string{"commands", "allocs"}},
		"every job runs twice": {
			callers: manyCallers, want: []string{"events", "hashed_bytes", "redis_bytes"},
			options: options{handler: func(_ context.Context, j *runnersdk.Job) (string, error) {
				if j.Attempt == 1 {
					return "", runnersdk.RetryAfter(time.Millisecond, errors.New("sabotage"))
				}
				return "", nil
			}},
		},
		"a handler wastes memory": {
			callers: manyCallers, want: []string{"allocs"},
			options: options{handler: func(context.Context, *runnersdk.Job) (string, error) {
				for range 1000 {
					wasted.Store(new([100]byte))
				}
				return "", nil
			}},
		},
		"jobs run one after another, slowly": {
			callers: manyCallers, want: []string{"ratio"},
			options: options{handler: slowly(2 * time.Millisecond)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			rows, err := b.guard(t.Context(), c.options, c.callers)
			if err != nil {
				t.Fatal(err)
			}
			faults := limits.Exceeded(&Report{Sections: []Section{{Name: "guard", Rows: rows}}})
			for _, key := range c.want {
				if !strings.Contains(strings.Join(faults, "\n"), key+": ") {
					t.Errorf("%s is within its limits; beyond them are %q", key, faults)
				}
			}
		})
	}
}

// What a limit names must be there: else a figure that is renamed is never held
// to anything again.
func TestLimits(t *testing.T) {
	limits, err := ReadLimits(strings.NewReader(`{"guard":{"a":{"x":{"most":2},"y":{"least":2},"z":{"most":1}},"b":{"x":{"most":1}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	row := func(x, y float64) *Report {
		return &Report{Sections: []Section{{Name: "guard", Rows: []Row{{Name: "a", Figures: map[string]Spread{
			"x": {Median: x, Max: 9}, "y": {Median: y}, "z": {Median: 1},
		}}}}}}
	}
	for want, r := range map[string]*Report{
		"guard, b, x: was not measured":                                                                                           row(2, 2),
		"guard, a, x: 3.00 is above 2.00|guard, b, x: was not measured":                                                           row(3, 2),
		"guard, a, y: 1.00 is below 2.00|guard, b, x: was not measured":                                                           row(2, 1),
		"guard, a, x: was not measured|guard, a, y: was not measured|guard, a, z: was not measured|guard, b, x: was not measured": {},
	} {
		if got := strings.Join(limits.Exceeded(r), "|"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, text := range []string{`{}`, `{"guard":{"a":{"x":{"mots":2}}}}`, `[]`, ``} {
		if _, err := ReadLimits(strings.NewReader(text)); err == nil {
			t.Errorf("%s was read as limits", text)
		}
	}
}
