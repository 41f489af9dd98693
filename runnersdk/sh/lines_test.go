package sh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestLinesAreText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		limit    int // 1000 if zero
		want     []string
	}{
		{name: "plain", in: "a\tb\n", want: []string{"a\tb"}},
		{name: "beyond ASCII", in: "é 世界 🎉\n", want: []string{"é 世界 🎉"}},
		{name: "ends of line of another system", in: "a\r\nb\r\n", want: []string{"a", "b"}},
		{name: "progress bar", in: "1%\r2%\r\n", want: []string{"1%\r2%"}},
		{name: "carriage return at the end", in: "a\r", want: []string{"a\r"}},
		{name: "two carriage returns", in: "a\r\r\n", want: []string{"a\r"}},
		{name: "colour", in: "\x1b[31mred\x1b[0m", want: []string{"\x1b[31mred\x1b[0m"}},
		{name: "C0 and DEL", in: "\a\b\v\f\x7f", want: []string{"\a\b\v\f\x7f"}},
		{name: "NUL", in: "a\x00b", want: []string{"a\ufffdb"}},
		{name: "C1", in: "\u0085\u009b", want: []string{"\u0085\u009b"}},
		{name: "line separators of Unicode", in: "a\u2028b\u2029", want: []string{"a\u2028b\u2029"}},
		{name: "bidirectional override", in: "\u202etxt.exe", want: []string{"\u202etxt.exe"}},
		{name: "C1 as a bare byte", in: "\x9b31m", want: []string{"\ufffd31m"}},
		{name: "character without its end", in: "a\xe4\xb8", want: []string{"a\ufffd\ufffd"}},
		{name: "surrogate", in: "\xed\xa0\x80", want: []string{"\ufffd\ufffd\ufffd"}},
		{name: "line as long as may be", limit: 8, in: "12345678\n1", want: []string{"12345678", "1"}},
		{name: "line too long by one", limit: 8, in: "123456789\n", want: []string{"12345678…", "9"}},
		{name: "nothing is torn", limit: 8, in: "1234567é\n123456\x00", want: []string{"1234567…", "é", "123456…", "\ufffd"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 1000} {
				if diff := gocmp.Diff(tt.want, split(cmp.Or(tt.limit, 1000), inSteps(tt.in, step))); diff != "" {
					t.Errorf("written by %d (-want +got):\n%s", step, diff)
				}
			}
		})
	}
}

// However it is cut into writes, output gives the lines that a much simpler
// function makes of the whole, and no line holds what it must not.
func TestLinesMatchTheirNaiveTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writes := drawWrites(t)
		limit := rapid.IntRange(minLimit, 2*minLimit).Draw(t, "limit")
		got := split(limit, writes)
		if diff := gocmp.Diff(naiveLines(strings.Join(writes, ""), limit), got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("lines (-naive +got):\n%s", diff)
		}
		for _, line := range got {
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\x00\n") || len(line) > limit+len(more) {
				t.Fatalf("line %q", line)
			}
		}
	})
}

// The same for a whole stream, with what is cut out of its middle.
func TestStreamMatchesItsNaiveTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writes := drawWrites(t)
		r := Runner{
			MaxOutput: rapid.IntRange(minLimit, 3*minLimit).Draw(t, "output"),
			MaxLine:   rapid.IntRange(minLimit, 2*minLimit).Draw(t, "line"),
		}
		var got []string
		s := stream{
			lines: lines{max: r.MaxLine, emit: func(line string) { got = append(got, line) }},
			room:  r.MaxOutput / 2,
			tail:  tail{max: r.MaxOutput - r.MaxOutput/2},
		}
		for _, b := range writes {
			s.keep([]byte(b))
			if rapid.Bool().Draw(t, "deliver") {
				s.lines.write(s.take())
			}
		}
		s.deliverRest()
		want := naiveStream(strings.Join(writes, ""), r)
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("lines (-naive +got):\n%s", diff)
		}
	})
}

// drawWrites draws output that is rich in what is hard.
func drawWrites(t *rapid.T) []string {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"\n", "\r", "\r\n", "\x00", "\x1b[0m", "é", "世", "🎉", "\xff", "\xf0\x9f", "\u202e", "plain text ",
			strings.Repeat("x", minLimit-1), "\u0085",
		}),
		rapid.StringN(0, 20, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }),
	)
	all := strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "output"), "")
	var writes []string
	for len(all) > 0 {
		n := rapid.IntRange(1, len(all)).Draw(t, "write")
		writes, all = append(writes, all[:n]), all[n:]
	}
	return writes
}

func split(limit int, writes []string) []string {
	var got []string
	l := lines{max: limit, emit: func(line string) { got = append(got, line) }}
	for _, b := range writes {
		l.write([]byte(b))
	}
	l.close()
	return got
}

func inSteps(s string, n int) []string {
	var writes []string
	for b := range slices.Chunk([]byte(s), n) {
		writes = append(writes, string(b))
	}
	return writes
}

func naiveLines(all string, limit int) []string {
	var got []string
	for _, raw := range strings.SplitAfter(all, "\n") {
		if raw == "" {
			continue // after the last newline
		}
		if body, ok := strings.CutSuffix(raw, "\n"); ok {
			raw = strings.TrimSuffix(body, "\r")
		}
		line := ""
		for _, r := range raw {
			unit := string(r)
			if r == 0 {
				unit = "\ufffd"
			}
			if len(line)+len(unit) > limit {
				got, line = append(got, line+more), ""
			}
			line += unit
		}
		got = append(got, line)
	}
	return got
}

func naiveStream(all string, r Runner) []string {
	if len(all) <= r.MaxOutput {
		return naiveLines(all, r.MaxLine)
	}
	head, end := all[:r.MaxOutput/2], all[len(all)-(r.MaxOutput-r.MaxOutput/2):]
	if first, rest, ok := strings.Cut(end, "\n"); ok && rest != "" && len(first) < r.MaxLine {
		end = rest
	}
	cut := fmt.Sprintf("[... %d bytes cut ...]", len(all)-len(head)-len(end))
	return slices.Concat(naiveLines(head, r.MaxLine), []string{cut}, naiveLines(end, r.MaxLine))
}
