package rpcapi

import (
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// What the examples of several methods speak of: a job that waits, and one
// that is done.

// exampleFounding is the fingerprint of a founding.
const exampleFounding = "0f176172db2bf1360193b32f0406e1f6e102a2fcc08617063362c7f32d72078f"

func exampleTime() event.Time { return 1767366245_000006 } // 2026-01-02T15:04:05.000006Z

func exampleJob() wire.Job {
	return wire.Job{
		ID: "hello", Payload: "echo hello", Executor: "sh", Queue: "executor:sh", Timeout: 300,
		State: job.Waiting, Status: StatusWord(job.Waiting), Attempt: 1, MaxAttempts: 3,
		CreatedAt: exampleTime(), UpdatedAt: exampleTime(), Submitter: event.ByAPIKey("ci"),
		Waiting: exampleWaiting(),
	}
}

func exampleDone() wire.Job {
	done, result := exampleJob(), "hello\n"
	done.ID, done.State, done.Status = "done", job.Done, StatusWord(job.Done)
	done.RunBy, done.Result, done.Waiting = "r1", &result, nil
	done.StartedAt, done.EndedAt, done.UpdatedAt = exampleTime(), exampleTime(), exampleTime()
	return done
}

func exampleEvent() wire.Event {
	return wire.Event{
		Seq: 3, Type: "job.submitted", At: exampleTime(), Actor: event.ByAPIKey("ci"),
		Event: `{"v":1,"ns":"horus","p":0,"agg":"job/hello","n":1,"type":"job.submitted","at":"2026-01-02T15:04:05.000006Z","actor":"key:ci",` +
			`"data":{"form":"unsigned","doc":{"id":"hello","payload":"echo hello","executor":"sh"},` +
			`"grant":{"attempt":1,"queue":"executor:sh","job":"41ab5a3c55494666b98445bc65dfbbaa871770755d55db26df668c96d036c450"}}}`,
		Path: []string{},
		Seal: "1.1767366245.3.1.1.d6FLqsx9RopR4QFouLxrtIxXa-O-zooNXqFpn6FPe88.-AWdYwz8NND5LyzHDYXua-F6HEW0pmx_c2911TKw0js." +
			"34750f98bd59fcfc946da45aaabe933b.ubB9vBUi3VcbQPRF9WPf9HYpfwoMMjIhWguiAxHbQDNieZBOL3JZuRnp5VeuD_hmCOCjmTvBIIOJk_pv3GsTBA",
	}
}
