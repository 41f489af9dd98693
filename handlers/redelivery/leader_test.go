package redelivery_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/runnersdk/queue"
)

// newborn is the index of a leader that forgets nothing.
type newborn struct{}

func (newborn) Find(_ context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	return make([][]uint64, len(aggregates)), 0, nil
}

func key(n byte) signing.PrivateKey {
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return k
}

// turning is a ledger that appends as soon as it is asked.
type turning struct {
	*eventstore.Leader
	t *testing.T
}

func (l turning) Execute(ctx context.Context, w eventstore.Work) error {
	p := l.Propose(ctx, w)
	if _, err := l.Turn(ctx); err != nil {
		l.t.Fatal(err)
	}
	return p.Wait(ctx)
}

// job returns how a job is.
func (l turning) job(ctx context.Context, id job.ID) (is job.State, err error) {
	err = l.Execute(ctx, eventstore.Work{Aggregates: eventstore.Jobs(id), Decide: func(tx *eventstore.Tx) error {
		is = tx.Job(id)
		return nil
	}})
	return is, err
}

// TestALossIsInTheHistory sweeps with a real leader: the loss and the next
// attempt are one commit, an entry of the attempt before is told to be stale
// without an event, and the last loss is the job's outcome.
func TestALossIsInTheHistory(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	verifier := signing.NewVerifier(8)
	mem := memstore.New()
	must(t, mem.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "s1"}))
	leader := turning{eventstore.NewLeader(eventstore.Config{
		Store: mem, Index: newborn{}, Namespace: "horus", Name: "s1", Key: key(1), Verifier: verifier,
		Clock: func() time.Time { return now }, Indexed: func() uint64 { return 0 }, Feed: func(*history.Commit) {},
	}, 1, eventstore.Tip{}, history.NewChain("horus", 0, verifier)), t}
	begin, cancel := context.WithCancel(t.Context())
	cancel() // its answer is in the log below
	_ = leader.Begin(begin, eventstore.Beginning{Founding: access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
	}})
	_, err := leader.Turn(t.Context())
	must(t, err)
	submission := job.Submission{Form: job.FormUnsigned, Doc: []byte(`{"id":"j1","payload":"x","runner":"r1","max_attempts":2}`)}
	opened, err := submission.Open()
	must(t, err)
	by := eventstore.By{Actor: event.ByAPIKey("ci")}
	must(t, leader.Execute(t.Context(), eventstore.Work{Aggregates: eventstore.Jobs(opened.Spec.ID), Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideJob(opened.Spec.ID, by, job.Submit{Job: opened, Namespace: "horus", At: tx.Now(), By: by.Actor})
		return err
	}}))

	held := pending{{ID: queue.EntryID{Term: 1, Seq: 3}, Consumer: "a1"}}
	sweep := redelivery.New(redelivery.Config{
		Deliveries: &held, Ledger: leader, Busy: one, Job: leader.job, Log: mem, Lease: lease,
		Clock: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
	watch := func() {
		for range 2 * lease / redelivery.Every {
			_, err := sweep.Turn(t.Context())
			must(t, err)
			now = now.Add(redelivery.Every)
			for i := range held {
				held[i].Idle += redelivery.Every
			}
		}
	}
	watch()
	held = pending{{ID: queue.EntryID{Term: 1, Seq: 3}, Consumer: "a2"}, {ID: queue.EntryID{Term: 1, Seq: 5}, Consumer: "a1"}}
	sweep = redelivery.New(redelivery.Config{
		Deliveries: &held, Ledger: leader, Busy: one, Job: leader.job, Log: mem, Lease: lease,
		Clock: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
	watch()

	want := []string{
		"access.founded", "term.began", "job.submitted", "job.attempt_lost", "job.queued", "job.attempt_lost", "job.failed",
	}
	if diff := cmp.Diff(want, types(t, mem)); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// pending is what is delivered of one queue.
type pending []redelivery.Delivery

func one() []job.Queue { return []job.Queue{job.RunnerQueue("r1")} }

func (p *pending) Pending(context.Context, []job.Queue) ([][]redelivery.Delivery, error) {
	return [][]redelivery.Delivery{*p}, nil
}

func (p *pending) Adrift(context.Context, []job.Queue) ([][]queue.EntryID, error) {
	return make([][]queue.EntryID, 1), nil
}

func (p *pending) Retire(context.Context, []job.Queue, time.Duration) error { return nil }

// types proves a log and returns the names of its events.
func types(t *testing.T, log eventstore.Log) (names []string) {
	t.Helper()
	raws, err := log.Read(t.Context(), 0, 1000)
	must(t, err)
	chain, reader := history.NewChain("horus", 0, signing.NewVerifier(8)), history.NewReader("horus", 0, 0)
	for _, raw := range raws {
		c, err := reader.Next(raw)
		must(t, err)
		if c == nil {
			continue
		}
		must(t, chain.Check(c))
		for _, e := range c.Entries {
			names = append(names, e.Type)
		}
	}
	return names
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
