package jobexit_test

import (
	"testing"

	"github.com/herocode/horus/cmd/jobexit"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
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

// The message of a failed job, which ends with what a script wrote, reached the
// terminal of whoever looked at the job as it was.
func TestAFailureSteersNoTerminal(t *testing.T) {
	got := jobexit.Failure(&wire.JobError{Kind: job.FailedError, Exit: 3, Message: "exit status 3: \x1b]0;title\aa\r\nb"})
	if want := "error (exit code 3): exit status 3: " + `\x1b]0;title\aa\r` + "\nb"; got != want {
		t.Errorf("Failure = %q, want %q", got, want)
	}
}
