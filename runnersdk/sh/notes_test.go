package sh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told collects what a script wrote for its runner.
type told struct {
	saved    []string
	progress []string
}

func (got *told) run(t *testing.T, c Command) Outcome {
	t.Helper()
	c.Timeout = time.Minute
	c.Saved = func(data []byte) { got.saved = append(got.saved, string(data)) }
	c.Progress = func(percent int, text string) { got.progress = append(got.progress, fmt.Sprint(percent, " ", text)) }
	out, err := Runner{Dir: t.TempDir()}.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCheckpointOfAScript(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		last   []byte
		script string
		result string
		want   []string
	}{
		{name: "none", script: `test -e "$HORUS_CHECKPOINT" || printf absent`, result: "absent"},
		{name: "the last one", last: []byte("p\x007"), script: `cat "$HORUS_CHECKPOINT"`, result: "p\ufffd7"},
		{name: "an empty one", last: []byte{}, script: `test -e "$HORUS_CHECKPOINT" && printf there`, result: "there"},
		{name: "left as it is", last: []byte("7"), script: `sleep 1.2`},
		{
			name: "replaced", last: []byte("7"), want: []string{"8\n"},
			script: `echo 8 >"$HORUS_CHECKPOINT.new"; mv "$HORUS_CHECKPOINT.new" "$HORUS_CHECKPOINT"`,
		},
		{name: "written over", last: []byte("7"), script: `printf 8 >"$HORUS_CHECKPOINT"`, want: []string{"8"}},
		{name: "written over by a script that fails", script: `printf 8 >"$HORUS_CHECKPOINT"; exit 3`, want: []string{"8"}},
		{
			name: "several: each that stood still", want: []string{"1", "2"},
			script: `printf 1 >"$HORUS_CHECKPOINT"; sleep 1.6; printf x >"$HORUS_CHECKPOINT"; printf 2 >"$HORUS_CHECKPOINT"; sleep 1.6`,
		},
		{
			name: "one that never stands still, at the end", want: []string{"................"},
			script: `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do printf . >>"$HORUS_CHECKPOINT"; sleep 0.1; done`,
		},
		{name: "removed", last: []byte("7"), script: `rm "$HORUS_CHECKPOINT"`},
		{name: "a link", script: `ln -s /etc/passwd "$HORUS_CHECKPOINT"`},
		{name: "a pipe", script: `mkfifo "$HORUS_CHECKPOINT"; sleep 1.2`},
		{name: "a directory", script: `mkdir "$HORUS_CHECKPOINT"; sleep 1.2`},
		{name: "without its directory", script: `rm -rf "${HORUS_CHECKPOINT%/*}"; sleep 0.6`},
		{
			name: "too long", want: []string{strings.Repeat("\x00", maxCheckpointBytes+1)},
			script: `head -c 1000000 /dev/zero >"$HORUS_CHECKPOINT"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got told
			out := got.run(t, Command{Script: test.script, Checkpoint: test.last})
			if out.Result != test.result || out.Residue != nil {
				t.Errorf("result %q, residue %v", out.Result, out.Residue)
			}
			if diff := cmp.Diff(test.want, got.saved); diff != "" {
				t.Errorf("checkpoints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgressOfAScript(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		want         []string
	}{
		{name: "none", script: "true"},
		{name: "at the end", script: `echo 10 >"$HORUS_PROGRESS"; echo 20 files >"$HORUS_PROGRESS"`, want: []string{"20 files"}},
		{
			name: "on the way, line by line", want: []string{"10 ", "20 two of ten"},
			script: `echo 10% >>"$HORUS_PROGRESS"; sleep 1.1; echo '20	two of ten ' >>"$HORUS_PROGRESS"`,
		},
		{name: "no percentage", script: `echo soon >"$HORUS_PROGRESS"`},
		{
			name: "a flood", want: []string{"99 x"},
			script: `yes 98 | head -c 3000000 >"$HORUS_PROGRESS"; echo 99 x >>"$HORUS_PROGRESS"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got told
			got.run(t, Command{Script: test.script})
			if last := len(got.progress) - 1; test.name == "a flood" && last > 0 {
				got.progress = got.progress[last:] // how far it was at a look is not ours to say
			}
			if diff := cmp.Diff(test.want, got.progress); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzProgress(f *testing.F) {
	for _, seed := range []string{"", "42", "42%", "1\n42 words \n\n", "42\twords", "+42", "101", "-1", "4 2", "7 \x00\xff\x1b[0m", "99999999999999999999"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		percent, text, err := parseProgress(data)
		if err != nil {
			return
		}
		if percent < 0 || percent > 100 || strings.ContainsAny(text, "\n\x00") || strings.ToValidUTF8(text, "") != text {
			t.Fatalf("%q is %d, %q", data, percent, text)
		}
		again, same, err := parseProgress(fmt.Appendf(nil, "%d %s\n", percent, text))
		if err != nil || again != percent || same != text {
			t.Fatalf("%d %q was read again as %d %q: %v", percent, text, again, same, err)
		}
	})
}
