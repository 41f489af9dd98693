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
)

// worker is a program that runs jobs: one process after the other.
type worker struct {
	*process
	id    domain.Name
	kinds []domain.Name
	slots int
	trust signing.Hash // that it pinned
	lives int
}

// queuesOf returns every queue that jobs are submitted to.
func queuesOf() []job.Queue {
	return []job.Queue{job.RunnerQueue("r1"), job.RunnerQueue("k1"), job.ExecutorQueue("sh"), job.RunnerQueue(nobody)}
}

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
	return fmt.Sprintf("%x%02x", h, r.lives)
}

// live joins, and takes and runs jobs, as long as the program runs.
func (r *worker) live() {
	process := r.processName()
	sdk, err := runnersdk.New(runnersdk.Config{
		Runner: r.id, Key: Key(string(r.id)), Wire: r.world.options.Break.wire(r.process), Kinds: r.kinds, Slots: r.slots,
		Namespace: namespace, Lease: lease, Trust: r.trust,
		Pin: func(h signing.Hash) error { r.trust = h; return nil },
		Now: r.Now, Go: r.Go, Process: process, Logger: slog.New(recorder{r.process, ""}),
	}, r.handler(&process))
	for err == nil {
		var busy bool
		busy, err = sdk.Turn(context.Background())
		if errors.Is(err, runnersdk.ErrForgotten) {
			r.world.counts[Forgotten]++
			process = r.processName()
			sdk, err = sdk.Again(process)
			continue
		}
		if domain.CodeOf(err) == domain.Forbidden || domain.CodeOf(err) == domain.Invalid {
			break
		}
		err = nil // of the wire: the next turn goes on
		if busy {
			r.sleep(time.Millisecond)
		} else {
			r.sleep(r.world.between(10*time.Millisecond, 200*time.Millisecond))
		}
	}
	r.world.fail("", "runner %s ends: %v", r.name, err)
}

// handler runs the jobs of a process, whose name may change.
func (r *worker) handler(process *string) runnersdk.Handler {
	w := r.world
	return func(ctx context.Context, j *runnersdk.Job) (string, error) {
		r.here()
		w.ledger.started(*process, j.ID, j.Attempt)
		for range w.random.IntN(3) {
			j.Log(runnersdk.Stdout, "at work")
		}
		if w.chance(w.weather.hung) {
			w.counts[HungHandler]++
			w.story.tell(j.ID, r.name, "hangs and does not listen")
			r.sleep(w.between(lease, 4*lease))
			return "late", ctx.Err()
		}
		took := w.between(5*time.Millisecond, time.Second)
		if w.chance(100) {
			took = w.between(lease/2, 2*lease)
		}
		r.Rest(ctx, nil, took)
		w.story.tell(j.ID, r.name, "ends attempt %d", j.Attempt)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case w.chance(100):
			return "", errors.New("it did not work")
		}
		return "done", nil
	}
}

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
