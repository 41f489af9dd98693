package spelling_test

import (
	"strings"
	"testing"

	"github.com/herocode/horus/domain/spelling"
)

func TestNearest(t *testing.T) {
	long := strings.Repeat("a", 70)
	known := []string{"id", "timeout", "max_attempts", "run_at", "jobs.submit", "jobs.submit_many", "job.stop", "job.start", "job.get", long}
	for word, want := range map[string]string{
		"timeoout":    "timeout",      // a letter too many
		"timeot":      "timeout",      // one too few
		"tiemout":     "timeout",      // two in each other's place
		"itmeuot":     "",             // too many of them
		"Timeout":     "timeout",      // another case
		"maxAttempts": "max_attempts", // another custom
		"max":         "max_attempts", // half of it
		"jobs.sumbit": "jobs.submit",
		"jobs.submit": "jobs.submit",
		"job.stpp":    "job.stop",
		"job.st":      "job.stop", // the first of those that are as near
		"ld":          "id",

		"":            "",
		"x":           "", // short words have neighbours everywhere
		"priority":    "",
		"foo.get":     "",
		"__proto__":   "",
		long[:69]:     "",
		long + "a":    "",
		"timeout\x00": "timeout",
	} {
		if got := spelling.Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := spelling.Nearest("timeoout", nil); got != "" {
		t.Errorf("nothing is known, and %q is near", got)
	}
}
