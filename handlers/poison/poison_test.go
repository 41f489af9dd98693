package poison_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/herocode/horus/handlers/poison"
)

func TestCut(t *testing.T) {
	for reason, want := range map[string]string{
		"":                          "",
		"no such address":           "no such address",
		"a panic\ngoroutine 7":      "a panic …",
		"\r\n":                      " …",
		"tränen":                    "tränen",
		strings.Repeat("ä", 10_000): strings.Repeat("ä", 511) + " …",
	} {
		got := poison.Cut(reason)
		if got != want || !utf8.ValidString(got) || len(got) > poison.MaxReason+4 {
			t.Errorf("%.20q is cut to %.40q (%d bytes), want %.40q", reason, got, len(got), want)
		}
	}
}
