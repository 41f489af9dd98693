package runners

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// Beats reads the signs of life that runner processes leave. Nobody signs them:
// they say what runners do, and never what jobs are.
type Beats interface {
	// Page returns some beats, by their fields as [queue.ParseBeat] reads them,
	// and where to go on; 0 is the beginning, and the end. What is there all the
	// time is in some page, and perhaps in two.
	Page(ctx context.Context, cursor uint64) (beats map[string]string, next uint64, err error)
}

// maxPages bounds how much of a hash that anybody may fill is read at once.
const maxPages = 16

// Free returns how many slots each process said it has free, by
// [runner.AggregateID]. What cannot be read is left out.
func Free(ctx context.Context, b Beats) (map[string]int, error) {
	free := map[string]int{}
	cursor := uint64(0)
	for range maxPages {
		page, next, err := b.Page(ctx, cursor)
		if err != nil {
			return nil, fmt.Errorf("read signs of life: %w", err)
		}
		for field, value := range page {
			if beat, err := queue.ParseBeat(field, value); err == nil {
				free[field] = beat.Free
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	return free, nil
}

// Member is a process that may take jobs from a queue, unless Mode keeps it.
type Member struct {
	Runner  domain.Name
	Mode    domain.Mode // of its runner id
	Process string
	State   State
	Slots   int
	Free    int // that it has nothing to do for; 0 if it is not alive
}

// Crew is who serves a queue.
type Crew []Member

// CrewOf returns the processes of some runners that serve a queue, with the
// slots that they said they have free.
func CrewOf(q job.Queue, all []Runner, free map[string]int) Crew {
	var crew Crew
	for i := range all {
		r := &all[i]
		for j := range r.Processes {
			p := &r.Processes[j]
			if !p.serves(r.ID, q) {
				continue
			}
			m := Member{Runner: r.ID, Mode: r.Mode.Mode, Process: p.Name, State: p.State, Slots: int(p.Slots)}
			if p.State == Alive {
				m.Free = min(free[runner.AggregateID(r.ID, p.Name)], m.Slots)
			}
			crew = append(crew, m)
		}
	}
	return crew
}

func (p *Process) serves(id domain.Name, q job.Queue) bool {
	for _, served := range runner.Queues(id, p.Kinds) {
		if served == q {
			return true
		}
	}
	return false
}

// Working returns how many processes are alive and may take jobs, and how many
// slots they have, in all and free.
func (c Crew) Working() (processes, slots, free int) {
	for _, m := range c {
		if m.State == Alive && m.Mode == domain.Open {
			processes, slots, free = processes+1, slots+m.Slots, free+m.Free
		}
	}
	return processes, slots, free
}

// Watcher reads who serves queues. It is safe for concurrent use.
type Watcher struct {
	Reader *Reader
	Beats  Beats
}

// Crew returns who serves a queue.
func (w *Watcher) Crew(ctx context.Context, q job.Queue) (Crew, error) {
	all, err := w.Reader.List(ctx)
	if err != nil {
		return nil, err
	}
	free, err := Free(ctx, w.Beats)
	if err != nil {
		return nil, err
	}
	return CrewOf(q, all, free), nil
}
