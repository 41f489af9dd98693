package node

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// scrapeTime bounds how long a scrape waits for Redis.
const scrapeTime = 2 * time.Second

// figures counts what happens, for whoever scrapes. It is safe for concurrent
// use.
type figures struct {
	mu sync.Mutex

	outcomes map[string]uint64
	reports  map[string]uint64 // bundles by what became of them
	late     uint64
}

func newFigures() *figures {
	return &figures{outcomes: map[string]uint64{}, reports: map[string]uint64{}}
}

// folded counts the jobs that ended, once each: what is folded again when the
// supervisor starts was counted by whoever led then.
func (f *figures) folded(n engine.Folded) {
	if !n.Live {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.Completed > 0 {
		f.outcomes[job.Done.String()] += uint64(n.Completed) //nolint:gosec // positive
	}
	for kind, count := range n.Failed {
		f.outcomes[string(kind)] += uint64(count) //nolint:gosec // positive
	}
}

// counts is what the intake tells.
func (f *figures) counts() intake.Counts {
	add := func(what string, n int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.reports[what] += uint64(n) //nolint:gosec // positive
	}
	return intake.Counts{
		Taken:   func(n int) { add("taken", n) },
		Dropped: func(reason string) { add(reason, 1) },
		Late: func(n int) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.late += uint64(n) //nolint:gosec // positive
		},
	}
}

// lost is told of every attempt that was found lost.
func (f *figures) lost() {}

// scrape collects everything that /metrics shows.
func (s *supervisor) scrape() rpcapi.Figures {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	return s.collect(ctx)
}

func (s *supervisor) collect(ctx context.Context) rpcapi.Figures {
	s.figures.mu.Lock()
	out := rpcapi.Figures{
		Outcomes: maps.Clone(s.figures.outcomes), Jobs: map[string]uint64{},
		Bundles: maps.Clone(s.figures.reports), Late: s.figures.late,
	}
	s.figures.mu.Unlock()
	if r, err := s.desk.current(); err == nil {
		out.Leading, out.Lag, out.KeyEnds = true, r.engine.Lag(), r.keeper.ends()
	}
	out.Halted = s.desk.halted() != nil
	depths, err := s.queues.Depths(ctx)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "queue depths are missing from this scrape", "error", err)
		return out
	}
	now := time.Now()
	for _, d := range depths {
		q := rpcapi.QueueFigures{Queue: d.Queue.String(), Waiting: d.Waiting, Running: d.Running}
		if !d.Oldest.IsZero() {
			q.Oldest = max(now.Sub(d.Oldest.Time()), 0)
		}
		out.Queues = append(out.Queues, q)
		out.Jobs[job.Waiting.String()] += d.Waiting
		out.Jobs[job.Running.String()] += d.Running
	}
	return out
}

// Info says how the supervisor is, for system.info.
func (s *supervisor) Info(ctx context.Context) (wire.Info, error) {
	_, founding, err := s.onlooker.Access(ctx)
	if err != nil {
		return wire.Info{}, err
	}
	runners, err := s.runners.Reader.List(ctx)
	if err != nil {
		return wire.Info{}, err
	}
	look, err := s.views.Look(ctx, views.Query{End: true})
	if err != nil {
		return wire.Info{}, err
	}
	info := wire.Info{
		Name: s.cfg.Name, Role: s.role(), Founding: founding.String(),
		Position: look.Position.Seq, Lag: max(look.End, look.Position.Seq) - look.Position.Seq,
		Jobs: s.collect(ctx).Jobs, Runners: len(runners),
	}
	if r, err := s.desk.current(); err == nil {
		info.Leader = &wire.Leader{Name: s.cfg.Name, Address: s.advertised(), Term: r.leader.Term()}
	} else if leader, known := s.guide.current(); known {
		info.Leader = &wire.Leader{Name: leader.Name, Address: leader.Address, Term: leader.Term}
	}
	return info, nil
}

func (s *supervisor) role() wire.Role {
	switch _, err := s.desk.current(); {
	case err == nil:
		return wire.Leads
	case s.desk.halted() != nil:
		return wire.Halted
	default:
		return wire.StandsBy
	}
}

// Access returns the statements, for those calls that only read them.
func (s *supervisor) Access(ctx context.Context) (access.State, error) {
	keys, _, err := s.onlooker.Access(ctx)
	return keys, err
}
