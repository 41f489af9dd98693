package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// submit submits a job under an id, and returns that.
func (w *world) submit(c *client.Client, job client.Job) (id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	id = uuid.NewString()
	if _, err := c.Submit(ctx, job.ID(id).Env("RUNS", w.runs)); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// running waits until an attempt of each job has begun, and returns the runs.
func (w *world) running(number int, ids ...string) []*run {
	w.t.Helper()
	var begun []*run
	w.eventually("the jobs run", func(context.Context) error {
		runs, err := readRuns(w.runs)
		if err != nil {
			return err
		}
		begun = slices.DeleteFunc(runs, func(r *run) bool { return r.attempt != number || !slices.Contains(ids, r.job) })
		if len(begun) < len(ids) {
			return fmt.Errorf("%d of %d", len(begun), len(ids))
		}
		return nil
	})
	return begun
}

// wait waits for a job's end, which must be good.
func (w *world) wait(c *client.Client, id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if view, err := c.Wait(ctx, id); err != nil || view.State.String() != "completed" {
		w.t.Fatalf("job %s: %+v, %v", id, view, err)
	}
}

// TestAKilledRunnersAttemptsAreLostInTime kills runners in the middle of jobs.
// Each attempt is recorded as lost within a lease and a second, and the next one
// begins at once, wherever there is room.
func TestAKilledRunnersAttemptsAreLostInTime(t *testing.T) {
	mustBuild(t)
	w := newWorld(t, programs, redistest.Always)
	c := w.client(w.addresses...)
	job := client.NewJob(prelude + `[ "$HORUS_ATTEMPT" = 1 ] && exec sleep 600; note ended`)
	var ids []string
	for range 2 {
		var together []string
		for range slots {
			together = append(together, w.submit(c, job.Runner("r1")), w.submit(c, job.Runner("r3")))
		}
		w.running(1, together...)
		for _, p := range w.runners {
			w.hits = append(w.hits, &hit{Fault: Fault{Kind: Kill, Role: Runner}, program: p, pid: p.pid(), began: time.Now(), ended: time.Now()})
			p.tell(syscall.SIGKILL)
		}
		for _, p := range w.runners {
			if _, err := p.wait(patience); err != nil {
				t.Fatal(err)
			}
			w.start(p)
		}
		for _, id := range together {
			w.wait(c, id)
		}
		ids = append(ids, together...)
	}
	r := &Report{}
	record := w.proved(r)
	runs, err := readRuns(w.runs)
	if err != nil {
		t.Fatal(err)
	}
	r.measureLosses(w, record, runs)
	for _, broken := range r.Broken {
		t.Error(broken)
	}
	for _, timing := range r.Times {
		if timing.N > 0 {
			t.Logf("%s: n %d, p50 %d ms, p99 %d ms, longest %d ms", timing.What, timing.N, timing.P50, timing.P99, timing.Max)
		}
	}
	found := r.Times[0] // of kills while all else was well
	if most := (Lease + time.Second).Milliseconds(); found.N != len(ids) || found.Max > most {
		t.Errorf("%d of %d attempts were recorded as lost %d ms after the kill at the latest, want all within %d ms", found.N, len(ids), found.Max, most)
	}
}

// TestAThawedRunnerIsTooLate stops a runner in the middle of a job, until another
// process of its id has run the next attempt, and lets it go on when its script
// has long ended. What it says then changes nothing.
func TestAThawedRunnerIsTooLate(t *testing.T) {
	mustBuild(t)
	w := newWorld(t, programs, redistest.Always)
	c := w.client(w.addresses...)
	on := filepath.Join(t.TempDir(), "on")
	id := w.submit(c, client.NewJob(prelude+`[ "$HORUS_ATTEMPT" = 1 ] && until [ -e "$ON" ]; do sleep 0.01; done; note ended; echo "$HORUS_ATTEMPT"`).
		Runner("r1").Env("ON", on))
	first := w.running(1, id)[0]
	i := slices.IndexFunc(w.runners, func(p *program) bool { return p.pid() == first.runner })
	frozen := w.runners[i]
	frozen.tell(syscall.SIGSTOP)
	w.wait(c, id)
	if err := os.WriteFile(on, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.eventually("the first attempt's script has ended", func(context.Context) error {
		runs, err := readRuns(w.runs)
		if err == nil && runs[0].ended.IsZero() {
			err = fmt.Errorf("it has not")
		}
		return err
	})
	frozen.tell(syscall.SIGCONT)

	// It is heard again when it has run another job.
	for _, p := range w.runners {
		if p != frozen {
			p.tell(syscall.SIGTERM)
		}
	}
	w.wait(c, w.submit(c, client.NewJob("echo again").Runner("r1")))
	r := &Report{}
	job := w.proved(r).jobs[id]
	for _, broken := range r.Broken {
		t.Error(broken)
	}
	if len(job.outcomes) != 1 || len(job.lost) != 1 {
		t.Errorf("the job's history is %v", job.types)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	view, err := c.Get(ctx, id)
	if err != nil || view.Attempt != 2 || view.Result == nil || *view.Result != "2\n" {
		t.Errorf("%+v, %v; want attempt 2 with its own result", view, err)
	}
	t.Logf("the job's history is %v", job.types)
}
