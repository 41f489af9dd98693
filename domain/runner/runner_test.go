package runner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// marks are what a joining process of r1 with those kinds is told.
func marks(kinds ...domain.Name) []runner.Mark {
	var marks []runner.Mark
	for i, q := range runner.Queues("r1", kinds) {
		marks = append(marks, runner.Mark{Queue: q, Seq: uint64(10 + i)})
	}
	return marks
}

func TestQueuesAreTheIDsAndTheKinds(t *testing.T) {
	var got []string
	for _, q := range runner.Queues("r1", []domain.Name{"sh", "sal"}) {
		got = append(got, q.String())
	}
	if diff := cmp.Diff([]string{"runner:r1", "executor:sh", "executor:sal"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecide(t *testing.T) {
	first, second := key(t, 4).Public(), key(t, 5).Public()
	join := func(k signing.PublicKey, kinds ...domain.Name) runner.Join {
		return runner.Join{Key: k, Kinds: kinds, Slots: 2}
	}
	pinned := runner.State{Version: 3, Pin: first}
	registered := runner.State{Version: 3} // joined with admitted keys only
	tests := []struct {
		name   string
		given  runner.State
		when   runner.Command
		then   runner.Event
		reason string
	}{
		{
			name: "the first key of an id is pinned on first use",
			when: runner.JoinAs{Join: join(first), Process: "a1", FirstUse: true, Marks: marks()},
			then: runner.Joined{Process: "a1", Key: first, Pin: first, Slots: 2, Marks: marks()},
		},
		{
			name: "nobody is pinned where runners must be registered",
			when: runner.JoinAs{Join: join(first), Process: "a1", Marks: marks()}, reason: "runner_key",
		},
		{
			name: "an admitted key joins and pins nothing",
			when: runner.JoinAs{Join: join(first), Process: "a1", Known: true, FirstUse: true, Marks: marks()},
			then: runner.Joined{Process: "a1", Key: first, Slots: 2, Marks: marks()},
		},
		{
			name: "the pinned key joins again, though first use ended", given: pinned,
			when: runner.JoinAs{Join: join(first), Process: "a2", Marks: marks()},
			then: runner.Joined{Process: "a2", Key: first, Pin: first, Slots: 2, Marks: marks()},
		},
		{
			name: "another key does not join a pinned id", given: pinned,
			when: runner.JoinAs{Join: join(second), Process: "a2", FirstUse: true, Marks: marks()}, reason: "runner_key",
		},
		{
			name: "an admitted key joins a pinned id and the pin stays", given: pinned,
			when: runner.JoinAs{Join: join(second), Process: "a2", Known: true, Marks: marks()},
			then: runner.Joined{Process: "a2", Key: second, Pin: first, Slots: 2, Marks: marks()},
		},
		{
			name: "an id that was registered is never pinned", given: registered,
			when: runner.JoinAs{Join: join(first), Process: "a2", FirstUse: true, Marks: marks()}, reason: "runner_key",
		},
		{
			name: "a key joins for the kinds that it was admitted for",
			when: runner.JoinAs{Join: join(first, "sh"), Process: "a1", Known: true, Admitted: []domain.Name{"sal", "sh"}, Marks: marks("sh")},
			then: runner.Joined{Process: "a1", Key: first, Kinds: []domain.Name{"sh"}, Slots: 2, Marks: marks("sh")},
		},
		{
			name: "a key does not join for another kind",
			when: runner.JoinAs{Join: join(first, "sh", "hero"), Process: "a1", Known: true, Admitted: []domain.Name{"sh"}, Marks: marks("sh", "hero")}, reason: "runner_kind",
		},
		{
			name: "first use admits no kind",
			when: runner.JoinAs{Join: join(first, "sh"), Process: "a1", FirstUse: true, Admitted: []domain.Name{"sh"}, Marks: marks("sh")}, reason: "runner_kind",
		},
		{
			name: "nobody joins without his marks",
			when: runner.JoinAs{Join: join(first), Process: "a1", Known: true}, reason: "marks",
		},
		{
			name: "a process leaves", given: pinned, when: runner.Go{Process: "a1"},
			then: runner.Left{Process: "a1", Pin: first},
		},
		{name: "nobody leaves an id that none joined", when: runner.Go{Process: "a1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := runner.Decide(tt.given, tt.when)
			if domain.ReasonOf(err) != tt.reason {
				t.Fatalf("%v, want the reason %q", err, tt.reason)
			}
			if tt.then == nil {
				if len(events) != 0 {
					t.Fatalf("events %+v, want none", events)
				}
				return
			}
			if diff := cmp.Diff([]runner.Event{tt.then}, events, exact); diff != "" {
				t.Fatalf("events (-want +got):\n%s", diff)
			}
			known := func(signing.KeyID, []domain.Name) bool { return tt.when.(runner.JoinAs).Known }
			f := event.Fact[runner.Event]{Data: events[0], Version: tt.given.Version + 1}
			if err := runner.Legal(tt.given, f, known); err != nil {
				t.Errorf("an auditor says %v", err)
			}
		})
	}
}

func TestLegalRefusesWhatNobodyDecides(t *testing.T) {
	first, second := key(t, 4).Public(), key(t, 5).Public()
	pinned := runner.State{Version: 3, Pin: first}
	registered := runner.State{Version: 3}
	none := func(signing.KeyID, []domain.Name) bool { return false }
	all := func(signing.KeyID, []domain.Name) bool { return true }
	for _, tt := range []struct {
		name    string
		given   runner.State
		version uint64
		fact    runner.Event
		known   func(signing.KeyID, []domain.Name) bool
	}{
		{"a version again", pinned, 3, runner.Joined{Key: first, Pin: first}, all},
		{"a version left out", pinned, 5, runner.Joined{Key: first, Pin: first}, all},
		{"a key that nobody admitted", runner.State{}, 1, runner.Joined{Key: first}, none},
		{"another key than the pinned one", pinned, 4, runner.Joined{Key: second, Pin: first}, none},
		{"another pin", pinned, 4, runner.Joined{Key: second, Pin: second}, all},
		{"a pin that is gone", pinned, 4, runner.Joined{Key: first}, all},
		{"a pin where there was none", registered, 4, runner.Joined{Key: first, Pin: first}, all},
		{"a pin of another key than the first", runner.State{}, 1, runner.Joined{Key: first, Pin: second}, all},
		{"kinds by first use", runner.State{}, 1, runner.Joined{Key: first, Pin: first, Kinds: []domain.Name{"sh"}}, none},
		{"a leave with another pin", pinned, 4, runner.Left{Pin: second}, all},
		{"a leave before any join", runner.State{}, 1, runner.Left{}, all},
	} {
		err := runner.Legal(tt.given, event.Fact[runner.Event]{Data: tt.fact, Version: tt.version}, tt.known)
		if domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v, want an illegal transition", tt.name, err)
		}
	}
}

func TestAProcessSpeaksInTurn(t *testing.T) {
	join := runner.Join{Key: key(t, 4).Public(), Slots: 1}
	log := runner.Refused{Reason: "x"}
	bundle := func(number uint64, reports ...runner.Report) *runner.Bundle {
		return &runner.Bundle{Runner: "r1", Process: "a1", Number: number, Reports: reports}
	}
	mine, other := key(t, 4).Public().ID(), key(t, 5).Public().ID()
	here := runner.Process{Version: 2, Number: 7, Key: mine}
	gone := runner.Process{Version: 2, Number: 7, Key: mine, Left: true}
	for _, tt := range []struct {
		name   string
		given  runner.Process
		key    signing.KeyID
		bundle *runner.Bundle
		news   bool
		reason string
	}{
		{"it joins first", runner.Process{}, mine, bundle(1, join, log), true, ""},
		{"its first number may be any", runner.Process{}, mine, bundle(9, join), true, ""},
		{"it joins and leaves at once", runner.Process{}, mine, bundle(1, join, runner.Leave{}), true, ""},
		{"the next number is news", here, mine, bundle(8, log), true, ""},
		{"a gap is news", here, mine, bundle(80, log), true, ""},
		{"the same number is a repetition", here, mine, bundle(7, log), false, ""},
		{"a lower number is a repetition", here, mine, bundle(1, join), false, ""},
		{"a repetition is one after it left too", gone, mine, bundle(7, runner.Leave{}), false, ""},
		{"it says nothing before it joins", runner.Process{}, mine, bundle(1, log), false, "process"},
		{"it joins before it speaks", runner.Process{}, mine, bundle(1, log, join), false, "process"},
		{"it joins once", here, mine, bundle(8, join), false, "process"},
		{"it joins once, wherever it says so", here, mine, bundle(8, log, join), false, "process"},
		{"it joins once in a bundle", runner.Process{}, mine, bundle(1, join, join), false, "process"},
		{"it has one key", here, other, bundle(8, log), false, "process"},
		{"it says nothing after it left", gone, mine, bundle(8, log), false, "process"},
		{"nor in the same bundle", here, mine, bundle(8, runner.Leave{}, log), false, "process"},
		{"it leaves once", here, mine, bundle(8, runner.Leave{}, runner.Leave{}), false, "process"},
	} {
		news, err := tt.given.Accept(runner.Signed{Key: tt.key}, tt.bundle)
		if news != tt.news || domain.ReasonOf(err) != tt.reason {
			t.Errorf("%s: %v, %v", tt.name, news, err)
		}
	}
}

func TestReportedBundlesFold(t *testing.T) {
	k := key(t, 4)
	var p runner.Process
	say := func(number uint64, reports ...runner.Report) event.Fact[runner.Reported] {
		b := &runner.Bundle{Namespace: "horus", Runner: "r1", Process: "a1", Number: number, Reports: reports}
		signed := b.Sign(k)
		e, err := runner.DecodeReported(runner.NewReported(signed, b).AppendData(nil))
		if err != nil {
			t.Fatal(err)
		}
		return event.Fact[runner.Reported]{Data: e, Version: p.Version + 1}
	}
	join := say(2, runner.Join{Key: k.Public(), Slots: 1})
	if err := runner.LegalReport(p, join, "r1/a1"); err != nil {
		t.Fatal(err)
	}
	p = runner.EvolveProcess(p, join)
	if want := (runner.Process{Version: 1, Number: 2, Key: k.Public().ID()}); p != want {
		t.Fatalf("process %+v, want %+v", p, want)
	}
	again := say(2, runner.Leave{})
	if err := runner.LegalReport(p, again, "r1/a1"); domain.ReasonOf(err) != "illegal" {
		t.Errorf("a number again: %v", err)
	}
	leave := say(3, runner.Leave{})
	if err := runner.LegalReport(p, leave, "r1/a2"); domain.ReasonOf(err) != "illegal" {
		t.Errorf("under another process: %v", err)
	}
	late := leave
	late.Version++
	if err := runner.LegalReport(p, late, "r1/a1"); domain.ReasonOf(err) != "illegal" {
		t.Errorf("a version left out: %v", err)
	}
	if p = runner.EvolveProcess(p, leave); !p.Left || p.Number != 3 {
		t.Errorf("after it left: %+v", p)
	}
	unread := event.Fact[runner.Reported]{Data: runner.Reported{Signed: runner.Signed{Doc: []byte("{}")}}, Version: p.Version + 1}
	if err := runner.LegalReport(p, unread, "r1/a1"); err == nil {
		t.Error("a bundle that cannot be read is legal")
	}
	if q := runner.EvolveProcess(p, unread); q.Number != p.Number {
		t.Error("a bundle that cannot be read moved the number")
	}
}

func TestEvolveKeepsThePin(t *testing.T) {
	first := key(t, 4).Public()
	before := runner.State{}
	joined := runner.Evolve(before, event.Fact[runner.Event]{Data: runner.Joined{Key: first, Pin: first}, Version: 1})
	left := runner.Evolve(joined, event.Fact[runner.Event]{Data: runner.Left{Pin: first}, Version: 2})
	if want := (runner.State{Version: 2, Pin: first}); left != want || joined.Version != 1 || before != (runner.State{}) {
		t.Errorf("states %+v, %+v, %+v", before, joined, left)
	}
}
