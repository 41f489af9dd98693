package runner_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
)

const (
	joinedGolden = `{"process":"8f3a","pin":"` + publicKey + `","key":"` + publicKey + `","kinds":["sh"],"slots":4,` +
		`"marks":[{"queue":"runner:r1","seq":12},{"queue":"executor:sh","seq":9}]}`
	leftGolden = `{"process":"8f3a"}`
)

// goldens are events that leave out all, or nothing, of what may be left out.
func goldens() [][2]string {
	const pin, mode = `"pin":"` + publicKey + `"`, `"mode":"paused"`
	return [][2]string{
		{"runner.joined", joinedGolden},
		{"runner.joined", strings.Replace(joinedGolden, `,"key"`, `,"mode":"drained","key"`, 1)},
		{"runner.left", leftGolden},
		{"runner.left", `{"process":"8f3a",` + pin + `,` + mode + `}`},
		{"runner.paused", `{}`},
		{"runner.paused", `{` + pin + `}`},
		{"runner.drained", `{}`},
		{"runner.drained", `{` + pin + `}`},
		{"runner.resumed", `{}`},
		{"runner.resumed", `{` + pin + `}`},
		{"runner.silent", `{"process":"8f3a"}`},
		{"runner.silent", `{"process":"8f3a",` + pin + `,` + mode + `}`},
		{"runner.alive", `{"process":"8f3a",` + mode + `}`},
		{"runner.gone", `{"process":"8f3a",` + pin + `}`},
		{"runner.removed", `{}`},
		{"runner.removed", `{` + mode + `}`},
		{"runner.removed", `{` + pin + `,` + mode + `}`},
	}
}

// decode reads the data of any event of the package.
func decode(name string, data []byte) (event.Data, error) {
	if name == (runner.Reported{}).EventName() {
		return runner.DecodeReported(data)
	}
	return runner.DecodeEvent(name, data)
}

func TestEventsHaveOneSpelling(t *testing.T) {
	for _, golden := range goldens() {
		name, text := golden[0], golden[1]
		e, err := runner.DecodeEvent(name, []byte(text))
		if err != nil {
			t.Fatalf("%s %s: %v", name, text, err)
		}
		if got := string(e.AppendData(nil)); got != text || e.EventName() != name {
			t.Errorf("%s came back as %s %s", text, e.EventName(), got)
		}
	}
}

func TestDecodeEventRefusesWhatCouldNotHaveBeenWritten(t *testing.T) {
	for _, tt := range []struct{ name, event, old, replacement string }{
		{"a process that is no number", "runner.joined", `"8f3a"`, `"r1"`},
		{"no mark", "runner.joined", `[{"queue":"runner:r1","seq":12},{"queue":"executor:sh","seq":9}]`, `[]`},
		{"a queue that is none", "runner.joined", `runner:r1`, `runner/r1`},
		{"no slot", "runner.joined", `"slots":4`, `"slots":0`},
		{"a pin that is null", "runner.joined", `"pin":"` + publicKey + `"`, `"pin":null`},
		{"another event's data", "runner.left", "", ""},
		{"an unknown name", "runner.stopped", "", ""},
		{"a mode that is open", "runner.joined", `,"key"`, `,"mode":"","key"`},
		{"a mode that nobody knows", "runner.joined", `,"key"`, `,"mode":"asleep","key"`},
	} {
		data := strings.Replace(joinedGolden, tt.old, tt.replacement, 1)
		if e, err := runner.DecodeEvent(tt.event, []byte(data)); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %+v, %v; want invalid", tt.name, e, err)
		}
	}
}

func TestPausesSayNothingElse(t *testing.T) {
	for _, tt := range [][2]string{
		{"runner.paused", `{"mode":"paused"}`},
		{"runner.paused", `{"process":"8f3a"}`},
		{"runner.removed", `{"process":"8f3a"}`},
		{"runner.removed", `{,"mode":"paused"}`},
		{"runner.removed", `{"mode":"paused","pin":"` + publicKey + `"}`},
		{"runner.silent", `{}`},
		{"runner.silent", `{"mode":"paused"}`},
		{"runner.silent", `{"process":""}`},
		{"runner.gone", ``},
	} {
		if e, err := runner.DecodeEvent(tt[0], []byte(tt[1])); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s %s was read: %+v, %v", tt[0], tt[1], e, err)
		}
	}
}

// More slots than there may be were read as the most that there may be, so one
// event had two spellings.
func TestTooManySlotsAreNotSilentlyFewer(t *testing.T) {
	data := strings.Replace(joinedGolden, `"slots":4`, `"slots":4097`, 1)
	if e, err := runner.DecodeEvent("runner.joined", []byte(data)); domain.ReasonOf(err) != "slots" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestAReportedBundleIsReadOnce(t *testing.T) {
	b := goldenBundle(t)
	fresh := runner.NewReported(b.Sign(key(t, 4)), b)
	if got, err := fresh.Bundle(); err != nil || got != b {
		t.Errorf("Bundle = %p, %v; want the one that was read, %p", got, err, b)
	}
	data := fresh.AppendData(nil)
	e, err := runner.DecodeReported(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := e.AppendData(nil); !bytes.Equal(again, data) || !bytes.Contains(data, []byte(bundleGolden)) {
		t.Errorf("%s came back as %s", data, again)
	}
	broken := bytes.Replace(data, []byte(`"t":"leave"`), []byte(`"t":"leaf"`), 1)
	if _, err := runner.DecodeReported(broken); err == nil {
		t.Error("an event was read whose bundle cannot be")
	}
}

// FuzzDecodeEvent holds that whatever is read has one spelling.
func FuzzDecodeEvent(f *testing.F) {
	b := goldenBundle(f)
	reported := runner.NewReported(b.Sign(key(f, 4)), b).AppendData(nil)
	for _, golden := range append(goldens(), [2]string{"runner.reported", string(reported)}) {
		for data := range seedtest.Variants([]byte(golden[1])) {
			f.Add(golden[0], data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e, err := decode(name, data)
		if err != nil {
			return
		}
		if again := e.AppendData(nil); e.EventName() != name || !bytes.Equal(again, data) {
			t.Errorf("%s %q was read and is written as %s %q", name, data, e.EventName(), again)
		}
	})
}
