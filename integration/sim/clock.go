package sim

import (
	"time"

	"github.com/herocode/horus/integration/clocktest"
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
	return clocktest.Instant(time.Unix(epoch, 0).Add(c.world.now+c.set), c.world.now-c.started+time.Second)
}
