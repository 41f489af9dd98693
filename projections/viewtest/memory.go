package viewtest

import (
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/projections/memviews"
	"github.com/herocode/horus/runnersdk/queue"
)

// Memory is an empty partition in memory.
type Memory struct {
	Fixture
	Store   *memviews.Store
	History *memstore.Store
}

// InMemory returns a fixture in memory, with its stores.
func InMemory() *Memory {
	log := memstore.New()
	store := memviews.New(log)
	return &Memory{Store: store, History: log, Fixture: Fixture{
		Namespace: "horus", Log: log, Views: store,
		Append: func(c *history.Commit) {
			batch := eventstore.Batch{First: c.Seal.First, Seal: c.Seal.Append(nil)}
			for _, raw := range historytest.RawsOf(c) {
				batch.Events = append(batch.Events, raw.Event)
			}
			log.Intrude(batch)
		},
		Truncate: log.Truncate, Fence: store.Fence, Lose: store.Lose,
		Add:     func(q job.Queue, id queue.EntryID) { store.Add(q, id, "grant", "none") },
		Deliver: store.Deliver, Queued: store.Queued, Notices: store.Notices,
	}}
}
