//go:build !crashpoints

package crashable

// End returns an end of a program as it is.
func End[T any](end T) T { return end }
