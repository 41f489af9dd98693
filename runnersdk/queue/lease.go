package queue

import (
	"strconv"
	"time"
)

// LeaseField is the field of the leader's lease in the hash of modes: how long a
// runner may be silent about an attempt, in milliseconds. It is a hint that
// nobody signs; a runner never takes a longer one than its own from it.
const LeaseField = "lease"

// Bounds of a lease.
const (
	MinLease = 3 * time.Second // a third of it must outlive a slow answer
	MaxLease = 5 * time.Minute
)

// LeaseWord is what stands in [LeaseField].
func LeaseWord(lease time.Duration) string { return strconv.FormatInt(lease.Milliseconds(), 10) }

// ParseLease reads what stands in [LeaseField]; ok is false for whatever is not
// from [MinLease] to [MaxLease].
func ParseLease(word string) (lease time.Duration, ok bool) {
	ms, err := strconv.ParseUint(word, 10, 32)
	lease = time.Duration(ms) * time.Millisecond //nolint:gosec // 32 bits
	return lease, err == nil && lease >= MinLease && lease <= MaxLease
}
