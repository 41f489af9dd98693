package sh_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/runnersdk/sh"
)

// Not parallel: it counts what the process allocates. All that is allocated in
// the run, freed or not, is more than what was ever in use.
func TestFloodCostsBoundedMemory(t *testing.T) {
	const flood = 200_000_000
	for _, source := range []string{"yes", "yes | tr -d '\\n'", "cat /dev/zero", "cat /dev/zero | tr '\\0' '\\n'"} {
		t.Run(source, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var lines int
			out, err := sh.Runner{Dir: t.TempDir()}.Run(t.Context(), sh.Command{
				Script:  fmt.Sprintf("%s | head -c %d", source, flood),
				Timeout: never * 3,
				Output:  func(sh.Stream, string) { lines++ },
			})
			runtime.ReadMemStats(&after)
			if err != nil || !out.Succeeded() {
				t.Fatalf("outcome %v, %v", out, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("allocated %d MiB", used>>20)
			}
			if most := 1<<20 + 1; lines > most {
				t.Errorf("%d lines, at most %d", lines, most)
			}
			if len(out.Result) > 256<<10 || !strings.Contains(out.Result, " bytes cut ...]") {
				t.Errorf("result of %d bytes, marked: %v", len(out.Result), strings.Contains(out.Result, "cut"))
			}
			t.Logf("%v, %d KiB allocated", out.Ended.Sub(out.Started), (after.TotalAlloc-before.TotalAlloc)>>10)
		})
	}
}

func TestOutputIsCutInTheMiddle(t *testing.T) {
	t.Parallel()
	r := runner(t)
	r.MaxOutput, r.MaxLine, r.MaxResult = 64, 64, 100
	tests := []struct {
		name   string
		script string
		lines  []string
		result string
	}{
		{
			name:   "as much as is kept",
			script: "printf '%s\\n' aaaaaaaaaaaaaaa bbbbbbbbbbbbbbb ccccccccccccccc ddddddddddddddd",
			lines:  []string{"aaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbb", "ccccccccccccccc", "ddddddddddddddd"},
			result: "aaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbb\nccccccccccccccc\nddddddddddddddd\n",
		},
		{
			name:   "one byte more takes a whole line",
			script: "printf '%s\\n' aaaaaaaaaaaaaaa bbbbbbbbbbbbbbb Xccccccccccccccc ddddddddddddddd",
			lines:  []string{"aaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbb", "[... 17 bytes cut ...]", "ddddddddddddddd"},
			result: "aaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbb\nXccccccccccccccc\nddddddddddddddd\n",
		},
		{
			name:   "one line of 200 bytes",
			script: "printf '%0200d' 7",
			lines: []string{
				strings.Repeat("0", 32), "[... 136 bytes cut ...]", strings.Repeat("0", 31) + "7",
			},
			result: strings.Repeat("0", 26) + "\n[... 148 bytes cut ...]\n" + strings.Repeat("0", 25) + "7",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, lines := run(t, r, sh.Command{Script: tt.script})
			if diff := cmp.Diff(tt.lines, lines[sh.Stdout]); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if out.Result != tt.result {
				t.Errorf("Result = %q, want %q", out.Result, tt.result)
			}
		})
	}
}
