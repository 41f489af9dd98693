package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
)

func intrude(s *memstore.Store, commits ...*history.Commit) {
	for _, c := range commits {
		b := eventstore.Batch{First: c.Seal.First, Seal: c.Seal.Append(nil)}
		for _, raw := range historytest.RawsOf(c) {
			b.Events = append(b.Events, raw.Event)
		}
		s.Intrude(b)
	}
}

// Whoever waits for a job at a supervisor that does not lead hears of what
// happens to it, and of nothing else but that somebody began to listen.
func TestNewsOfJobsComesFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, store := historytest.Found("horus"), memstore.New()
		p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
		intrude(store, p.Commits...)
		tail := newTail(store)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go tail.run(ctx)

		heard := func(news <-chan struct{}) bool {
			time.Sleep(2 * tailEvery)
			select {
			case <-news:
				return true
			default:
				return false
			}
		}
		one, stopOne := tail.Watch(historytest.ID("j1"))
		two, stopTwo := tail.Watch(historytest.ID("j2"))
		heard(one) // perhaps: something may have happened before the log was read
		heard(two)
		if heard(one) || heard(two) {
			t.Error("there is news of nothing")
		}
		intrude(store, p.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) }))
		if !heard(two) || heard(one) {
			t.Error("the news did not come to whom it concerns")
		}
		stopTwo()
		worker := p.NewProcess("r1")
		intrude(store, p.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) }))
		if heard(one) {
			t.Error("a runner's report is news of a job")
		}
		store.Truncate(0) // a log that is gone is no news
		heard(one)
		stopOne()
		time.Sleep(time.Minute)
		if !tail.idle() {
			t.Error("it listens for nobody")
		}
	})
}
