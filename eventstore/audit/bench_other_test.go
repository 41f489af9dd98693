//go:build !unix

package audit_test

import (
	"testing"
	"time"
)

// spent is the time of day where no processor time is told.
func spent(testing.TB) time.Duration { return time.Duration(time.Now().UnixNano()) }
