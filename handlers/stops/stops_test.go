package stops_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	"github.com/herocode/horus/handlers/stops"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

var errLost = errors.New("the connection is gone")

// house is the loop, the leader that it asks, and what it looks at.
type house struct {
	*testing.T
	*eventstore.Leader
	stops   *stops.Stops
	jobs    map[job.ID]job.State
	open    []jobs.Open // of jobs that are to be stopped, last submission first
	streams map[job.Queue]views.Stream
	told    []string // what happened to jobs
	looks   int
	trouble error
}

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

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, jobs: map[job.ID]job.State{}, streams: map[job.Queue]views.Stream{}}
	store := memstore.New()
	if err := store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "s1"}); err != nil {
		t.Fatal(err)
	}
	verifier := signing.NewVerifier(8)
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	h.Leader = eventstore.NewLeader(eventstore.Config{
		Store: store, Index: newborn{}, Namespace: "horus", Name: "s1", Key: key(1), Verifier: verifier,
		Clock: func() time.Time { return now }, Indexed: func() uint64 { return 0 }, Feed: h.fold,
	}, 1, eventstore.Tip{}, history.NewChain("horus", 0, verifier))
	begin, cancel := context.WithCancel(t.Context())
	cancel() // its answer is in the log below
	_ = h.Begin(begin, eventstore.Beginning{Founding: access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
	}})
	if _, err := h.Leader.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.stops = stops.New(stops.Config{
		Stopping: func() uint64 { return uint64(len(h.open)) }, Open: h, Queues: h, Ledger: h, Logger: slog.New(slog.DiscardHandler),
	})
	return h
}

// fold takes note of what happened.
func (h *house) fold(c *history.Commit) {
	for _, e := range c.Entries {
		if data, ok := e.Data.(job.Event); ok {
			id, _ := job.ParseID(e.Aggregate.ID) // was one when it was submitted
			h.jobs[id] = job.Evolve(h.jobs[id], event.FactOf(e.Recorded, data, e.Seq, e.Hash))
			h.told = append(h.told, id.String()+" "+e.Type[len("job."):]+" by "+string(e.Actor))
		}
	}
}

// Propose decides, and appends at once.
func (h *house) Propose(ctx context.Context, w eventstore.Work) eventstore.Proposal {
	p := h.Leader.Propose(ctx, w)
	if _, err := h.Leader.Turn(ctx); err != nil {
		h.Fatal(err)
	}
	return p
}

// Opened implements [stops.Open].
func (h *house) Opened(_ context.Context, s job.Status, below uint64, limit int) (found []jobs.Open, next uint64, err error) {
	h.looks++
	if s != job.Ending {
		h.Errorf("asked for %s jobs", s)
	}
	from := int(below) //nolint:gosec // an index of this test's
	to := min(from+limit, len(h.open))
	if to < len(h.open) {
		next = uint64(to) //nolint:gosec // as above
	}
	return append(found, h.open[from:to]...), next, h.trouble
}

// Streams implements [stops.Queues].
func (h *house) Streams(_ context.Context, queues []job.Queue) ([]views.Stream, error) {
	found := make([]views.Stream, len(queues))
	for i, q := range queues {
		found[i] = h.streams[q]
	}
	return found, nil
}

// stop submits a job and stops it; the views show that it is to be stopped.
func (h *house) stop(id string, started bool) {
	h.Helper()
	opened, err := job.Submission{Form: job.FormUnsigned, Doc: fmt.Appendf(nil, `{"id":%q,"payload":"x","runner":"r1"}`, id)}.Open()
	if err != nil {
		h.Fatal(err)
	}
	of := opened.Spec.ID
	ask := func(c job.Command) {
		p := h.Propose(h.Context(), eventstore.Work{Aggregates: eventstore.Jobs(of), Decide: func(tx *eventstore.Tx) error {
			_, err := tx.DecideJob(of, eventstore.By{Actor: event.ByRunner("r1")}, c)
			return err
		}})
		if err := p.Wait(h.Context()); err != nil {
			h.Fatal(err)
		}
	}
	ask(job.Submit{Job: opened, Namespace: "horus", At: 1, By: event.ByRunner("r1")})
	if started {
		ask(job.Start{Token: h.jobs[of].Token, Process: "p", By: event.ByRunner("r1")})
	}
	ask(job.Stop{})
	s := h.jobs[of]
	h.open = append(h.open, jobs.Open{Job: of, Attempt: jobs.Attempt{
		Queue: s.Queue, Entry: queue.EntryID{Term: 1, Seq: s.GrantSeq}, Token: s.Token,
	}})
	h.told = nil
}

// entry is the entry of a job's attempt.
func (h *house) entry(n int) queue.EntryID { return h.open[n].Entry }

func (h *house) turn() (busy bool) {
	h.Helper()
	busy, err := h.stops.Turn(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	return busy
}

func (h *house) want(told ...string) {
	h.Helper()
	if diff := cmp.Diff(told, h.told); diff != "" {
		h.Errorf("what happened (-want +got):\n%s", diff)
	}
	h.told = nil
}

func TestWhatNobodyWasGivenIsStopped(t *testing.T) {
	h := newHouse(t)
	h.stop("given", false)
	h.stop("j1", false)
	h.stop("j2", false)
	h.streams[job.RunnerQueue("r1")] = views.Stream{Group: true, Waiting: h.entry(1)}
	h.turn()
	h.want("j1 stopped by system:stop", "j2 stopped by system:stop")
	h.turn() // the views do not know yet
	h.want()
}

func TestWhatARunnerWasGivenIsItsToStop(t *testing.T) {
	h := newHouse(t)
	h.stop("j1", true)
	h.stop("j2", false)
	for name, st := range map[string]views.Stream{
		"all is given":       {Group: true},
		"nobody can tell":    {Waiting: h.entry(0)},
		"it is running":      {Group: true, Waiting: queue.EntryID{Term: 1, Seq: h.entry(1).Seq + 1}},
		"there is no stream": {},
	} {
		h.streams[job.RunnerQueue("r1")] = st
		h.turn()
		if len(h.told) > 0 {
			t.Errorf("%s: %v", name, h.told)
		}
	}
	// Somebody set the group back, and the runner has said that it began.
	h.streams[job.RunnerQueue("r1")] = views.Stream{Group: true, Waiting: h.entry(0)}
	h.turn()
	h.want("j2 stopped by system:stop")
}

func TestNobodyLooksWhileNothingIsToBeStopped(t *testing.T) {
	h := newHouse(t)
	for range 10 {
		h.turn()
	}
	if h.looks > 0 {
		t.Errorf("looked %d times", h.looks)
	}
}

// What runners take their time to stop hides nothing that waits behind it.
func TestAllStopsAreLookedAt(t *testing.T) {
	h := newHouse(t)
	for n := range 250 {
		h.stop(fmt.Sprintf("j%d", n), false)
	}
	h.streams[job.RunnerQueue("r1")] = views.Stream{Group: true, Waiting: h.entry(240)}
	turns := 1
	for h.turn() {
		turns++
	}
	if turns != 3 || len(h.told) != 10 {
		t.Errorf("%d jobs stopped in %d turns, want 10 in 3", len(h.told), turns)
	}
	h.trouble = errLost
	if _, err := h.stops.Turn(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("Turn = %v", err)
	}
}
