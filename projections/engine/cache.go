package engine

import (
	"github.com/herocode/horus/projections/jobs"
)

// cachedJob is a job that is not finished, as the views have it.
type cachedJob struct {
	record jobs.Record
	open   *jobs.Attempt // nil when no attempt is open
}

// cache remembers what was used last: at most twice maxCached values, the
// older half of which goes at once. The zero cache is empty.
type cache[K comparable, V any] struct {
	young, old map[K]V
}

func (c *cache[K, V]) get(k K) (V, bool) {
	if v, ok := c.young[k]; ok {
		return v, true
	}
	v, ok := c.old[k]
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	if c.young == nil || len(c.young) >= maxCached {
		c.young, c.old = make(map[K]V), c.young
	}
	delete(c.old, k)
	c.young[k] = v
}

func (c *cache[K, V]) remove(k K) {
	delete(c.young, k)
	delete(c.old, k)
}

func (c *cache[K, V]) reset() { c.young, c.old = nil, nil }
