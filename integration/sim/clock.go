package sim

import (
	"time"
	"unsafe"
)

// epoch is when every world begins: 2026-01-01.
const epoch = 1_767_225_600

// clock is one process' clock. Its monotonic part goes evenly; somebody may set
// the other one.
type clock struct {
	world   *World
	started time.Duration // when the machine was: its monotonic part begins there
	set     time.Duration // how far from the world's time it was set
}

// now returns the time with its monotonic part, as [time.Now] does.
func (c *clock) now() time.Time {
	return instant(time.Unix(epoch, 0).Add(c.world.now+c.set), c.world.now-c.started+time.Second)
}

// instant joins a wall clock and a monotonic one, which no function of package
// time does. A test compares it with what package time makes of it.
func instant(wall time.Time, monotonic time.Duration) time.Time {
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
