//go:build crashpoints

package crashable

import "github.com/herocode/horus/integration/crashpoint"

// End returns an end of a program that kills the process at the point that the
// environment names.
func End[T any](end T) T { return crashpoint.Around(end).(T) }
