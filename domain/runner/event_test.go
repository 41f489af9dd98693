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

// decode reads the data of any event of the package.
func decode(name string, data []byte) (event.Data, error) {
	if name == (runner.Reported{}).EventName() {
		return runner.DecodeReported(data)
	}
	return runner.DecodeEvent(name, data)
}

func TestEventsHaveOneSpelling(t *testing.T) {
	for name, text := range map[string]string{"runner.joined": joinedGolden, "runner.left": leftGolden} {
		e, err := runner.DecodeEvent(name, []byte(text))
		if err != nil {
			t.Fatal(err)
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
		{"an unknown name", "runner.paused", "", ""},
	} {
		data := strings.Replace(joinedGolden, tt.old, tt.replacement, 1)
		if e, err := runner.DecodeEvent(tt.event, []byte(data)); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %+v, %v; want invalid", tt.name, e, err)
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
	for name, text := range map[string]string{
		"runner.joined": joinedGolden, "runner.left": leftGolden,
		"runner.reported": string(runner.NewReported(b.Sign(key(f, 4)), b).AppendData(nil)),
	} {
		for data := range seedtest.Variants([]byte(text)) {
			f.Add(name, data)
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
