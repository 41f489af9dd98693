// Package clocktest has clocks that somebody sets while their monotonic part
// goes evenly, as the clocks of machines do. Package time has none.
package clocktest

import (
	"time"
	"unsafe"
)

// Instant joins what a wall clock shows and how long a monotonic one has been
// going: it is what [time.Now] returns there. A test compares it with what
// package time makes of it.
func Instant(wall time.Time, monotonic time.Duration) time.Time {
	const (
		hasMonotonic = 1 << 63
		unixTo1885   = 2_682_288_000 // seconds
		secondBits   = 30            // below them are nanoseconds
	)
	layout := struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}{
		wall: hasMonotonic | uint64(wall.Unix()+unixTo1885)<<secondBits | uint64(wall.Nanosecond()), //nolint:gosec // after 1885
		ext:  int64(monotonic),
	}
	return *(*time.Time)(unsafe.Pointer(&layout)) //nolint:gosec // see above
}

// Clock is a clock that goes by hand. The zero Clock shows 2026-01-02 12:00 UTC.
type Clock struct {
	passed time.Duration // since it was made
	set    time.Duration // how far it was set
}

// Now returns the time with its monotonic part.
func (c *Clock) Now() time.Time {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	return Instant(noon.Add(c.passed+c.set), time.Second+c.passed)
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) { c.passed += d }

// Set sets the clock ahead, or back.
func (c *Clock) Set(by time.Duration) { c.set += by }
