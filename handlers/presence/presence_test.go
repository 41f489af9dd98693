package presence_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/handlers/presence"
)

const (
	silent = presence.SilentAfter
	gone   = presence.GoneAfter
)

func TestALivingProcessIsNotSpokenOf(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(10*gone, "a1")
	h.want("")
}

func TestAProcessFallsSilentAndIsGone(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.join("a2")
	h.pass(silent+presence.Every, "a1", "a2") // with the last second it shows that it lives
	h.pass(silent-presence.Every, "a2")
	h.want("")
	h.pass(presence.Every, "a2")
	h.want("a1 silent")
	h.pass(gone-silent-presence.Every, "a2")
	h.want("a1 silent")
	h.pass(presence.Every, "a2")
	h.want("a1 silent, a1 gone")
	h.pass(10*gone, "a2")
	h.want("a1 silent, a1 gone")
	if _, there := h.beats["r1/a1"]; there {
		t.Error("the last sign of life of a process that is gone is still there")
	}
	if logs := h.logs.String(); !strings.Contains(logs, "fell silent") || !strings.Contains(logs, "gone") {
		t.Errorf("the log says:\n%s", logs)
	}
}

func TestAProcessIsHeardAgain(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(3*time.Second, "a1")
	h.pass(2 * silent)
	h.pass(3*time.Second, "a1")
	h.want("a1 silent, a1 alive")
	h.pass(2 * gone)
	h.pass(3*time.Second, "a1")
	h.want("a1 silent, a1 alive, a1 silent, a1 gone, a1 alive")
	h.pass(gone, "a1")
	h.want("a1 silent, a1 alive, a1 silent, a1 gone, a1 alive")
}

// One that crashed right after it joined, or may not write, never leaves a sign
// of life.
func TestAProcessThatNeverShowedThatItLives(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(silent + 3*time.Second)
	h.want("a1 silent")
	h.pass(gone)
	h.want("a1 silent, a1 gone")
}

func TestAProcessThatLeftIsForgotten(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.join("a2")
	h.pass(silent, "a1", "a2")
	h.leave("a1")
	h.pass(10*gone, "a2")
	h.want("")
	if got := slices.Collect(maps.Keys(h.beats)); len(got) != 1 || got[0] != "r1/a2" {
		t.Errorf("signs of life of %v are left", got)
	}
}

// Whatever an intruder writes is removed, and nothing is recorded of it.
func TestSignsOfLifeOfNobody(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.beats = map[string]string{"r1/a1": "x", "r1": "1 1", "r1/ffff": "1 1", "r9/a1": "1 1", strings.Repeat("x", 300): ""}
	h.pass(10*gone, "a1")
	h.want("")
	if got := slices.Collect(maps.Keys(h.beats)); len(got) != 1 {
		t.Errorf("signs of life of %v are left", got)
	}
}

// Whoever leads next has watched nobody yet: no process is silent before he has.
func TestANewLeaderBeginsAnew(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(silent-presence.Every, "a1")
	h.pass(silent - 2*presence.Every)
	h.lead()
	h.pass(silent - presence.Every)
	h.want("")
	h.pass(3 * time.Second)
	h.want("a1 silent")
	h.lead()
	h.pass(gone - presence.Every)
	h.want("a1 silent")
	h.pass(3 * time.Second)
	h.want("a1 silent, a1 gone")
	h.lead()
	h.pass(gone)
	h.want("a1 silent, a1 gone")
	h.pass(5*time.Second, "a1")
	h.want("a1 silent, a1 gone, a1 alive")
}

// An old sign of life says nothing: only that it changes does.
func TestAnOldSignIsNoLife(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(2*silent, "a1")
	h.pass(2 * silent)
	h.want("a1 silent")
	h.lead()
	h.pass(silent)
	h.want("a1 silent")
}

// While the signs cannot be read, processes could not write them either.
func TestAnOutageSilencesNobody(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(silent, "a1")
	h.trouble = errLost
	h.pass(2 * gone)
	h.trouble = nil
	h.pass(silent - presence.Every)
	h.want("")
	h.pass(silent, "a1")
	h.want("")
}

// A watch that stood still, with its whole machine, has seen nothing meanwhile.
func TestASleepSilencesNobody(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(silent, "a1")
	h.now = h.now.Add(time.Hour)
	h.pass(silent-presence.Every, "a1")
	h.want("")
}

