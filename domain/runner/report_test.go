package runner_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// lifeGolden has one of each report that there was not from the beginning, and
// everything that a failure may say of another attempt.
const lifeGolden = `{"v":1,"ns":"horus","p":3,"runner":"r1","process":"8f3a","number":7,"reports":[` +
	`{"t":"progress",` + about + `,"percent":100,"text":"page 7 of \"é\""},` +
	`{"t":"checkpoint",` + about + `,"data":"cGFnZSA3AA=="},` +
	`{"t":"stopped",` + about + `,"result":"half"},` +
	`{"t":"failed",` + about + `,"kind":"error","exit":3,"message":"no luck","result":"","retry":"again","after":86400000},` +
	`{"t":"failed",` + about + `,"kind":"error","exit":3,"message":"no luck","result":"","retry":"again"},` +
	`{"t":"failed",` + about + `,"kind":"error","exit":3,"message":"no luck","result":"","retry":"never"}]}`

func lifeBundle(t testing.TB) *runner.Bundle {
	t.Helper()
	b := goldenBundle(t)
	a := b.Reports[1].(runner.Started).About
	failed := runner.Failed{About: a, Kind: job.FailedError, Exit: 3, Message: "no luck"}
	again, soon, never := failed, failed, failed
	again.Again, again.After = job.Please, runner.MaxAfter
	soon.Again, never.Again = job.Please, job.Never
	b.Reports = []runner.Report{
		runner.Progress{About: a, Percent: 100, Text: `page 7 of "é"`},
		runner.Checkpoint{About: a, Data: []byte("page 7\x00")},
		runner.Stopped{About: a, Result: "half"},
		again, soon, never,
	}
	return b
}

func TestReportsOfALifeHaveOneSpelling(t *testing.T) {
	want := lifeBundle(t)
	if got := string(want.Append(nil)); got != lifeGolden {
		t.Errorf("Append wrote\n%s, want\n%s", got, lifeGolden)
	}
	got, err := runner.ParseBundle([]byte(lifeGolden))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, exact); diff != "" {
		t.Errorf("ParseBundle (-want +got):\n%s", diff)
	}
	for _, tt := range []struct{ name, old, replacement string }{
		{"more than all of it", `"percent":100`, `"percent":101`},
		{"a percentage with a point", `"percent":100`, `"percent":99.5`},
		{"less than nothing", `"percent":100`, `"percent":-1`},
		{"progress in 1,025 bytes", `page 7 of`, strings.Repeat("é", 513)},
		{"a checkpoint without padding", `cGFnZSA3AA==`, `cGFnZSA3AA`},
		{"a checkpoint with bits behind its end", `cGFnZSA3AA==`, `cGFnZSA3AB==`},
		{"a checkpoint with a line break", `cGFnZSA3AA==`, `cGFnZSA3\nAA==`},
		{"a checkpoint of another alphabet", `cGFnZSA3AA==`, `_-_-`},
		{"a checkpoint of more than 64 KiB", `cGFnZSA3AA==`, base64.StdEncoding.EncodeToString(make([]byte, runner.MaxCheckpoint+1))},
		{"a stop without a result", `,"result":"half"`, ``},
		{"another wish", `"retry":"never"`, `"retry":"later"`},
		{"no wish", `,"retry":"never"`, `,"retry":""`},
		{"a time that nobody asked for", `"retry":"never"`, `"retry":"never","after":5`},
		{"a time without a wish", `,"retry":"never"`, `,"after":5`},
		{"at once", `"after":86400000`, `"after":0`},
		{"in more than a day", `"after":86400000`, `"after":86400001`},
		{"before the rest", `"message":"no luck","result":"","retry":"never"`, `"retry":"never","message":"no luck","result":""`},
	} {
		text := strings.Replace(lifeGolden, tt.old, tt.replacement, 1)
		if text == lifeGolden {
			t.Fatalf("%s: nothing was replaced", tt.name)
		}
		if b, err := runner.ParseBundle([]byte(text)); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %+v, %v; want invalid", tt.name, b, err)
		}
	}
}

// A report that cannot be read back costs its whole bundle: what a program says
// too much of is cut when it is written.
func TestWhatIsTooMuchIsCut(t *testing.T) {
	b := lifeBundle(t)
	failed := b.Reports[3].(runner.Failed)
	for given, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 0: 0, time.Microsecond: time.Millisecond, time.Second: time.Second, 48 * time.Hour: runner.MaxAfter,
		1500 * time.Microsecond: time.Millisecond,
	} {
		failed.After = given
		b.Reports = []runner.Report{failed, runner.Progress{About: failed.About, Percent: 250}}
		got, err := runner.ParseBundle(b.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if after := got.Reports[0].(runner.Failed).After; after != want {
			t.Errorf("%s came back as %s, want %s", given, after, want)
		}
		if percent := got.Reports[1].(runner.Progress).Percent; percent != 100 {
			t.Errorf("250 percent came back as %d", percent)
		}
	}
}

func TestTheLargestCheckpointFitsABundle(t *testing.T) {
	b := lifeBundle(t)
	kept := b.Reports[1].(runner.Checkpoint)
	for _, data := range [][]byte{{}, bytes.Repeat([]byte{0xff}, runner.MaxCheckpoint)} {
		kept.Data = data
		b.Reports = []runner.Report{kept}
		got, err := runner.ParseBundle(b.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if read := got.Reports[0].(runner.Checkpoint); !bytes.Equal(read.Data, data) || read.Hash() != kept.Hash() || read.Hash().IsZero() {
			t.Errorf("a checkpoint of %d bytes came back with %d", len(data), len(read.Data))
		}
	}
}
