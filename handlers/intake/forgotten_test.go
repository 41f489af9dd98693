package intake_test

import (
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
)

// The leader that recorded a join may be killed before it tells the process.
// The process asks again, with the same bundle.
func TestWhoAsksAgainIsToldThatItJoined(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	length := d.length()
	d.succeed()
	if len(d.box.hints) > 0 {
		t.Fatalf("hints %q before it asked again", d.box.hints)
	}
	p.number = 0
	p.send(p.join())
	d.must(d.turn())
	if len(d.box.hints) != 1 || d.box.hints[0] != "joined r1/a1: " || d.length() <= length {
		t.Errorf("hints %q, want the proof that it joined", d.box.hints)
	}
	d.wantCounts(1, 0, "repeated")
}

// A log that lost its end may have lost that a process joined, and with it the
// first key of its id.
func TestAProcessThatIsNotKnownIsToldToBeginAnew(t *testing.T) {
	for _, tt := range []struct {
		name  string
		known domain.Name // whose first key the process has; empty if nobody's
	}{
		{"with a key that nobody knows", ""},
		{"with the first key of its id", "r1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t)
			if tt.known != "" {
				d.joined(tt.known, "a1", key(5))
			}
			p := d.process("r1", "a2", key(5))
			p.number = 7
			d.submit("j1", "")
			p.send(runner.Refused{About: p.about("j1"), Reason: "mark"})
			d.must(d.turn())
			if len(d.box.hints) != 1 || !strings.HasPrefix(d.box.hints[0], "forgotten r1/a2: ") {
				t.Errorf("hints %q, want that the process is forgotten", d.box.hints)
			}
		})
	}
}

// Whoever can write to the inbox must not make a process begin anew by signing
// in its name.
func TestAProcessThatIsKnownIsNeverToldToBeginAnew(t *testing.T) {
	d := open(t)
	d.joined("r1", "a1", key(5))
	d.joined("r2", "b1", key(6))
	d.submit("j1", "")
	for _, k := range []byte{6, 7} { // another runner's, and nobody's
		forger := d.process("r1", "a1", key(k))
		forger.number = 7
		forger.send(runner.Refused{About: forger.about("j1"), Reason: "mark"})
		d.must(d.turn())
	}
	for _, hint := range d.box.hints {
		if strings.HasPrefix(hint, "forgotten") {
			t.Errorf("it was told %q", hint)
		}
	}
}
