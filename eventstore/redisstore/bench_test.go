package redisstore_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/storetest"
	"github.com/herocode/horus/integration/redistest"
)

// One caller, one commit at a time, as a leader does it; events of 400 bytes.
func BenchmarkAppend(b *testing.B) {
	for _, aof := range []redistest.AOF{redistest.NoAOF, redistest.EverySecond, redistest.Always} {
		server := redistest.Start(b, redistest.Options{AOF: aof})
		for _, events := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("aof=%s/events=%d", aof, events), func(b *testing.B) {
				store, hand := benchStore(b, server, events)
				commit, tip := storetest.Commit(eventstore.Tip{}, largeEvents(events)...), eventstore.Tip{}
				for b.Loop() {
					commit.First = tip.Seq + 1
					must(b, store.Append(b.Context(), 1, tip, commit))
					if tip = commit.Tip(); tip.Seq > 100_000 { // else the log grows with the run
						hand.do("DEL", hand.keys.Log())
						tip = eventstore.Tip{}
					}
				}
				b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	store, _ := benchStore(b, redistest.Start(b, redistest.Options{}), 256)
	tip := eventstore.Tip{}
	for range 20 {
		c := storetest.Commit(tip, largeEvents(256)...)
		must(b, store.Append(b.Context(), 1, tip, c))
		tip = c.Tip()
	}
	const page = 512
	for b.Loop() {
		raws, err := store.Read(b.Context(), 1024, page)
		if err != nil || len(raws) != page {
			b.Fatal(len(raws), err)
		}
	}
	b.ReportMetric(float64(b.N*page)/b.Elapsed().Seconds(), "events/s")
}

func benchStore(b *testing.B, server *redistest.Server, events int) (*redisstore.Store, *hand) {
	b.Helper()
	keys := redisstore.Keys{Namespace: ns(redistest.Namespace(b)), Partition: uint16(events)}
	store := open(connect(b, server.URL()), keys)
	must(b, store.Take(b.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	return store, newHand(b, server.URL(), keys)
}

func largeEvents(n int) [][]byte {
	events := make([][]byte, n)
	for i := range events {
		events[i] = bytes.Repeat([]byte("x"), 400)
	}
	return events
}
