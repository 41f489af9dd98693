package readmodels

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Runners reads runners for the API. All fields are required.
type Runners struct {
	Reader *runners.Reader
	Queues *queues.Reader
}

var _ rpcapi.Runners = (*Runners)(nil)

// List returns every runner id that a process ever joined as.
func (r *Runners) List(ctx context.Context) ([]wire.Runner, error) {
	found, err := r.Reader.List(ctx)
	if err != nil {
		return nil, err
	}
	depths, err := r.depths(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]wire.Runner, len(found))
	for i := range found {
		views[i] = runnerView(&found[i], depths)
	}
	return views, nil
}

// Get returns one runner.
func (r *Runners) Get(ctx context.Context, id domain.Name) (wire.Runner, error) {
	found, err := r.Reader.Get(ctx, id)
	if err != nil {
		return wire.Runner{}, err
	}
	depths, err := r.depths(ctx)
	if err != nil {
		return wire.Runner{}, err
	}
	return runnerView(&found, depths), nil
}

func (r *Runners) depths(ctx context.Context) (map[job.Queue]queues.Count, error) {
	depths, err := r.Queues.Depths(ctx)
	if err != nil {
		return nil, err
	}
	counts := make(map[job.Queue]queues.Count, len(depths))
	for _, d := range depths {
		counts[d.Queue] = d.Count
	}
	return counts, nil
}

func runnerView(r *runners.Runner, depths map[job.Queue]queues.Count) wire.Runner {
	count := depths[job.RunnerQueue(r.ID)]
	view := wire.Runner{
		ID: string(r.ID), State: "stopped", Waiting: count.Waiting, Running: count.Running,
		Processes: make([]wire.RunnerProcess, len(r.Processes)),
	}
	if len(r.Processes) > 0 {
		view.State = "running"
	}
	for i, p := range r.Processes {
		kinds := p.Kinds
		if kinds == nil {
			kinds = []domain.Name{}
		}
		view.Processes[i] = wire.RunnerProcess{
			Process: p.Name, JoinedAt: p.Joined, SeenAt: p.Seen, Slots: p.Slots, Kinds: kinds, KeyID: p.Key,
		}
	}
	return view
}
