package rpcapi

import (
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// What the examples of several methods speak of: a job that waits, and one
// that is done.

func exampleTime() event.Time { return 1767366245_000006 } // 2026-01-02T15:04:05.000006Z

func exampleJob() wire.Job {
	return wire.Job{
		ID: "hello", Payload: "echo hello", Executor: "sh", Queue: "executor:sh", Timeout: 300,
		State: job.Waiting, Status: StatusWord(job.Waiting), Attempt: 1, MaxAttempts: 3,
		CreatedAt: exampleTime(), UpdatedAt: exampleTime(), Submitter: event.ByAPIKey("ci"),
	}
}

func exampleDone() wire.Job {
	done, result := exampleJob(), "hello\n"
	done.ID, done.State, done.Status = "done", job.Done, StatusWord(job.Done)
	done.RunBy, done.Result = "r1", &result
	done.StartedAt, done.EndedAt, done.UpdatedAt = exampleTime(), exampleTime(), exampleTime()
	return done
}

func exampleEvent() wire.Event {
	return wire.Event{
		Seq: 3, Type: "job.submitted", At: exampleTime(), Actor: event.ByAPIKey("ci"),
		Event: `{"v":1,"ns":"horus","p":0,"agg":"job/hello","n":1,"type":"job.submitted","at":"2026-01-02T15:04:05.000006Z","actor":"key:ci","data":{}}`,
		Path:  []string{},
		Seal:  "1.1767366245.3.1.1.kJbhEc6vAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.kJbhEc6vAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.00112233445566778899aabbccddeeff.AAAA",
	}
}
