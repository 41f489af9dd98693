package jobexit_test

import (
	"testing"

	"github.com/herocode/horus/cmd/jobexit"
)

// What a job writes shall not steer the terminal of whoever reads it.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext, größer":   "plain\ttext, größer",
		"\x1b[2J\x1b]0;title\a": `\x1b[2J\x1b]0;title\a`,
		"50 %\r100 %":           `50 %\r100 %`,
		"a\u202eb":              `a\u202eb`,
		"\u009b31m":             `\u009b31m`,
	} {
		if got := jobexit.Visible(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}
