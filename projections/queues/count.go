package queues

import (
	"fmt"

	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
)

// Count is how many jobs of a queue wait and run, as the history says it.
type Count struct {
	Waiting uint64
	Running uint64
}

// Add counts a job that is in a status, or that no longer is when n is -1.
func (c *Count) Add(s job.Status, n int) {
	switch s {
	case job.Waiting:
		c.Waiting += uint64(n) //nolint:gosec // wraps around to a subtraction
	case job.Running:
		c.Running += uint64(n) //nolint:gosec // as above
	case job.None, job.Created, job.Done, job.Broken:
	}
}

// Append appends the count in its one spelling: [waiting,running].
func (c Count) Append(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(dst, '['), c.Waiting)
	return append(fixedjson.AppendUint(append(dst, ','), c.Running), ']')
}

// ParseCount reads what Append wrote.
func ParseCount(data []byte) (Count, error) {
	var c Count
	r := fixedjson.NewReader(data)
	r.Literal(`[`)
	c.Waiting = r.Uint()
	r.Literal(`,`)
	c.Running = r.Uint()
	r.Literal(`]`)
	if err := r.End(); err != nil {
		return Count{}, fmt.Errorf("parse queue count: %w", err)
	}
	return c, nil
}