// What the leader refused is asked again.
func TestARefusalPasses(t *testing.T) {
	h := open(t)
	h.join("a1")
	h.pass(silent, "a1")
	h.refused = fmt.Errorf("busy: %w", errLost)
	h.pass(gone / 2)
	h.want("")
	h.refused = nil
	h.pass(3 * time.Second)
	h.want("a1 silent")
}

func TestManyProcessesArePages(t *testing.T) {
	h := open(t)
	h.pages = 7
	var all []string
	for i := range 150 {
		all = append(all, fmt.Sprintf("%02x", i))
		h.join(all[i])
	}
	h.pass(2*silent, all...)
	h.want("")
	h.pass(2*silent, all[1:20]...)
	if got := strings.Count(h.told(), "silent"); got != 131 {
		t.Errorf("%d processes fell silent, want 131", got)
	}
	if n := strings.Count(h.logs.String(), "fell silent"); n > 3 {
		t.Errorf("the log says so %d times", n)
	}
}

// Where there were so many fields that reading them all took longer than a process
// may be silent, living ones were recorded as silent and alive in turns.
func TestAPassThatTakesLongSilencesNobody(t *testing.T) {
	h := open(t)
	h.pages = 16 * 15 // of 16 a turn, one a second
	var all []string
	for i := range 20 {
		all = append(all, fmt.Sprintf("%02x", i))
		h.join(all[i])
	}
	h.pass(5*gone, all...)
	h.want("")
	h.pass(5*silent, all[1:]...)
	h.want("00 silent")
}

// A field that somebody goes on writing, and as which nobody joined, was watched
// for ever, in the place of a process.
func TestAStrangerThatMovesIsNotWatchedForEver(t *testing.T) {
	h := open(t)
	h.join("a1")
	removed := false
	for range 90 {
		h.pass(presence.Every, "a1", "ffff")
		_, there := h.beats["r1/ffff"]
		removed = removed || !there && h.now.Unix()%2 == 1
		if _, there := h.beats["r1/a1"]; !there {
			t.Fatal("the sign of life of a process that joined was removed")
		}
	}
	if !removed {
		t.Error("the field of a process that nobody joined as was never removed")
	}
	h.want("")
}

// Whatever processes and leaders do: a process that shows that it lives is never
// recorded as silent, the history is legal, says nothing twice, and in the end is
// right.
func TestTheHistoryIsRightInTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := open(t)
		joined, living, left := 0, map[string]bool{}, map[string]bool{}
		names := func() []string { return slices.Sorted(maps.Keys(living)) }
		some := func() string { return rapid.SampledFrom(names()).Draw(t, "process") }
		for range rapid.IntRange(1, 15).Draw(t, "things") {
			switch what := rapid.IntRange(0, 6).Draw(t, "what"); {
			case what <= 1:
				joined++
				name := fmt.Sprintf("a%d", joined)
				h.join(name)
				living[name] = true
			case what == 2 && len(living) > 0:
				delete(living, some())
			case what == 3 && len(living) > 0:
				name := some()
				h.leave(name)
				delete(living, name)
				left[name] = true
			case what == 4:
				h.lead()
			case what == 5 && joined > 0:
				if name := fmt.Sprintf("a%d", rapid.IntRange(1, joined).Draw(t, "back")); !left[name] {
					living[name] = true
				}
			}
			h.pass(time.Duration(rapid.IntRange(0, 70).Draw(t, "seconds"))*time.Second, names()...)
		}
		h.pass(2*gone, names()...)
		roster, err := h.roster(t.Context())
		h.must(err)
		for _, r := range roster {
			for _, p := range r.Processes {
				if want := map[bool]string{true: "alive", false: "gone"}[living[p.Name]]; string(p.State) != want {
					t.Errorf("%s is %s, want %s", p.Name, p.State, want)
				}
			}
		}
		last := map[string]string{}
		for _, told := range strings.Split(h.told(), ", ") {
			name, state, _ := strings.Cut(told, " ")
			if told != "" && last[name] == state {
				t.Errorf("%s twice: %s", told, h.told())
			}
			last[name] = state
		}
		if len(h.beats) > len(living) {
			t.Errorf("signs of life of %v are left; %v live", slices.Collect(maps.Keys(h.beats)), names())
		}
	})
}

// A process that is alive and one that nobody knows are told apart by the
// history alone.
func TestTheWatchNeedsNoRoster(t *testing.T) {
	h := open(t)
	h.turn() // the roster is read, and empty
	h.join("a1")
	h.pass(silent, "a1")
	h.pass(silent + 3*time.Second)
	h.want("a1 silent")
}
