package runner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

func TestDecideAboutPresence(t *testing.T) {
	pin := key(t, 4).Public()
	open := runner.State{Version: 3, Pin: pin}
	paused := runner.State{Version: 3, Pin: pin, Mode: domain.Paused}
	drained := runner.State{Version: 3, Pin: pin, Mode: domain.Drained}
	removed := runner.State{Version: 3, Pin: pin, Mode: domain.Paused, Removed: true}
	awaited := runner.State{Version: 1, Awaited: true}
	here, left := runner.Process{Version: 2}, runner.Process{Version: 2, Left: true}
	for _, tt := range []struct {
		name   string
		given  runner.State
		when   runner.Command
		then   runner.Event
		reason string
	}{
		{name: "pause", given: open, when: runner.Pause{}, then: runner.Paused{Pin: pin}},
		{name: "pause again", given: paused, when: runner.Pause{}},
		{name: "pause what nobody joined", when: runner.Pause{}, reason: "runner"},
		{name: "drain what is paused", given: paused, when: runner.Drain{}, then: runner.Drained{Pin: pin}},
		{name: "drain again", given: drained, when: runner.Drain{}},
		{name: "drain what nobody joined", when: runner.Drain{}, reason: "runner"},
		{name: "resume", given: drained, when: runner.Resume{}, then: runner.Resumed{Pin: pin}},
		{name: "resume what is open", given: open, when: runner.Resume{}},

		{name: "a process is silent", given: paused, when: runner.Miss{Process: "a1", Reports: here}, then: runner.Silent{Process: "a1", Pin: pin, Mode: domain.Paused}},
		{name: "a process is heard again", given: open, when: runner.Hear{Process: "a1", Reports: here}, then: runner.Alive{Process: "a1", Pin: pin}},
		{name: "a process is gone", given: open, when: runner.GiveUp{Process: "a1", Reports: here}, then: runner.Gone{Process: "a1", Pin: pin}},
		{name: "one that left is not missed", given: open, when: runner.Miss{Process: "a1", Reports: left}},
		{name: "one that left is not gone", given: open, when: runner.GiveUp{Process: "a1", Reports: left}},
		{name: "one that nobody knows is not heard", given: open, when: runner.Hear{Process: "a1"}},
		{name: "nobody is missed in an id that none joined", when: runner.Miss{Process: "a1", Reports: here}},

		{name: "remove", given: paused, when: runner.Remove{Version: 3}, then: runner.Removed{Pin: pin, Mode: domain.Paused}},
		{name: "remove again", given: removed, when: runner.Remove{Version: 3}},
		{name: "remove what nobody joined", when: runner.Remove{}, reason: "runner"},
		{name: "remove what is there", given: open, when: runner.Remove{Version: 3, There: 1}, reason: "runner_present"},
		{name: "remove what has changed since", given: open, when: runner.Remove{Version: 2}, reason: "runner_changed"},
		{name: "what was removed is put back by what happens to it", given: removed, when: runner.Resume{}, then: runner.Resumed{Pin: pin}},
		{name: "register", when: runner.Register{Label: "work"}, then: runner.Registered{Label: "work", Awaited: true}},
		{name: "register again", given: awaited, when: runner.Register{Label: "play"}, then: runner.Registered{Label: "play", Awaited: true}},
		{name: "register what joined", given: paused, when: runner.Register{Label: "work"}, then: runner.Registered{Label: "work", Pin: pin, Mode: domain.Paused}},
		{name: "pause what is awaited", given: awaited, when: runner.Pause{}, reason: "runner"},
		{name: "remove what is awaited", given: awaited, when: runner.Remove{Version: 1}, then: runner.Removed{Awaited: true}},
		{name: "nobody leaves what is awaited", given: awaited, when: runner.Go{Process: "a1"}},
		{
			name: "the first key that an awaited id shows is admitted", given: awaited,
			when: runner.JoinAs{Join: runner.Join{Key: pin, Slots: 1}, Process: "a2", Marks: marks(), FirstUse: true},
			then: runner.Joined{Process: "a2", Key: pin, Pin: pin, Slots: 1, Marks: marks()},
		},
		{name: "a process leaves a paused id", given: paused, when: runner.Go{Process: "a1"}, then: runner.Left{Process: "a1", Pin: pin, Mode: domain.Paused}},
		{
			name: "a process joins a drained id", given: drained,
			when: runner.JoinAs{Join: runner.Join{Key: pin, Slots: 1}, Process: "a2", Marks: marks()},
			then: runner.Joined{Process: "a2", Key: pin, Pin: pin, Mode: domain.Drained, Slots: 1, Marks: marks()},
		},
	} {
		events, err := runner.Decide(tt.given, tt.when)
		if domain.ReasonOf(err) != tt.reason {
			t.Errorf("%s: %v, want the reason %q", tt.name, err, tt.reason)
		}
		if tt.then == nil {
			if len(events) > 0 {
				t.Errorf("%s: %v, want nothing", tt.name, events)
			}
			continue
		}
		if diff := cmp.Diff([]runner.Event{tt.then}, events, exact); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLegalRefusesPresenceThatNobodyDecides(t *testing.T) {
	pin, other := key(t, 4).Public(), key(t, 5).Public()
	open, paused := runner.State{Version: 3, Pin: pin}, runner.State{Version: 3, Pin: pin, Mode: domain.Paused}
	admin, leader := event.ByAPIKey("admin"), event.BySystem("presence")
	for _, tt := range []struct {
		name  string
		given runner.State
		fact  runner.Event
		by    event.Actor
		legal bool
	}{
		{"a pause", open, runner.Paused{Pin: pin}, admin, true},
		{"a pause by a runner", open, runner.Paused{Pin: pin}, event.ByRunner("r1"), false},
		{"a pause by a client's key", open, runner.Paused{Pin: pin}, event.ByClient("00"), false},
		{"a pause of what is paused", paused, runner.Paused{Pin: pin}, admin, false},
		{"a pause that loses the pin", open, runner.Paused{}, admin, false},
		{"a pause with another pin", open, runner.Paused{Pin: other}, admin, false},
		{"a drain of nothing", runner.State{}, runner.Drained{}, admin, false},
		{"a resume of what is open", open, runner.Resumed{Pin: pin}, admin, false},
		{"a silence", open, runner.Silent{Process: "a1", Pin: pin}, leader, true},
		{"a silence that an administrator says", open, runner.Silent{Process: "a1", Pin: pin}, admin, false},
		{"a silence that its runner says", open, runner.Silent{Process: "a1", Pin: pin}, event.ByRunner("r1"), false},
		{"a silence that ends a pause", paused, runner.Silent{Process: "a1", Pin: pin}, leader, false},
		{"a silence that pauses", open, runner.Silent{Process: "a1", Pin: pin, Mode: domain.Paused}, leader, false},
		{"a return with another pin", open, runner.Alive{Process: "a1", Pin: other}, leader, false},
		{"an end of nothing", runner.State{}, runner.Gone{Process: "a1"}, leader, false},
		{"a leave that ends a pause", paused, runner.Left{Process: "a1", Pin: pin}, event.ByRunner("r1"), false},
		{"a join that ends a pause", paused, runner.Joined{Process: "a1", Key: pin, Pin: pin}, event.ByRunner("r1"), false},
		{"a first join that pauses", runner.State{}, runner.Joined{Process: "a1", Key: pin, Pin: pin, Mode: domain.Paused}, event.ByRunner("r1"), false},
		{"a removal", paused, runner.Removed{Pin: pin, Mode: domain.Paused}, admin, true},
		{"a removal that ends a pause", paused, runner.Removed{Pin: pin}, admin, false},
		{"a removal by a runner", open, runner.Removed{Pin: pin}, event.ByRunner("r1"), false},
		{"a removal of what is removed", runner.State{Version: 3, Pin: pin, Removed: true}, runner.Removed{Pin: pin}, admin, false},
		{"a registration", runner.State{}, runner.Registered{Label: "work", Awaited: true}, admin, true},
		{"a registration of what joined", paused, runner.Registered{Label: "work", Pin: pin, Mode: domain.Paused}, admin, true},
		{"a registration by a runner", runner.State{}, runner.Registered{Label: "work", Awaited: true}, event.ByRunner("r1"), false},
		{"a registration that forgets who joined", open, runner.Registered{Label: "work", Awaited: true}, admin, false},
		{"a registration that says that somebody joined", runner.State{}, runner.Registered{Label: "work"}, admin, false},
		{"a first join of what is awaited", runner.State{Version: 1, Awaited: true}, runner.Joined{Process: "a1", Key: pin, Pin: pin}, event.ByRunner("r1"), true},
		{"a removal of what is awaited that says that somebody joined", runner.State{Version: 1, Awaited: true}, runner.Removed{}, admin, false},
		{"a removal of nothing", runner.State{}, runner.Removed{}, admin, false},
	} {
		f := event.Fact[runner.Event]{Data: tt.fact, Version: tt.given.Version + 1, Actor: tt.by}
		err := runner.Legal(tt.given, f, func(signing.KeyID, []domain.Name) bool { return true })
		if (err == nil) != tt.legal || !tt.legal && domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Whatever is asked in whatever order: what is decided is legal, each event
// carries the pin and the mode, and asking for a mode twice changes nothing.
func TestEveryEventCarriesTheState(t *testing.T) {
	pin := key(t, 4).Public()
	joined := runner.Joined{Process: "a1", Key: pin, Pin: pin, Slots: 1, Marks: marks()}
	commands := []runner.Command{
		runner.Pause{},
		runner.Drain{},
		runner.Resume{},
		runner.Register{Label: "work"},
		runner.Go{Process: "a1"},
		runner.Miss{Process: "a1", Reports: runner.Process{Version: 1}},
		runner.Hear{Process: "a1", Reports: runner.Process{Version: 1}},
		runner.GiveUp{Process: "a1", Reports: runner.Process{Version: 1}},
		runner.JoinAs{Join: runner.Join{Key: pin, Slots: 1}, Process: "a2", Marks: marks()},
	}
	modes := []domain.Mode{domain.Paused, domain.Drained, domain.Open} // that the first three commands set
	rapid.Check(t, func(t *rapid.T) {
		s := runner.Evolve(runner.State{}, event.Fact[runner.Event]{Data: joined, Version: 1})
		mode := domain.Open
		for range rapid.IntRange(0, 20).Draw(t, "commands") {
			c := runner.Command(runner.Remove{Version: s.Version})
			n := rapid.IntRange(0, len(commands)).Draw(t, "command")
			if n < len(commands) {
				c = commands[n]
			}
			events, err := runner.Decide(s, c)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				read, err := runner.DecodeEvent(e.EventName(), e.AppendData(nil))
				if err != nil {
					t.Fatal(err)
				}
				f := event.Fact[runner.Event]{Data: read, Version: s.Version + 1, Actor: event.BySystem("test")}
				if err := runner.Legal(s, f, func(signing.KeyID, []domain.Name) bool { return false }); err != nil {
					t.Fatal(err)
				}
				s = runner.Evolve(s, f)
			}
			if n < len(modes) {
				mode = modes[n]
			}
			if _, removed := c.(runner.Remove); s.Pin != pin || s.Mode != mode || removed && !s.Removed {
				t.Fatalf("after %T: %+v, want the mode %q", c, s, mode)
			}
		}
	})
}
