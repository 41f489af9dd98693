package rpcapi

import (
	"cmp"
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// commandErrors are the errors of every call that changes a job.
func commandErrors(more ...domain.Code) []domain.Code {
	return append([]domain.Code{
		domain.NotFound, domain.NotDurable, domain.TryAgain, domain.Halted, domain.Indeterminate,
	}, more...)
}

// namedParams name a job as old clients do, whose calls these were, or as all
// other methods.
type namedParams struct {
	oldSecret
	JobID string `json:"job_id,omitempty" validate:"required_without=ID,omitempty,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"Id of the job."`
	ID    string `json:"id,omitempty" place:"none" validate:"omitempty,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"The same; used when job_id is absent."`
}

func stopInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.stop", Mutates: true, Credential: "secret",
		Summary: "Stop a job.",
		Description: "A job that nothing runs is stopped at once. One that waits in its queue or runs is `stopping` until its runner, which hears of it within a second, " +
			"says that it was stopped, or that it had ended before. A job that has its outcome keeps it.",
		Errors:   commandErrors(),
		Examples: []jsonrpc.Example{{Name: "a job that waits", Params: namedParams{JobID: "hello"}, Result: jsonrpc.Null{}}},
	}
}

func (a *API) stop(ctx context.Context, p namedParams) (jsonrpc.Null, error) {
	return a.ask(ctx, p, job.Stop{})
}

func deleteInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.delete", Mutates: true, Credential: "secret",
		Summary:     "Take a job that has its outcome out of all lists.",
		Description: "Its history stays, and its id stays taken. A job that was deleted before is left as it is.",
		Errors:      commandErrors(domain.Conflict),
		Examples:    []jsonrpc.Example{{Name: "a job that has ended", Params: namedParams{JobID: "done"}, Result: jsonrpc.Null{}}},
	}
}

func (a *API) delete(ctx context.Context, p namedParams) (jsonrpc.Null, error) {
	return a.ask(ctx, p, job.Delete{})
}

// ask asks a command of one job, in the caller's name.
func (a *API) ask(ctx context.Context, p namedParams, c job.Command) (jsonrpc.Null, error) {
	return jsonrpc.Null{}, withID(cmp.Or(p.JobID, p.ID), func(id job.ID) error {
		return a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
			Aggregates: eventstore.Jobs(id),
			Decide: func(tx *eventstore.Tx) error {
				if err := mayTouch(ctx, tx, id); err != nil {
					return err
				}
				_, err := tx.DecideJob(id, a.by(ctx), c)
				return err
			},
		})
	})
}

// by is the caller as the cause of events.
func (a *API) by(ctx context.Context) eventstore.By {
	return eventstore.By{Actor: event.ByAPIKey(callerFrom(ctx).Name)}
}
