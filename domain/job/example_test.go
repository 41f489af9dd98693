package job_test

import (
	"fmt"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// A job lives from what a client sent to its outcome: each command gives
// events, each event a state.
func Example() {
	submission, err := job.Parse([]byte(`{"id":"j1","payload":"echo hello","executor":"sh"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	opened, err := submission.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	var s job.State
	ask := func(by event.Actor, c job.Command) {
		events, err := job.Decide(s, c)
		if err != nil {
			fmt.Println("refused:", err)
		}
		for _, e := range events {
			s = job.Evolve(s, event.Fact[job.Event]{
				Data: e, Version: s.Version + 1, Seq: s.Version + 1, At: noon, Actor: by,
				Hash: signing.LeafHash(e.AppendData(nil)), // of the event's bytes outside examples
			})
			fmt.Println(e.EventName(), "- the job is", s.Status)
		}
	}
	ask("key:web", job.Submit{Job: opened, Namespace: "horus", At: noon, By: "key:web"})
	granted := s.Token
	ask("system:redelivery", job.Lose{Token: granted, Reason: job.LostLease, At: noon})
	ask("runner:r1", job.Finish{Start: job.Start{Token: granted, Process: "8f3a", By: "runner:r1"}}) // too late
	ask("runner:r2", job.Finish{Start: job.Start{Token: s.Token, Process: "77b0", By: "runner:r2"}})
	// Output:
	// job.submitted - the job is queued
	// job.attempt_lost - the job is queued
	// job.queued - the job is queued
	// refused: the attempt is not the open one
	// job.started - the job is running
	// job.completed - the job is completed
}
