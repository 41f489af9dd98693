package cli

import (
	"strings"
	"testing"
)

func TestATableHasColumns(t *testing.T) {
	var text strings.Builder
	table(&text, "JOB STATE TOOK", [][]string{{"job-1", "completed", "1s"}, {"jöb", "failed (error)", ""}})
	const want = "JOB    STATE           TOOK\njob-1  completed       1s\njöb    failed (error)\n"
	if text.String() != want {
		t.Errorf("%q, want %q", text.String(), want)
	}
}

func TestOnlyWordsAboutStatesAreColored(t *testing.T) {
	for text, want := range map[string]string{
		"failed (error)": "\x1b[31mfailed (error)\x1b[0m",
		"completed":      "\x1b[32mcompleted\x1b[0m",
		"queued":         "queued",
		"":               "",
	} {
		if got := paint(text); got != want {
			t.Errorf("paint(%q) = %q, want %q", text, got, want)
		}
	}
	if paints(&strings.Builder{}) {
		t.Error("what is no terminal is colored")
	}
}
