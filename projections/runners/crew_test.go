package runners_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/runners"
)

// hash is a hash of signs of life that is read in pages of one field; it has no
// end if it is endless.
type hash struct {
	fields  [][2]string
	endless bool
	err     error
}

func (h *hash) Page(_ context.Context, cursor uint64) (map[string]string, uint64, error) {
	f := h.fields[cursor%uint64(len(h.fields))]
	if cursor++; !h.endless && cursor == uint64(len(h.fields)) {
		cursor = 0
	}
	return map[string]string{f[0]: f[1]}, cursor, h.err
}

func TestFreeIsBounded(t *testing.T) {
	h := &hash{fields: [][2]string{{"r1/a1", "7 3"}, {"x", "y"}, {"r1/b2", "1 0"}}}
	free, err := runners.Free(t.Context(), h)
	if diff := cmp.Diff(map[string]int{"r1/a1": 3, "r1/b2": 0}, free); diff != "" || err != nil {
		t.Errorf("free slots (-want +got, %v):\n%s", err, diff)
	}
	h.endless = true
	if _, err := runners.Free(t.Context(), h); err != nil {
		t.Errorf("a hash without an end: %v", err)
	}
	h.err = errors.New("no answer")
	if _, err := runners.Free(t.Context(), h); !errors.Is(err, h.err) {
		t.Errorf("without an answer: %v", err)
	}
}

func TestACrewServesAQueue(t *testing.T) {
	process := func(name string, s runners.State, kinds ...domain.Name) runners.Process {
		return runners.Process{Name: name, Slots: 4, Kinds: kinds, State: s}
	}
	all := []runners.Runner{
		{ID: "k1", Processes: []runners.Process{process("a1", runners.Alive, "sh"), process("a2", runners.Silent, "sh", "sal")}},
		{ID: "k2", Mode: modes.Record{Mode: domain.Paused}, Processes: []runners.Process{process("b1", runners.Alive, "sh")}},
		{ID: "sh", Processes: []runners.Process{process("c1", runners.Alive)}},
	}
	free := map[string]int{"k1/a1": 3, "k1/a2": 3, "k2/b1": 99}
	crew := runners.CrewOf(job.ExecutorQueue("sh"), all, free)
	want := runners.Crew{
		{Runner: "k1", Process: "a1", State: runners.Alive, Slots: 4, Free: 3},
		{Runner: "k1", Process: "a2", State: runners.Silent, Slots: 4},
		{Runner: "k2", Mode: domain.Paused, Process: "b1", State: runners.Alive, Slots: 4, Free: 4},
	}
	if diff := cmp.Diff(want, crew); diff != "" {
		t.Errorf("crew (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(crew.Working()); got != "1 4 3" {
		t.Errorf("processes, slots and free slots that work: %s", got)
	}
	if crew := runners.CrewOf(job.RunnerQueue("sh"), all, free); len(crew) != 1 || crew[0].Process != "c1" || crew[0].Free != 0 {
		t.Errorf("the crew of runner sh: %+v", crew)
	}
}
