package timers_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/handlers/timers"
	"github.com/herocode/horus/integration/clocktest"
)

const lease = 9 * time.Second

var errLost = errors.New("the connection is gone")

// house is timers, the leader that they ask, and views that fold what it
// decides when they are told to. Nothing in it moves by itself.
type house struct {
	rapid.TB
	*eventstore.Leader
	*timers.Timers
	clocktest.Clock
	log   *memstore.Store
	term  uint64
	heard time.Duration // for how long runners have been

	fed     []*history.Commit // that the views have not folded
	views   map[job.ID]job.State
	entries []history.Entry // that they have
	looks   int
	trouble error
	fired   map[string]int
	doubted map[job.ID]int
}

func open(t rapid.TB) *house {
	h := &house{TB: t, log: memstore.New(), heard: time.Hour}
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

// lead makes another leader, and timers that know nothing yet, of what the log
// says.
func (h *house) lead() {
	h.Helper()
	holder, err := h.log.Holder(context.Background())
	h.must(err)
	h.term++
	h.must(h.log.Take(context.Background(), holder, eventstore.Holder{Term: h.term, Name: "s1"}))
	chain, tip := history.NewChain("horus", 0, signing.NewVerifier(8)), eventstore.Tip{}
	raws, err := h.log.Read(context.Background(), 0, 1<<20)
	h.must(err)
	reader := history.NewReader("horus", 0, 0)
	h.fed, h.views, h.entries = nil, map[job.ID]job.State{}, nil
	h.fired, h.doubted = map[string]int{}, map[job.ID]int{}
	for _, raw := range raws {
		c, err := reader.Next(raw)
		h.must(err)
		if c != nil {
			h.must(chain.Follow(c))
			h.fed = append(h.fed, c)
			tip = eventstore.Tip{Seq: raw.Seq, Seal: string(raw.Seal)}
		}
	}
	h.Leader = eventstore.NewLeader(eventstore.Config{
		Store: h.log, Index: h, Namespace: "horus", Name: "s1", Key: key(1), Verifier: signing.NewVerifier(8),
		Clock: h.Clock.Now, Indexed: func() uint64 { return uint64(len(h.entries)) },
		Feed: func(c *history.Commit) { h.fed = append(h.fed, c) },
	}, h.term, tip, chain)
	h.Timers = timers.New(timers.Config{
		Agenda: h, Ledger: h, Clock: h.Clock.Now, Heard: func() time.Duration { return h.heard }, Lease: lease,
		Doubt: func(id job.ID) { h.doubted[id]++ },
		Fired: func(kind string, n int) { h.fired[kind] += n }, Logger: slog.New(slog.DiscardHandler),
	})
	h.fold()
	begin, cancel := context.WithCancel(context.Background())
	cancel() // its answer is in the log below
	_ = h.Begin(begin, eventstore.Beginning{Founding: access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
	}})
	h.settle()
}

// settle appends what was decided, and folds it.
func (h *house) settle() {
	h.Helper()
	for before := -1; before != len(h.fed); {
		before = len(h.fed)
		_, err := h.Leader.Turn(context.Background())
		h.must(err)
	}
	h.fold()
}

// fold has the views catch up.
func (h *house) fold() {
	h.Helper()
	for _, c := range h.fed {
		var due event.Time
		for _, e := range c.Entries {
			h.entries = append(h.entries, e)
			data, ok := e.Data.(job.Event)
			if !ok {
				continue
			}
			id, err := job.ParseID(e.Aggregate.ID)
			h.must(err)
			fact := event.FactOf(e.Recorded, data, e.Seq, e.Hash)
			h.must(job.Legal(h.views[id], fact))
			s := job.Evolve(h.views[id], fact)
			h.views[id] = s
			if next := s.Next(s.Status); !next.IsZero() && (due.IsZero() || next < due) {
				due = next
			}
		}
		h.Folded(due, c.Seal.Last())
	}
	h.fed = nil
}

