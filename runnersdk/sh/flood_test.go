package sh_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/runnersdk/sh"
)

// Not parallel: it counts what the process allocates. All that is allocated in
// the run, freed or not, is more than what was ever in use.
func TestFloodCostsBoundedMemory(t *testing.T) {
	floods := map[string]string{
		"lines":        "yes | head -c 200000000",
		"one line":     "yes | tr -d '\\n' | head -c 200000000",
		"a gigabyte":   "head -c 1G /dev/zero",
		"both streams": "head -c 200M /dev/zero >&2 & head -c 200M /dev/zero; wait",
		"empty lines":  "cat /dev/zero | tr '\\0' '\\n' | head -c 200000000",
	}
	for name, script := range floods {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var lines, marks int
			out, err := sh.Runner{Dir: t.TempDir()}.Run(t.Context(), sh.Command{
				Script:  script,
				Timeout: never * 3,
				Output: func(_ sh.Stream, line string) {
					lines++
					if strings.HasSuffix(line, " bytes cut ...]") {
						marks++
					}
				},
			})
			runtime.ReadMemStats(&after)
			if err != nil || !out.Succeeded() {
				t.Fatalf("outcome %v, %v", out, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("allocated %d MiB", used>>20)
			}
			if most := 2 * (1<<20 + 1); lines > most || marks < 1 {
				t.Errorf("%d lines, at most %d; %d marks", lines, most, marks)
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
