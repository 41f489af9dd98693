package queuetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/runnersdk/queue"
)

func beatsReplace(t *testing.T, w queue.Wire, s Supervisor) {
	for _, b := range []queue.Beat{
		{Runner: "r1", Process: me, Number: 1, Free: 4},
		{Runner: "r2", Process: me, Number: 7},
		{Runner: "r1", Process: other, Number: 3, Free: 1},
		{Runner: "r1", Process: me, Number: 2, Free: 3},
	} {
		if err := w.Beat(t.Context(), b); err != nil {
			t.Fatalf("beat: %v", err)
		}
	}
	want := map[string]string{"r1/a1": "2 3", "r2/a1": "7 0", "r1/b2": "3 1"}
	if diff := cmp.Diff(want, s.Beats()); diff != "" {
		t.Errorf("beats (-want +got):\n%s", diff)
	}
}

func modesOfFields(t *testing.T, w queue.Wire, s Supervisor) {
	mine, theirs := queue.ModeOf(own()), queue.ModeOf(kind())
	fields := []string{mine, queue.ModeOfRunner("r1")}
	expect := func(want map[string]string) {
		t.Helper()
		got, err := w.Modes(t.Context(), fields)
		if err != nil {
			t.Fatalf("modes: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("modes (-want +got):\n%s", diff)
		}
	}
	expect(map[string]string{})
	s.SetMode(mine, string(domain.Paused))
	s.SetMode(theirs, string(domain.Drained))
	expect(map[string]string{mine: "paused"})
	s.SetMode(mine, string(domain.Open))
	s.SetMode(queue.ModeOfRunner("r1"), string(domain.Drained))
	expect(map[string]string{queue.ModeOfRunner("r1"): "drained"})
}
