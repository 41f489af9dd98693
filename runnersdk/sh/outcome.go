package sh

import (
	"fmt"
	"time"
)

// Outcome is how a script ended.
type Outcome struct {
	ExitCode  int    // of the shell, 0 to 255; -1 when a signal ended it
	Signal    string // that ended the shell itself, such as "SIGKILL"; else empty
	TimedOut  bool   // the timeout came first, whatever the script made of it
	Cancelled bool   // the end of the context came first

	Result string // standard output as data: valid UTF-8 without NUL; too long, its start and end around a mark
	Stderr string // the same of standard error, at most 4 KiB

	Started time.Time // the shell was running
	Ended   time.Time // its group was killed and all output delivered
	Residue error     // why the private directory could not be removed; nil when it is gone
}

// Succeeded reports whether the script came to its own end with exit status 0.
func (o Outcome) Succeeded() bool {
	return o.ExitCode == 0 && o.Signal == "" && !o.TimedOut && !o.Cancelled
}

// String says how the script ended in a few words, without its output.
func (o Outcome) String() string {
	how := fmt.Sprintf("exit status %d", o.ExitCode)
	if o.Signal != "" {
		how = "killed by " + o.Signal
	}
	switch {
	case o.TimedOut:
		return "timed out: " + how
	case o.Cancelled:
		return "cancelled: " + how
	}
	return how
}
