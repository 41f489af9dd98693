package engine

import (
	"testing"
	"time"

	"github.com/herocode/horus/projections/views"
)

// Whatever there is, a round takes about a minute, but no page follows the last
// one sooner than commits can bear, or so late that a small system waits for it.
func TestScrubEvery(t *testing.T) {
	for fields, want := range map[uint64]time.Duration{
		0: scrubSeldom, 1_000: scrubSeldom, 20_000: 732 * time.Millisecond, 100_000: 149 * time.Millisecond, 1 << 40: scrubOften,
	} {
		got := scrubEvery(&views.Census{Fields: [views.NumTables]uint64{views.Jobs: fields}})
		if got.Round(time.Millisecond) != want {
			t.Errorf("%d fields: a page every %s, want %s", fields, got, want)
		}
	}
}
