package event_test

import (
	"fmt"
	"time"

	"github.com/herocode/horus/domain/event"
)

// greeted is an event of an aggregate of our own.
type greeted struct{ Who string }

func (greeted) EventName() string { return "job.greeted" }

func (e greeted) AppendData(dst []byte) []byte { return fmt.Appendf(dst, `{"who":%q}`, e.Who) }

// What happened is written once; its bytes are what is hashed and kept.
func Example() {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	data := event.Append(nil, event.Header{
		Namespace: "horus", Aggregate: event.Aggregate{Kind: event.Job, ID: "j1"}, Version: 1,
		At: event.At(noon), Actor: event.ByAPIKey("web"),
	}, greeted{"world"})
	fmt.Println(string(data))

	e, err := event.Parse(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Aggregate, e.Version, e.Type, string(e.Data))
	// Output:
	// {"v":1,"ns":"horus","p":0,"agg":"job/j1","n":1,"type":"job.greeted","at":"2026-01-02T12:00:00.000000Z","actor":"key:web","data":{"who":"world"}}
	// job/j1 1 job.greeted {"who":"world"}
}
