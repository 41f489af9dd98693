package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type queueParams struct {
	wire.QueueName
	secret
}

func queuesInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "queues.list", Result: "queues",
		Summary:     "List the work queues: how many jobs wait and run, and who serves them.",
		Description: "Queues that a job was ever queued in, that a process ever joined for, or that are not open. May lag behind the history for a moment.",
		Errors:      []domain.Code{domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "a queue that nobody serves",
			Params: none{},
			Result: wire.Queues{Queues: []wire.Queue{{Queue: "executor:sh", Waiting: 1, Oldest: exampleTime()}}},
		}},
	}
}

func (a *API) queues(ctx context.Context, _ none) (wire.Queues, error) {
	list, err := a.cfg.Backend.Runners.Lines(ctx)
	return wire.Queues{Queues: list}, err
}

// queueCall describes a call that changes how a queue works.
func queueCall(verb, summary, description string, mode domain.Mode) jsonrpc.Info {
	return jsonrpc.Info{
		Name: "queue." + verb, Mutates: true, Result: "queue",
		Summary: summary, Description: description, Errors: commandErrors(),
		Examples: []jsonrpc.Example{{
			Name:   "the queue of a kind",
			Params: queueParams{QueueName: wire.QueueName{Queue: "executor:sh"}},
			Result: wire.QueueMode{Queue: "executor:sh", Mode: mode},
		}},
	}
}

func pauseQueueInfo() jsonrpc.Info {
	return queueCall("pause", "Have runners take nothing from a queue.",
		"Jobs go on coming in, and those that run go on. Runners hear of it within a second.", domain.Paused)
}

func drainQueueInfo() jsonrpc.Info {
	return queueCall("drain", "Take no more jobs into a queue.",
		"Submits for it are refused with -32010 `queue_drained`; those that wait are worked off.", domain.Drained)
}

func resumeQueueInfo() jsonrpc.Info {
	return queueCall("resume", "Open a queue that was paused or drained.", "", domain.Open)
}

// onQueue returns the method that asks a command of a queue.
func (a *API) onQueue(c line.Command) func(context.Context, queueParams) (wire.QueueMode, error) {
	return func(ctx context.Context, p queueParams) (wire.QueueMode, error) {
		q, err := job.ParseQueue(p.Queue)
		if err != nil {
			return wire.QueueMode{}, within("/queue", err)
		}
		answer := wire.QueueMode{Queue: q.String()}
		err = a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
			Aggregates: []event.Aggregate{eventstore.QueueAggregate(q)},
			Decide: func(tx *eventstore.Tx) error {
				_, err := tx.DecideQueue(q, a.by(ctx), c)
				answer.Mode = tx.Queue(q).Mode
				return err
			},
		})
		return answer, err
	}
}

// runnerCall describes a call that changes how the processes of a runner work.
func runnerCall(verb, summary, description string, mode domain.Mode) jsonrpc.Info {
	return jsonrpc.Info{
		Name: "runner." + verb, Mutates: true, Result: "runner",
		Summary: summary, Description: description, Errors: commandErrors(),
		Examples: []jsonrpc.Example{{
			Name:   "a runner with one process",
			Params: runnerParams{RunnerID: wire.RunnerID{ID: "r1"}},
			Result: wire.RunnerMode{ID: "r1", Mode: mode},
		}},
	}
}

func pauseRunnerInfo() jsonrpc.Info {
	return runnerCall("pause", "Have the processes of a runner take nothing, from no queue.",
		"What they run goes on. They hear of it within a second.", domain.Paused)
}

func drainRunnerInfo() jsonrpc.Info {
	return runnerCall("drain", "Have the processes of a runner finish what they run, and end.",
		"They take nothing more. One that is started while this lasts waits until it is resumed.", domain.Drained)
}

func resumeRunnerInfo() jsonrpc.Info {
	return runnerCall("resume", "Let the processes of a runner take jobs again.", "", domain.Open)
}

// onRunner returns the method that asks a command of a runner id.
func (a *API) onRunner(c runner.Command) func(context.Context, runnerParams) (wire.RunnerMode, error) {
	return func(ctx context.Context, p runnerParams) (wire.RunnerMode, error) {
		id, err := domain.ParseName(p.ID)
		if err != nil {
			return wire.RunnerMode{}, within("/id", err)
		}
		answer := wire.RunnerMode{ID: string(id)}
		err = a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
			Aggregates: eventstore.Runner(id),
			Decide: func(tx *eventstore.Tx) error {
				err := tx.DecideRunner(id, a.by(ctx), c)
				answer.Mode = tx.Runner(id).Mode
				return err
			},
		})
		return answer, err
	}
}

func removeRunnerInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "runner.remove", Mutates: true, Result: "runner",
		Summary:     "Take a runner whose processes have left or are gone out of the lists.",
		Description: "Its history stays. A process that joins under its id brings it back.",
		Errors:      commandErrors(domain.Conflict),
		Examples: []jsonrpc.Example{{
			Name:   "a runner whose last process has left",
			Params: runnerParams{RunnerID: wire.RunnerID{ID: "r1"}},
			Result: wire.RunnerMode{ID: "r1"},
		}},
	}
}

func (a *API) removeRunner(ctx context.Context, p runnerParams) (wire.RunnerMode, error) {
	id, err := domain.ParseName(p.ID)
	if err != nil {
		return wire.RunnerMode{}, within("/id", err)
	}
	version, there, err := a.cfg.Backend.Runners.Presence(ctx, id)
	if err != nil {
		return wire.RunnerMode{}, err
	}
	return a.onRunner(runner.Remove{Version: version, There: there})(ctx, p)
}
