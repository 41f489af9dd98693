package line_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/seedtest"
)

func TestDecide(t *testing.T) {
	open, paused, drained := line.State{}, line.State{Version: 3, Mode: domain.Paused}, line.State{Version: 3, Mode: domain.Drained}
	for _, tt := range []struct {
		name  string
		given line.State
		when  line.Command
		then  line.Event
	}{
		{"pause", open, line.Pause{}, line.Paused{}},
		{"pause again", paused, line.Pause{}, nil},
		{"pause what is drained", drained, line.Pause{}, line.Paused{}},
		{"drain", open, line.Drain{}, line.Drained{}},
		{"drain again", drained, line.Drain{}, nil},
		{"drain what is paused", paused, line.Drain{}, line.Drained{}},
		{"resume what is paused", paused, line.Resume{}, line.Resumed{}},
		{"resume what is drained", drained, line.Resume{}, line.Resumed{}},
		{"resume what is open", open, line.Resume{}, nil},
	} {
		events := line.Decide(tt.given, tt.when)
		if tt.then == nil {
			if len(events) > 0 {
				t.Errorf("%s: %v, want nothing", tt.name, events)
			}
			continue
		}
		if diff := cmp.Diff([]line.Event{tt.then}, events); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLegalRefusesWhatNobodyDecides(t *testing.T) {
	paused := line.State{Version: 3, Mode: domain.Paused}
	admin := event.ByAPIKey("admin")
	for _, tt := range []struct {
		name    string
		version uint64
		fact    line.Event
		by      event.Actor
		legal   bool
	}{
		{"by the holder of an API key", 4, line.Resumed{}, admin, true},
		{"by the system", 4, line.Drained{}, event.BySystem("timer"), true},
		{"a version again", 3, line.Resumed{}, admin, false},
		{"a version left out", 5, line.Resumed{}, admin, false},
		{"paused twice", 4, line.Paused{}, admin, false},
		{"by a runner", 4, line.Resumed{}, event.ByRunner("r1"), false},
		{"by a client's key", 4, line.Resumed{}, event.ByClient("0123"), false},
	} {
		err := line.Legal(paused, event.Fact[line.Event]{Data: tt.fact, Version: tt.version, Actor: tt.by})
		if (err == nil) != tt.legal || !tt.legal && domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Whatever is asked in whatever order, the mode is what was asked for last, each
// event is legal, and asking twice changes nothing.
func TestTheModeIsWhatWasAskedForLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s line.State
		for range rapid.IntRange(0, 20).Draw(t, "commands") {
			c := rapid.SampledFrom([]line.Command{line.Pause{}, line.Drain{}, line.Resume{}}).Draw(t, "command")
			want := map[line.Command]domain.Mode{line.Pause{}: domain.Paused, line.Drain{}: domain.Drained, line.Resume{}: domain.Open}[c]
			for _, e := range line.Decide(s, c) {
				f := event.Fact[line.Event]{Data: e, Version: s.Version + 1, Actor: event.ByAPIKey("admin")}
				if err := line.Legal(s, f); err != nil {
					t.Fatal(err)
				}
				s = line.Evolve(s, f)
			}
			if s.Mode != want || len(line.Decide(s, c)) > 0 {
				t.Fatalf("after %T the queue is %q", c, s.Mode)
			}
		}
	})
}

func TestADrainedQueueRefuses(t *testing.T) {
	q := job.ExecutorQueue("sh")
	for mode, refuses := range map[domain.Mode]bool{domain.Open: false, domain.Paused: false, domain.Drained: true} {
		err := line.State{Version: 1, Mode: mode}.Refuses(q)
		if (err != nil) != refuses || refuses && (domain.CodeOf(err) != domain.Overloaded || domain.ReasonOf(err) != "queue_drained") {
			t.Errorf("%q: %v", mode, err)
		}
	}
}

func TestDecodeEventRefusesWhatCouldNotHaveBeenWritten(t *testing.T) {
	for _, tt := range [][2]string{
		{"queue.stopped", "{}"}, {"runner.paused", "{}"}, {"queue.paused", ""}, {"queue.paused", "{ }"}, {"queue.paused", `{"by":"me"}`},
	} {
		if e, err := line.DecodeEvent(tt[0], []byte(tt[1])); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%q was read: %v, %v", tt, e, err)
		}
	}
}

// FuzzDecodeEvent holds that whatever is read has one spelling.
func FuzzDecodeEvent(f *testing.F) {
	for _, e := range line.Events() {
		for data := range seedtest.Variants(e.AppendData(nil)) {
			f.Add(e.EventName(), data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e, err := line.DecodeEvent(name, data)
		if err == nil && (e.EventName() != name || string(e.AppendData(nil)) != string(data)) {
			t.Errorf("%s %q was read as %T", name, data, e)
		}
	})
}
