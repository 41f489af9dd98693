package presence_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/handlers/presence"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/runnersdk/queue"
)

var errLost = errors.New("the connection is gone")

// house is a watch, the leader that it asks, and the signs of life. Nothing in
// it moves by itself.
type house struct {
	rapid.TB
	*eventstore.Leader
	watch *presence.Watch
	logs  bytes.Buffer
	now   time.Time
	mem   *memstore.Store
	term  uint64

	beats   map[string]string
	pages   int   // that the hash is read in
	trouble error // of reading the signs
	numbers uint64
	refused error // by the leader
}

func open(t rapid.TB) *house {
	h := &house{TB: t, mem: memstore.New(), now: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), beats: map[string]string{}, pages: 1}
	h.lead()
	return h
}

func key(n byte) signing.PrivateKey {
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return k
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// commits proves the log and returns what is in it, and the chain behind it.
func (h *house) commits() (all []*history.Commit, chain *history.Chain, tip eventstore.Tip) {
	h.Helper()
	raws, err := h.mem.Read(context.Background(), 0, 1<<20)
	h.must(err)
	chain, reader := history.NewChain("horus", 0, signing.NewVerifier(8)), history.NewReader("horus", 0, 0)
	for _, raw := range raws {
		c, err := reader.Next(raw)
		h.must(err)
		if c == nil {
			continue
		}
		h.must(chain.Check(c))
		all = append(all, c)
		tip = eventstore.Tip{Seq: raw.Seq, Seal: string(raw.Seal)}
	}
	return all, chain, tip
}

// lead makes another leader, and a watch that has seen nothing yet.
func (h *house) lead() {
	h.Helper()
	holder, err := h.mem.Holder(context.Background())
	h.must(err)
	_, chain, tip := h.commits()
	h.term++
	h.must(h.mem.Take(context.Background(), holder, eventstore.Holder{Term: h.term, Name: "s1"}))
	h.Leader = eventstore.NewLeader(eventstore.Config{
		Store: h.mem, Index: h, Namespace: "horus", Name: "s1", Key: key(1), Verifier: signing.NewVerifier(8),
		Clock: func() time.Time { return h.now }, Indexed: func() uint64 { return tip.Seq }, Feed: func(*history.Commit) {},
	}, h.term, tip, chain)
	h.watch = presence.New(presence.Config{
		Pulses: h, Roster: h.roster, Ledger: h, Clock: func() time.Time { return h.now },
		Logger: slog.New(slog.NewTextHandler(&h.logs, nil)),
	})
	begin, cancel := context.WithCancel(context.Background())
	cancel() // its answer is in the log below
	_ = h.Begin(begin, eventstore.Beginning{Founding: access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
	}})
	_, err = h.Leader.Turn(context.Background())
	h.must(err)
}

// Find is the index of the leader: the log itself.
func (h *house) Find(_ context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	found := make([][]uint64, len(aggregates))
	all, _, tip := h.commits()
	for i, a := range aggregates {
		for _, c := range all {
			for _, e := range c.Entries {
				if e.Aggregate == a {
					found[i] = []uint64{e.Seq}
				}
			}
		}
	}
	return found, tip.Seq, nil
}

// Execute implements [presence.Ledger]: it appends at once.
func (h *house) Execute(ctx context.Context, w eventstore.Work) error {
	if h.refused != nil {
		return h.refused
	}
	p := h.Propose(ctx, w)
	_, err := h.Leader.Turn(ctx)
	h.must(err)
	return p.Wait(ctx)
}

// Page implements [runners.Beats].
func (h *house) Page(_ context.Context, cursor uint64) (map[string]string, uint64, error) {
	if h.trouble != nil {
		return nil, 0, h.trouble
	}
	fields := slices.Sorted(maps.Keys(h.beats))
	page := map[string]string{}
	for i, field := range fields {
		if i%h.pages == int(cursor) { //nolint:gosec // few
			page[field] = h.beats[field]
		}
	}
	if cursor++; int(cursor) == h.pages { //nolint:gosec // few
		cursor = 0
	}
	return page, cursor, nil
}

// Drop implements [presence.Pulses].
func (h *house) Drop(_ context.Context, fields []string) error {
	for _, field := range fields {
		delete(h.beats, field)
	}
	return h.trouble
}

