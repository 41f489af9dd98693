package bench

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   Spread
	}{
		"three":     {[]float64{3, 1, 2}, Spread{Median: 2, Min: 1, Max: 3}},
		"four":      {[]float64{4, 1, 2, 10}, Spread{Median: 3, Min: 1, Max: 10}},
		"one alone": {[]float64{7}, Spread{Median: 7, Min: 7, Max: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, spreadOf(test.values)); diff != "" {
				t.Errorf("spread (-want +got):\n%s", diff)
			}
		})
	}
}

// Percentiles are those of the nearest rank: one of the values.
func TestPercentile(t *testing.T) {
	times := make([]time.Duration, 1000)
	for i := range times {
		times[i] = time.Duration(1000-i) * time.Millisecond
	}
	for p, want := range map[float64]float64{0: 1, 50: 500, 99: 990, 99.9: 999, 100: 1000} {
		if got := percentile(times, p); got != want {
			t.Errorf("percentile %v of 1 … 1000 ms is %v, want %v", p, got, want)
		}
	}
}

// A figure that a round could not find is not one of 0.
func TestSpreadsOfWhatWasFound(t *testing.T) {
	got := spreads([]figures{{"ratio": 1}, {"ratio": 3, "refused_p50_ms": 5}, {"ratio": 2}})
	want := map[string]Spread{"ratio": {2, 1, 3}, "refused_p50_ms": {5, 5, 5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spreads (-want +got):\n%s", diff)
	}
}

// Trials of one shape share a yardstick, of as many jobs as the largest has.
func TestYardsticksAreShared(t *testing.T) {
	fifty, bulk := shape{callers: 50}, shape{callers: 20, together: 100}
	got := bars([]trial{{jobs: 10, against: fifty}, {jobs: 2000, against: bulk}, {jobs: 30, against: fifty}})
	want := []bar{{fifty, 30}, {bulk, 2000}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(bar{}, shape{}, level{})); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
}
