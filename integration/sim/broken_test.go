package sim_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/integration/sim"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// deafLeader leads on whoever else does: it believes no conflict, and writes
// what it likes.
type deafLeader struct {
	eventstore.Store
	force func(eventstore.Batch)
}

func (d deafLeader) Append(ctx context.Context, term uint64, after eventstore.Tip, c eventstore.Batch) error {
	err := d.Store.Append(ctx, term, after, c)
	if errors.Is(err, eventstore.ErrConflict) {
		d.force(c)
		return nil
	}
	return err
}

// sieve drops a commit now and then, and says that it kept it.
type sieve struct {
	eventstore.Store
	n int
}

func (d *sieve) Append(ctx context.Context, term uint64, after eventstore.Tip, c eventstore.Batch) error {
	if d.n++; d.n%7 == 0 {
		return nil
	}
	return d.Store.Append(ctx, term, after, c)
}

// hasty believes that replicas have everything.
type hasty struct{}

func (hasty) Sync(context.Context, uint64, eventstore.Tip) error { return nil }

// forgetful writers of views leave out what follows from what they fold.
type forgetful struct {
	views.Store
	spoil func(*views.Tx)
}

func (f forgetful) Writer(fill uint64) views.Writer {
	return &forgetfulWriter{f.Store.Writer(fill), f.spoil}
}

type forgetfulWriter struct {
	views.Writer
	spoil func(*views.Tx)
}

func (w *forgetfulWriter) Commit(ctx context.Context, tx *views.Tx) (views.Position, error) {
	w.spoil(tx)
	return w.Writer.Commit(ctx, tx)
}

// liar says everything twice, the second time under another number.
type liar struct{ queue.Wire }

func (l liar) Send(ctx context.Context, s runner.Signed) error {
	return errors.Join(l.Wire.Send(ctx, s), l.Wire.Send(ctx, again(s)))
}

// again signs the reports of a bundle that joins nobody once more.
func again(s runner.Signed) runner.Signed {
	b, err := runner.ParseBundle(s.Doc)
	if err != nil || b.Number == 1 {
		return s
	}
	b.Number += 1 << 20
	return b.Sign(sim.Key(string(b.Runner)))
}

// A simulation that finds nothing may be one that looks at nothing. Each of these
// is wrong in a way in which a program could be.
func TestWhatIsBrokenIsFound(t *testing.T) {
	tests := []struct {
		name  string
		broke sim.Break
	}{
		{
			name: "a leader that ignores terms",
			broke: sim.Break{Store: func(s eventstore.Store, force func(eventstore.Batch)) eventstore.Store {
				return deafLeader{s, force}
			}},
		},
		{
			name: "an engine that queues nothing",
			broke: sim.Break{Views: func(v views.Store) views.Store {
				return forgetful{v, func(tx *views.Tx) { tx.Queued = nil }}
			}},
		},
		{
			name: "an engine that takes nothing out of its queues",
			broke: sim.Break{Views: func(v views.Store) views.Store {
				return forgetful{v, func(tx *views.Tx) { tx.Done = nil }}
			}},
		},
		{
			name: "a store that says that it kept what it did not",
			broke: sim.Break{Store: func(s eventstore.Store, _ func(eventstore.Batch)) eventstore.Store {
				return &sieve{Store: s}
			}},
		},
		{
			name: "a supervisor that does not wait for replicas",
			broke: sim.Break{Syncer: func(eventstore.Syncer) eventstore.Syncer {
				return hasty{}
			}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hall := sim.NewHall()
			for seed := range uint64(400) {
				r := run(t, sim.Options{Seed: seed, Hall: hall, Break: test.broke})
				if r.Broken == "" {
					continue
				}
				if !strings.Contains(r.Story, "CHECK") || r.Replay() == "" {
					t.Errorf("seed %d: %s\n%s", seed, r.Broken, r.Story)
				}
				t.Logf("seed %d: %s", seed, r.Broken)
				return
			}
			t.Error("400 seeds found nothing")
		})
	}
}

// A runner that says everything twice, under different numbers, changes nothing:
// the second time, the attempt is not open any more.
func TestARunnerThatRepeatsItselfChangesNothing(t *testing.T) {
	hall := sim.NewHall()
	late := 0
	for seed := range uint64(10) {
		r := run(t, sim.Options{Seed: seed, Hall: hall, Break: sim.Break{Wire: func(x queue.Wire) queue.Wire { return liar{x} }}})
		if r.Broken != "" {
			t.Errorf("seed %d: %s\n%s", seed, r.Broken, r.Story)
		}
		late += r.Counts[sim.LateReport]
	}
	if late == 0 {
		t.Error("nothing was said twice")
	}
}
