package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type runnerParams struct {
	wire.RunnerID
	secret
}

func runnersInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "runners.list", Result: "runners",
		Summary: "List the runner ids that a process ever joined as, or that somebody registered.",
		Examples: []jsonrpc.Example{{
			Name:   "one runner",
			Params: none{},
			Result: wire.Runners{Runners: []wire.Runner{exampleRunner()}},
		}},
	}
}

func (a *API) runners(ctx context.Context, _ none) (wire.Runners, error) {
	list, err := a.cfg.Backend.Runners.List(ctx)
	return wire.Runners{Runners: list}, err
}

func runnerInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "runner.status", Result: "runner",
		Summary: "Tell how a runner is.",
		Errors:  []domain.Code{domain.NotFound},
		Examples: []jsonrpc.Example{{
			Name:   "a runner with one process",
			Params: runnerParams{RunnerID: wire.RunnerID{ID: "r1"}},
			Result: exampleRunner(),
		}},
	}
}

func (a *API) runner(ctx context.Context, p runnerParams) (wire.Runner, error) {
	id, err := domain.ParseName(p.ID)
	if err != nil {
		return wire.Runner{}, within("/id", err)
	}
	return a.cfg.Backend.Runners.Get(ctx, id)
}

type registerParams struct {
	wire.RunnerLabel
	secret
}

func registerInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "runners.register", Mutates: true, Result: "runner",
		Summary: "Say that a runner is to come.",
		Description: "The lists have it from then on, and the history says who did it. It admits nobody: `keys.add` does. " +
			"A runner that nobody registered works just as well. Each call is an event, also for a runner that is there already.",
		Errors: commandErrors(domain.Overloaded),
		Examples: []jsonrpc.Example{{
			Name:   "a runner",
			Params: registerParams{RunnerLabel: wire.RunnerLabel{ID: "r1", Label: "work:r1"}},
			Result: wire.RunnerLabel{ID: "r1", Label: "work:r1"},
		}},
	}
}

func (a *API) register(ctx context.Context, p registerParams) (wire.RunnerLabel, error) {
	id, err := domain.ParseName(p.ID)
	if err != nil {
		return wire.RunnerLabel{}, within("/id", err)
	}
	label, err := runner.ParseLabel(p.Label)
	if err != nil {
		return wire.RunnerLabel{}, within("/label", err)
	}
	return p.RunnerLabel, a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
		Aggregates: eventstore.Runner(id),
		Decide: func(tx *eventstore.Tx) error {
			if err := tx.Room(); err != nil {
				return err
			}
			return tx.DecideRunner(id, a.by(ctx), runner.Register{Label: label})
		},
	})
}

// runnerIDs lists the ids alone.
func (a *API) runnerIDs(ctx context.Context) ([]string, error) {
	list, err := a.cfg.Backend.Runners.List(ctx)
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	return ids, err
}

func exampleRunner() wire.Runner {
	return wire.Runner{ID: "r1", State: "running", Processes: []wire.RunnerProcess{{
		Process: "8f3a", State: "alive", Since: exampleTime(), JoinedAt: exampleTime(), SeenAt: exampleTime(), Slots: 4,
		KeyID: "dbc298251c51321b7266e78d1c151c2b",
	}}}
}
