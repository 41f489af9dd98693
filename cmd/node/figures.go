package node

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
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
	lost     map[string]uint64 // attempts by how it was found
	retried  map[string]uint64 // attempts by how they failed
	timers   map[string]uint64 // by what they did
	refused  uint64            // reports of ends
	reports  map[string]uint64 // bundles by what became of them
	late     uint64
}

func newFigures() *figures {
	return &figures{
		outcomes: map[string]uint64{}, lost: map[string]uint64{}, retried: map[string]uint64{}, timers: map[string]uint64{},
		reports: map[string]uint64{},
	}
}

// folded counts what became of jobs and attempts, once each: what is folded
// again when the supervisor starts was counted by whoever led then.
func (f *figures) folded(n engine.Folded) {
	if !n.Live {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.Completed > 0 {
		f.outcomes[job.Done.String()] += uint64(n.Completed) //nolint:gosec // positive
	}
	if n.Stopped > 0 {
		f.outcomes[job.Halted.String()] += uint64(n.Stopped) //nolint:gosec // positive
	}
	add(f.outcomes, n.Failed)
	add(f.lost, n.Lost)
	add(f.retried, n.Retried)
	f.refused += uint64(n.Late) //nolint:gosec // positive
}

func add[K ~string](to map[string]uint64, counts map[K]int) {
	for k, n := range counts {
		to[string(k)] += uint64(n) //nolint:gosec // positive
	}
}

// fired is told of timers that did something.
func (f *figures) fired(kind string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.timers[kind] += uint64(n) //nolint:gosec // positive
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
		Lost: maps.Clone(s.figures.lost), Retried: maps.Clone(s.figures.retried), Timers: maps.Clone(s.figures.timers),
		Refused: s.figures.refused, Bundles: maps.Clone(s.figures.reports), Late: s.figures.late,
	}
	s.figures.mu.Unlock()
	if r, err := s.desk.current(); err == nil {
		out.Leading, out.Lag, out.KeyEnds = true, r.engine.Lag(), r.keeper.ends()
		out.Undurable, out.ClockBehind = r.leader.Undurable(), r.leader.ClockBehind()
		used, limit, pressed := s.health.memory()
		out.Memory = rpcapi.MemoryFigures{Used: used, Max: limit}
		out.Refusing = map[string]bool{"memory": pressed, "lagging": out.Lag > eventstore.MaxBehind}
	}
	out.Halted, out.Durability = s.desk.halted() != nil, s.health.level()
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
	}
	look, err := s.views.Look(ctx, views.Query{States: true})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "how many jobs there are is missing from this scrape", "error", err)
		return out
	}
	for state, n := range look.States {
		if state != job.Erased {
			out.Jobs[state.String()] = n
		}
	}
	return out
}

// Info says how the supervisor is, for system.info.
func (s *supervisor) Info(ctx context.Context) (wire.Info, error) {
	_, founding, err := s.onlooker.Access(ctx)
	if err != nil {
		return wire.Info{}, unread(err)
	}
	runners, err := s.runners.Reader.List(ctx)
	if err != nil {
		return wire.Info{}, unread(err)
	}
	look, err := s.views.Look(ctx, views.Query{End: true})
	if err != nil {
		return wire.Info{}, unread(err)
	}
	info := wire.Info{
		Name: s.cfg.Name, Role: s.role(), Founding: founding.String(),
		Position: look.Position.Seq, Lag: max(look.End, look.Position.Seq) - look.Position.Seq,
		Jobs: s.collect(ctx).Jobs, Runners: len(runners), Concerns: s.concerns(),
	}
	if r, err := s.desk.current(); err == nil {
		info.Leader = &wire.Leader{Name: s.cfg.Name, Address: s.advertised(), Term: r.leader.Term()}
	} else if leader, known := s.guide.current(); known {
		info.Leader = &wire.Leader{Name: leader.Name, Address: leader.Address, Term: leader.Term}
	}
	return info, nil
}

// concerns are sentences for whoever looks after the system.
func (s *supervisor) concerns() []string {
	all := s.health.concerns()
	if r, err := s.desk.current(); err == nil && r.engine.Lag() > eventstore.MaxBehind {
		all = append(all, fmt.Sprintf("the read models are %d events behind the history: new jobs are refused while it is more than %d", r.engine.Lag(), eventstore.MaxBehind))
	}
	return all
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
	return keys, unread(err)
}
