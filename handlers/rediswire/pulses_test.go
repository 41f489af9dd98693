package rediswire_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/handlers/rediswire"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/runnersdk/queue"
)

func pulses(t *testing.T) *rediswire.Pulses {
	t.Helper()
	client := redistest.Shared(t).Client()
	return &rediswire.Pulses{Reads: client, Writes: client, Keys: queue.Keys{Namespace: domain.Name(redistest.Namespace(t))}}
}

// all reads every page.
func all(t *testing.T, p *rediswire.Pulses) map[string]string {
	t.Helper()
	found := map[string]string{}
	for cursor := uint64(0); ; {
		page, next, err := p.Page(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(found, page)
		if cursor = next; cursor == 0 {
			return found
		}
	}
}

func TestPulsesAreReadInPagesAndDropped(t *testing.T) {
	p := pulses(t)
	if got := all(t, p); len(got) > 0 {
		t.Errorf("signs of life of nobody: %v", got)
	}
	want := map[string]string{}
	for i := range 2500 {
		b := queue.Beat{Runner: "r1", Process: fmt.Sprintf("%x", i), Number: uint64(i), Free: i % 5}
		want[b.Field()] = b.Value()
	}
	if err := p.Writes.HSet(t.Context(), p.Keys.Beats(), want).Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all(t, p)); diff != "" {
		t.Errorf("signs of life (-want +got):\n%s", diff)
	}
	free, err := runners.Free(t.Context(), p)
	if err != nil || len(free) != len(want) || free["r1/7"] != 2 {
		t.Errorf("%d processes say what they have free, r1/7 has %d: %v", len(free), free["r1/7"], err)
	}
	if err := p.Drop(t.Context(), []string{"r1/0", "r1/1", "r9/9"}); err != nil {
		t.Fatal(err)
	}
	if got := all(t, p); len(got) != len(want)-2 {
		t.Errorf("%d signs of life are left of %d", len(got), len(want))
	}
}

// What stands under the key and is no hash would keep every process from showing
// that it lives.
func TestPulsesThatAreNoHashAreRemoved(t *testing.T) {
	p := pulses(t)
	if err := p.Writes.Set(t.Context(), p.Keys.Beats(), "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	onlooker := &rediswire.Pulses{Reads: p.Reads, Keys: p.Keys}
	for range 2 {
		if _, _, err := onlooker.Page(t.Context(), 0); err == nil {
			t.Error("who only looks reads what is no hash")
		}
	}
	if _, _, err := p.Page(t.Context(), 0); err == nil {
		t.Error("nobody is told")
	}
	if got := all(t, p); len(got) > 0 {
		t.Errorf("signs of life: %v", got)
	}
}
