package sh

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTailKeepsTheLastBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kept := tail{max: rapid.IntRange(1, 50).Draw(t, "max")}
		all := ""
		for _, b := range drawWrites(t) {
			all += b
			kept.write([]byte(b))
			want := all[max(0, len(all)-kept.max):]
			if got := string(kept.bytes()); got != want {
				t.Fatalf("kept %q, want %q", got, want)
			}
			if got, want := kept.dropped(), int64(len(all)-len(want)); got != want {
				t.Fatalf("dropped %d, want %d", got, want)
			}
		}
	})
}

var cutMark = regexp.MustCompile(`\n\[\.\.\. (\d+) bytes cut \.\.\.\]\n`)

// A text is whole when it fits. When not, it is a start and an end of the whole
// and the mark counts what is missing between them.
func TestCapturedTextIsTheWholeOrItsEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCapture(rapid.IntRange(minLimit, 3*minLimit).Draw(t, "max"))
		writes := drawWrites(t)
		for _, b := range writes {
			c.write([]byte(b))
		}
		all := strings.Join(writes, "")
		whole := ""
		for _, r := range all { // an invalid byte comes as U+FFFD
			whole += strings.ReplaceAll(string(r), "\x00", "\ufffd")
		}
		got := c.text()
		if len(whole) <= c.max {
			if got != whole {
				t.Fatalf("text %q, want %q", got, whole)
			}
			return
		}
		if len(got) > c.max || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("text of %d bytes, at most %d: %q", len(got), c.max, got)
		}
		at := cutMark.FindStringSubmatchIndex(got)
		if at == nil {
			t.Fatalf("no mark in %q", got)
		}
		head, end := got[:at[0]], got[at[1]:]
		if !strings.HasPrefix(whole, head) || !strings.HasSuffix(whole, end) {
			t.Fatalf("text %q of %q", got, whole)
		}
		between := characters(all)
		between = between[utf8.RuneCountInString(head) : len(between)-utf8.RuneCountInString(end)]
		if want := strconv.Itoa(len(strings.Join(between, ""))); got[at[2]:at[3]] != want {
			t.Fatalf("%s bytes missing, want %s: %q of %q", got[at[2]:at[3]], want, got, all)
		}
	})
}

// characters cuts s into its characters and its invalid bytes.
func characters(s string) []string {
	var cs []string
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		cs, s = append(cs, s[:size]), s[size:]
	}
	return cs
}

func ExampleOutcome_String() {
	fmt.Println(Outcome{ExitCode: 3})
	fmt.Println(Outcome{ExitCode: -1, Signal: "SIGTERM", TimedOut: true})
	fmt.Println(Outcome{ExitCode: 0, Cancelled: true})
	// Output:
	// exit status 3
	// timed out: killed by SIGTERM
	// cancelled: exit status 0
}
