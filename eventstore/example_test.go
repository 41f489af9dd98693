package eventstore_test

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// A submit is decided from memory and answered when its commit is in the log.
// The same submit again finds the job and adds nothing.
func ExampleLeader_Execute() {
	leader, stop := lead()
	defer stop()

	submission, _ := job.Parse([]byte(`{"id":"hello","payload":"echo hello","executor":"sh"}`))
	opened, err := submission.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	by := eventstore.By{Actor: event.ByAPIKey("ci")}
	for range 2 {
		var happened bool
		err := leader.Execute(context.Background(), eventstore.Work{
			Aggregates: eventstore.Jobs(opened.Spec.ID),
			Decide: func(tx *eventstore.Tx) (err error) {
				happened, err = tx.DecideJob(opened.Spec.ID, by, job.Submit{
					Job: opened, Namespace: tx.Namespace(), At: tx.Now(), By: by.Actor,
				})
				return err
			},
		})
		fmt.Println("submitted:", happened, err)
	}
	// Output:
	// submitted: true <nil>
	// submitted: false <nil>
}
