package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
)

// worker is a program that runs jobs: one process after the other.
type worker struct {
	*process
	id    domain.Name
	kinds []domain.Name
	slots int
	trust signing.Hash // that it pinned
	lives int

	current string // name of the process that lives
}

// queuesOf returns every queue that jobs are submitted to.
func queuesOf() []job.Queue {
	return []job.Queue{job.RunnerQueue("r1"), job.RunnerQueue("k1"), job.ExecutorQueue("sh"), job.RunnerQueue(nobody)}
}

// runnersOf returns every runner id that joins.
func runnersOf() []domain.Name { return []domain.Name{"r1", "k1"} }

// nobody is a runner id that no process ever joins as: its jobs wait for ever.
const nobody = "nobody"

// newRunner adds a runner that was not started yet.
func (w *World) newRunner(name string, id domain.Name, kinds ...domain.Name) {
	w.runners = append(w.runners, &worker{process: w.newProcess(name), id: id, kinds: kinds, slots: 1 + w.random.IntN(3)})
}

// start starts the program.
func (r *worker) start() {
	r.alive = true
	r.spawn(r.live)
}

// processName names the next process of the program.
func (r *worker) processName() string {
	r.lives++
	h := uint64(0)
	for _, c := range r.name {
		h = h*31 + uint64(c)
	}
	r.current = fmt.Sprintf("%x%02x", h, r.lives)
	return r.current
}

// live joins, and takes and runs jobs, as long as the program runs.
func (r *worker) live() {
	w := r.world
	process := r.processName()
	sdk, err := runnersdk.New(runnersdk.Config{
		Runner: r.id, Key: Key(string(r.id)), Wire: w.options.Break.wire(r.process, r.id), Kinds: r.kinds, Slots: r.slots,
		Namespace: namespace, Lease: lease, Trust: r.trust,
		Pin: func(h signing.Hash) error { r.trust = h; return nil },
		Now: r.Now, Go: r.Go, Process: process, Logger: slog.New(recorder{r.process, ""}),
	}, r.handler(&process))
	for err == nil {
		var busy bool
		busy, err = sdk.Turn(context.Background())
		switch {
		case errors.Is(err, runnersdk.ErrForgotten):
			w.counts[Forgotten]++
			process = r.processName()
			sdk, err = sdk.Again(process)
			continue
		case errors.Is(err, runnersdk.ErrDrained):
			w.counts[LeftDrained]++
			w.story.tell("", r.name, "ends, because it was drained")
			w.after(0, r.crash) // nothing of it is left
			w.restart(func() bool { return r.alive }, r.start)
			return
		case domain.CodeOf(err) == domain.Forbidden || domain.CodeOf(err) == domain.Invalid:
			w.fail("", "runner %s ends: %v", r.name, err)
			return
		}
		err = nil // of the wire: the next turn goes on
		if busy {
			r.sleep(time.Millisecond)
		} else {
			r.sleep(w.between(10*time.Millisecond, 200*time.Millisecond))
		}
	}
	w.fail("", "runner %s ends: %v", r.name, err)
}

// handler runs the jobs of a process, whose name may change.
func (r *worker) handler(process *string) runnersdk.Handler {
	w := r.world
	return func(ctx context.Context, j *runnersdk.Job) (string, error) {
		r.here()
		name := *process
		w.ledger.started(r.process, name, j)
		for range w.random.IntN(3) {
			j.Log(runnersdk.Stdout, "at work")
		}
		if w.chance(300) {
			j.Progress(w.random.IntN(100), "at work")
		}
		for w.chance(300) {
			r.check(j, fmt.Sprintf("attempt %d of %s, %d", j.Attempt, j.ID, w.random.IntN(10)))
		}
		if w.chance(w.weather.hung) {
			return r.hang(ctx, name, j)
		}
		took := w.between(5*time.Millisecond, time.Second)
		if w.chance(100) {
			took = w.between(lease/2, 2*lease)
		}
		r.Rest(ctx, nil, took)
		w.story.tell(j.ID, r.name, "ends attempt %d (%v)", j.Attempt, context.Cause(ctx))
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		w.ledger.returned(r.process, name, j)
		return "done", r.mood()
	}
}

// check hands a checkpoint over.
func (r *worker) check(j *runnersdk.Job, data string) {
	if err := j.Checkpoint([]byte(data)); err != nil && domain.CodeOf(err) != domain.Stale {
		r.world.fail(j.ID, "a checkpoint is refused: %v", err)
	}
}

// mood draws how a job ends.
func (r *worker) mood() error {
	w := r.world
	if !w.chance(250) {
		return nil
	}
	err := errors.New("it did not work")
	switch w.random.IntN(6) {
	case 0:
		return runnersdk.Retry(err)
	case 1:
		return runnersdk.RetryAfter(w.between(0, 3*time.Second), err)
	case 2:
		return runnersdk.Never(err)
	case 3:
		return runnersdk.Reject("it cannot")
	default:
		return err
	}
}

// hang is a handler that does not listen. Sometimes its process goes on renewing
// the attempt all the same, as that of another make would.
func (r *worker) hang(ctx context.Context, name string, j *runnersdk.Job) (string, error) {
	w := r.world
	w.counts[HungHandler]++
	w.story.tell(j.ID, r.name, "hangs and does not listen")
	if g, ok := w.ledger.runs.given[attempt{name, j.ID, j.Attempt}]; ok && j.Timeout < maxRude && w.chance(600) {
		w.story.tell(j.ID, r.name, "goes on renewing what it does not end")
		for kept := []queue.EntryID{g.id}; len(kept) > 0 || w.server.down > w.now; {
			r.sleep(lease / 3)
			if again, err := (wire{r.process, r.id}).Renew(ctx, name, g.queue, []queue.EntryID{g.id}); err == nil {
				kept = again
			}
		}
	}
	r.sleep(w.between(lease, 4*lease))
	return "late", ctx.Err()
}

// maxRude is the longest timeout of an attempt that a process keeps for ever.
const maxRude = 10 * time.Second

// admissions are the keys that an administrator admits before anything else.
func admissions() []access.Key {
	keys := []access.Key{
		{Class: access.Supervisor, Name: "s2", Public: Key("s2").Public()},
		{Class: access.Supervisor, Name: "s3", Public: Key("s3").Public()},
		{Class: access.Client, Name: "ann", Public: Key("ann").Public()},
		{Class: access.Runner, Name: "k1", Kinds: []domain.Name{"sh"}, Public: Key("k1").Public()},
	}
	for i := range keys {
		k := &keys[i]
		k.Proof = Key(string(k.Name)).Sign(access.AdmissionText(namespace, *k))
	}
	return keys
}