// Now is the time of the history.
func (h *house) Now() event.Time { return h.Leader.Now() }

// Propose decides, and appends at once.
func (h *house) Propose(ctx context.Context, w eventstore.Work) eventstore.Proposal {
	p := h.Leader.Propose(ctx, w)
	if _, err := h.Leader.Turn(ctx); err != nil && !errors.Is(err, errLost) {
		h.Fatal(err)
	}
	return p
}

// Find is the index of the leader.
func (h *house) Find(_ context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	found := make([][]uint64, len(aggregates))
	for i, a := range aggregates {
		for _, e := range h.entries {
			if e.Aggregate == a {
				found[i] = append(found[i], e.Seq)
			}
		}
	}
	return found, uint64(len(h.entries)), nil
}

// Due implements [timers.Agenda].
func (h *house) Due(_ context.Context, until event.Time, limit int) (due []job.ID, next event.Time, err error) {
	h.looks++
	type entry struct {
		at event.Time
		id job.ID
	}
	var all []entry
	for id, s := range h.views {
		if at := s.Next(s.Status); !at.IsZero() {
			all = append(all, entry{at, id})
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id.String(), b.id.String()))
	})
	for _, e := range all {
		if e.at > until || len(due) == limit {
			return due, e.at, h.trouble
		}
		due = append(due, e.id)
	}
	return due, 0, h.trouble
}

// ask asks a command of a job.
func (h *house) ask(id string, c func(tx *eventstore.Tx) job.Command) {
	h.Helper()
	parsed, err := job.ParseID(id)
	h.must(err)
	p := h.Leader.Propose(context.Background(), eventstore.Work{Aggregates: eventstore.Jobs(parsed), Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideJob(parsed, eventstore.By{Actor: event.ByRunner("r1")}, c(tx))
		return err
	}})
	h.must(p.Decided())
	h.settle()
}

// submit submits a job of some members.
func (h *house) submit(id, members string) {
	h.Helper()
	opened, err := job.Submission{Form: job.FormUnsigned, Doc: fmt.Appendf(nil, `{"id":%q,"payload":"x","runner":"r1"%s}`, id, members)}.Open()
	h.must(err)
	h.ask(id, func(tx *eventstore.Tx) job.Command {
		return job.Submit{Job: opened, Namespace: "horus", At: tx.Now(), By: event.ByRunner("r1")}
	})
}

// start has a runner begin the open attempt of a job.
func (h *house) start(id string) {
	h.Helper()
	h.ask(id, func(*eventstore.Tx) job.Command {
		return job.Start{Token: h.job(id).Token, Process: "p", By: event.ByRunner("r1")}
	})
}

// job is how the views show a job.
func (h *house) job(id string) job.State {
	h.Helper()
	parsed, err := job.ParseID(id)
	h.must(err)
	return h.views[parsed]
}

// turn turns once, and has the views catch up.
func (h *house) turn() {
	h.Helper()
	_, err := h.Timers.Turn(context.Background())
	h.must(err)
	h.fold()
}

// watch turns as a loop does for some time, with views that are never behind.
func (h *house) watch(d time.Duration) {
	h.Helper()
	for end := h.Clock.Now().Add(d); ; {
		for woken := true; woken; {
			h.turn()
			select {
			case <-h.Timers.Wake():
			default:
				woken = false
			}
		}
		left := end.Sub(h.Clock.Now())
		if left <= 0 {
			return
		}
		h.Pass(min(h.Rest(), left))
	}
}

// told says what happened to a job.
func (h *house) told(id string) string {
	text := ""
	for _, e := range h.entries {
		if e.Aggregate.ID == id {
			text += " " + e.Type[len("job."):]
		}
	}
	return text[min(1, len(text)):]
}

func (h *house) want(id, told string) {
	h.Helper()
	if got := h.told(id); got != told {
		h.Errorf("job %s after %s: %s; want %s", id, h.Clock.Now().Format("15:04:05.000"), got, told)
	}
}
