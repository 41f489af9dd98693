//go:build unix

package audit_test

import (
	"syscall"
	"testing"
	"time"
)

// spent is the processor time that the process has used: on a machine that does
// other things too, it says better than a clock what something costs.
func spent(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
