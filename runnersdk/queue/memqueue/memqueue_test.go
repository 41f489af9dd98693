package memqueue_test

import (
	"testing"

	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/memqueue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

func TestWire(t *testing.T) {
	queuetest.Run(t, func(*testing.T) (queue.Wire, queuetest.Supervisor) {
		wire := memqueue.New()
		return wire, wire
	})
}
