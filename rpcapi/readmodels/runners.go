package readmodels

import (
	"cmp"
	"context"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Runners reads runners for the API. All fields are required.
type Runners struct {
	Reader *runners.Reader
	Queues *queues.Reader
	Modes  *modes.Reader
}

var _ rpcapi.Runners = (*Runners)(nil)

// List returns every runner id that a process ever joined as, or that was
// registered.
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

// Presence returns the version of an id's last event that the views know of, and
// how many of its processes are there.
func (r *Runners) Presence(ctx context.Context, id domain.Name) (version uint64, there int, err error) {
	found, err := r.Reader.Get(ctx, id)
	return found.Version, found.There(), err
}

// Lines lists every queue that was used, or is not open, by name.
func (r *Runners) Lines(ctx context.Context) ([]wire.Queue, error) {
	depths, err := r.Queues.Depths(ctx)
	if err != nil {
		return nil, err
	}
	found, err := r.Reader.List(ctx)
	if err != nil {
		return nil, err
	}
	paused, err := r.Modes.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, q := range paused.Queues() {
		if !slices.ContainsFunc(depths, func(d queues.Depth) bool { return d.Queue == q }) {
			depths = append(depths, queues.Depth{Queue: q})
		}
	}
	slices.SortFunc(depths, func(a, b queues.Depth) int { return cmp.Compare(a.Queue.String(), b.Queue.String()) })
	lines := make([]wire.Queue, len(depths))
	for i, d := range depths {
		mode := paused.Queue(d.Queue)
		lines[i] = wire.Queue{
			Queue: d.Queue.String(), Mode: mode.Mode, Since: mode.Since, By: mode.By, Oldest: d.Oldest,
			Waiting: d.Waiting, Running: d.Running, Stopping: d.Stopping, Scheduled: d.Scheduled, Retrying: d.Retrying,
		}
		for j := range found {
			serve(&lines[i], d.Queue, &found[j])
		}
	}
	return lines, nil
}

// serve counts the processes of a runner that take from a queue.
func serve(line *wire.Queue, q job.Queue, r *runners.Runner) {
	for _, p := range r.Processes {
		if p.State == runners.Alive && slices.Contains(runner.Queues(r.ID, p.Kinds), q) {
			line.Alive++
			line.Slots += uint64(p.Slots)
		}
	}
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
		ID: string(r.ID), State: "stopped", Label: string(r.Label), Mode: r.Mode.Mode, Since: r.Mode.Since, By: r.Mode.By,
		Waiting: count.Waiting, Running: count.Running,
		Processes: make([]wire.RunnerProcess, len(r.Processes)),
	}
	if r.There() > 0 {
		view.State = "running"
	}
	for i, p := range r.Processes {
		kinds := p.Kinds
		if kinds == nil {
			kinds = []domain.Name{}
		}
		view.Processes[i] = wire.RunnerProcess{
			Process: p.Name, State: string(p.State), Since: p.Since, JoinedAt: p.Joined, SeenAt: p.Seen, Slots: p.Slots, Kinds: kinds, KeyID: p.Key,
		}
	}
	return view
}
