package waiting

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
)

// Reader says why jobs of one partition do not run. Its fields are required. It
// is safe for concurrent use.
type Reader struct {
	Views views.Reader
	Beats runners.Beats
	Clock func() time.Time

	mu sync.Mutex

	seen scene
	at   time.Time // when it was looked at; zero before
}

// scene is who is there.
type scene struct {
	all  []runners.Runner
	free map[string]int
}

// fresh is how long a look at all runners answers questions: signs of life are
// as old, and a thousand processes are not read for each job that somebody asks
// about.
const fresh = time.Second

// Explain says why a job does not run.
func (r *Reader) Explain(ctx context.Context, record *jobs.Record) (Answer, error) {
	f := Facts{Job: record}
	if record.Status != job.Waiting {
		return Why(f), nil
	}
	q := record.Queue
	look, err := r.Views.Look(ctx, views.Query{
		Fields: []views.Field{{Table: views.Queues, Name: q.String()}}, Whole: []views.Table{views.Modes},
	})
	if err == nil && look.Values[0] != nil {
		f.Count, err = queues.ParseCount(look.Values[0])
	}
	var paused modes.Modes
	if err == nil {
		paused, err = modes.Parse(look.Whole[0])
	}
	if err != nil {
		return Answer{}, fmt.Errorf("look how many jobs wait in %s: %w", q, err)
	}
	now, err := r.look(ctx)
	if err != nil {
		return Answer{}, err
	}
	f.Queue, f.Crew = paused.Queue(q), runners.CrewOf(q, now.all, now.free)
	if id, own := q.Runner(); own {
		f.Owner = paused.Runner(id)
	}
	return Why(f), nil
}

// look returns who is there. Callers that come together wait for one look.
func (r *Reader) look(ctx context.Context) (scene, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.Clock(); !r.at.IsZero() && now.Sub(r.at) < fresh {
		return r.seen, nil
	}
	var found scene
	var err error
	if found.all, err = (&runners.Reader{Views: r.Views}).List(ctx); err != nil {
		return scene{}, err
	}
	if found.free, err = runners.Free(ctx, r.Beats); err != nil {
		return scene{}, err
	}
	r.seen, r.at = found, r.Clock()
	return found, nil
}