// roster is what views show of the log.
func (h *house) roster(context.Context) ([]runners.Runner, error) {
	of := map[domain.Name]map[string]*runners.Process{}
	all, _, _ := h.commits()
	for _, c := range all {
		for i := range c.Entries {
			e := &c.Entries[i]
			fact, ok := history.FactOf[runner.Event](e)
			id := domain.Name(e.Aggregate.ID)
			if !ok {
				continue
			}
			if of[id] == nil {
				of[id] = map[string]*runners.Process{}
			}
			switch data := fact.Data.(type) {
			case runner.Joined:
				p := runners.Join(data, e.At)
				of[id][data.Process] = &p
			case runner.Left:
				delete(of[id], data.Process)
			default:
				if process, ok := runner.Seen(data); ok {
					of[id][process].Apply(e.At, data)
				}
			}
		}
	}
	var found []runners.Runner
	for _, id := range slices.Sorted(maps.Keys(of)) {
		r := runners.Runner{ID: id}
		for _, name := range slices.Sorted(maps.Keys(of[id])) {
			r.Processes = append(r.Processes, *of[id][name])
		}
		found = append(found, r)
	}
	return found, nil
}

// report records a bundle of a process of r1, and what it decides.
func (h *house) report(process string, number uint64, report runner.Report) {
	h.Helper()
	b := &runner.Bundle{Namespace: "horus", Runner: "r1", Process: process, Number: number, Reports: []runner.Report{report}}
	signed := b.Sign(key(5))
	cause := runner.Cause{Runner: "r1", Process: process, Number: number}
	by := eventstore.By{Actor: event.ByRunner("r1"), Cause: cause.String()}
	h.must(h.Execute(context.Background(), eventstore.Work{
		Aggregates: eventstore.Process("r1", process),
		Decide: func(tx *eventstore.Tx) error {
			if _, err := tx.Report(signed, b); err != nil {
				return err
			}
			if join, joins := report.(runner.Join); joins {
				return tx.DecideRunner("r1", by, runner.JoinAs{
					Join: join, Process: process, FirstUse: true,
					Marks: []runner.Mark{{Queue: runner.Queues("r1", nil)[0], Seq: 1}},
				})
			}
			return tx.DecideRunner("r1", by, runner.Go{Process: process})
		},
	}))
}

func (h *house) join(process string) {
	h.Helper()
	h.report(process, 1, runner.Join{Key: key(5).Public(), Slots: 4})
}

func (h *house) leave(process string) { h.Helper(); h.report(process, 2, runner.Leave{}) }

// beat lets processes of r1 show that they live.
func (h *house) beat(processes ...string) {
	for _, process := range processes {
		h.numbers++
		b := queue.Beat{Runner: "r1", Process: process, Number: h.numbers, Free: 2}
		h.beats[b.Field()] = b.Value()
	}
}

// pass lets time pass while these processes live and the watch turns.
func (h *house) pass(d time.Duration, living ...string) {
	h.Helper()
	for end := h.now.Add(d); h.now.Before(end); h.now = h.now.Add(presence.Every) {
		if h.now.Unix()%2 == 0 {
			h.beat(living...)
		}
		h.turn()
	}
}

func (h *house) turn() {
	h.Helper()
	if _, err := h.watch.Turn(context.Background()); err != nil && !errors.Is(err, errLost) {
		h.Fatal(err)
	}
}

// told says what was recorded of processes, in order.
func (h *house) told() string {
	h.Helper()
	var told []string
	all, _, _ := h.commits()
	for _, c := range all {
		for i := range c.Entries {
			fact, ok := history.FactOf[runner.Event](&c.Entries[i])
			if !ok {
				continue
			}
			if process, ok := runner.Seen(fact.Data); ok {
				told = append(told, process+" "+strings.TrimPrefix(fact.Data.EventName(), "runner."))
			}
		}
	}
	return strings.Join(told, ", ")
}

func (h *house) want(told string) {
	h.Helper()
	if got := h.told(); got != told {
		h.Errorf("after %s: %q, want %q", h.now.Format("15:04:05"), got, told)
	}
}
