package line_test

import (
	"fmt"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
)

// An administrator drains a queue: submits for it are refused from then on.
func Example() {
	var state line.State
	for _, e := range line.Decide(state, line.Drain{}) {
		state = line.Evolve(state, event.Fact[line.Event]{Data: e, Version: state.Version + 1})
		fmt.Println(e.EventName())
	}
	fmt.Println(state.Refuses(job.ExecutorQueue("sh")) != nil)
	// Output:
	// queue.drained
	// true
}
