package queues

import (
	"fmt"

	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
)

// Count is how many jobs of a queue are in each of the states that pass, as the
// history says it.
type Count struct {
	Waiting   uint64 // for a runner
	Running   uint64
	Stopping  uint64
	Scheduled uint64 // for their time
	Retrying  uint64 // for their next attempt
}

// Open is how many of the jobs have an attempt that stands in the queue.
func (c Count) Open() uint64 { return c.Waiting + c.Running + c.Stopping }

// Add counts a job that is in a status, or that no longer is when n is -1.
func (c *Count) Add(s job.Status, n int) {
	switch s {
	case job.Waiting:
		c.Waiting += uint64(n) //nolint:gosec // wraps around to a subtraction
	case job.Running:
		c.Running += uint64(n) //nolint:gosec // as above
	case job.Ending:
		c.Stopping += uint64(n) //nolint:gosec // as above
	case job.Planned:
		c.Scheduled += uint64(n) //nolint:gosec // as above
	case job.Retrying:
		c.Retrying += uint64(n) //nolint:gosec // as above
	case job.None, job.Created, job.Done, job.Broken, job.Halted, job.Shelved, job.Erased:
	}
}

// counts lists the counts in the order in which they are written.
func (c *Count) counts() [5]*uint64 {
	return [...]*uint64{&c.Waiting, &c.Running, &c.Stopping, &c.Scheduled, &c.Retrying}
}

// Append appends the count in its one spelling:
// [waiting,running,stopping,scheduled,retrying].
func (c Count) Append(dst []byte) []byte {
	sep := byte('[')
	for _, n := range c.counts() {
		dst = fixedjson.AppendUint(append(dst, sep), *n)
		sep = ','
	}
	return append(dst, ']')
}

// ParseCount reads what Append wrote.
func ParseCount(data []byte) (Count, error) {
	var c Count
	r := fixedjson.NewReader(data)
	r.Literal(`[`)
	for i, n := range c.counts() {
		if i > 0 {
			r.Literal(`,`)
		}
		*n = r.Uint()
	}
	r.Literal(`]`)
	if err := r.End(); err != nil {
		return Count{}, fmt.Errorf("parse queue count: %w", err)
	}
	return c, nil
}
