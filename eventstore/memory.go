package eventstore

import (
	"context"
	"slices"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Index finds the events of aggregates that are not in memory.
type Index interface {
	// Find returns, for each aggregate, the places of its events: all of a
	// job, the last one of any other kind, whose events carry all their
	// state. Nothing at through or before it is missing. An index that is
	// damaged answers an error, never too little.
	Find(ctx context.Context, aggregates []event.Aggregate) (found [][]uint64, through uint64, err error)
}

// maxHot is how many touches of aggregates are remembered before the oldest is
// forgotten: enough for every late report and repeated submit of some seconds
// under full load.
const maxHot = 100_000

// memory holds the aggregates that were decided about lately. Statements and
// the term are always in it. The leader's lock guards it.
type memory struct {
	state   *history.State
	touched map[event.Aggregate]uint64 // place of the last event; 0 for "never was"
	order   []touch                    // oldest first
	forgot  uint64                     // the highest place of what was forgotten
}

type touch struct {
	aggregate event.Aggregate
	seq       uint64
}

func newMemory(state *history.State) *memory {
	return &memory{state: state, touched: map[event.Aggregate]uint64{}}
}

// has reports whether the aggregate's state is known.
func (m *memory) has(a event.Aggregate) bool {
	if a.Kind == event.Access || a.Kind == event.Leader {
		return true
	}
	_, ok := m.touched[a]
	return ok
}

// keep remembers that the aggregate's last event is at seq.
func (m *memory) keep(a event.Aggregate, seq uint64) {
	m.touched[a] = seq
	m.order = append(m.order, touch{a, seq})
}

// forget drops what was touched longest ago. What the index has not passed
// stays, or a later look would miss it.
func (m *memory) forget(indexed uint64) {
	for len(m.order) > maxHot && m.order[0].seq <= indexed {
		t := m.order[0]
		m.order = m.order[1:]
		if m.touched[t.aggregate] != t.seq {
			continue // touched again since
		}
		delete(m.touched, t.aggregate)
		m.forgot = max(m.forgot, t.seq)
		switch t.aggregate.Kind {
		case event.Job:
			id, _ := job.ParseID(t.aggregate.ID) // was one when it was kept
			delete(m.state.Jobs, id)
		case event.Runner:
			delete(m.state.Runners, domain.Name(t.aggregate.ID))
		case event.Report:
			delete(m.state.Processes, t.aggregate.ID)
		case event.Access, event.Leader:
		}
	}
}

// recall folds the events of a cold aggregate.
func (m *memory) recall(a event.Aggregate, entries []history.Entry) error {
	if m.has(a) {
		return nil // somebody else was faster
	}
	var last uint64
	for i := range entries {
		e := &entries[i]
		whole := a.Kind != event.Job || e.Version == uint64(i)+1
		if e.Aggregate != a || !whole {
			return domain.Errorf(domain.Halted, "views_damaged", "the index names %s as an event of %s", e, a)
		}
		m.state.Apply(e)
		last = e.Seq
	}
	m.keep(a, last)
	return nil
}

// loader reads cold aggregates. Callers that come while a read is on its way
// travel together in the next one.
type loader struct {
	log      Log
	index    Index
	verifier *signing.Verifier
	reader   func(after uint64) *history.Reader

	running sync.Mutex // held by whoever reads

	mu   sync.Mutex
	next *loadBatch
}

type loadBatch struct {
	wanted []event.Aggregate
	done   bool // guarded by running
	loaded map[event.Aggregate][]history.Entry
	passed uint64
	err    error
}

// load returns the events of the aggregates and the place that the index had
// passed.
func (l *loader) load(ctx context.Context, wanted []event.Aggregate, keys access.State) (*loadBatch, error) {
	l.mu.Lock()
	if l.next == nil {
		l.next = &loadBatch{}
	}
	b := l.next
	b.wanted = append(b.wanted, wanted...)
	l.mu.Unlock()

	l.running.Lock()
	defer l.running.Unlock()
	if !b.done {
		l.mu.Lock()
		l.next = nil // later callers travel with the next one
		l.mu.Unlock()
		b.err = l.read(ctx, b, keys)
		b.done = true
	}
	return b, b.err
}

func (l *loader) read(ctx context.Context, b *loadBatch, keys access.State) error {
	found, passed, err := l.index.Find(ctx, b.wanted)
	if err != nil {
		return err
	}
	b.passed, b.loaded = passed, make(map[event.Aggregate][]history.Entry, len(b.wanted))
	proved := map[uint64]history.Entry{}
	for i, a := range b.wanted {
		entries := make([]history.Entry, 0, len(found[i]))
		for _, seq := range found[i] {
			if _, ok := proved[seq]; !ok {
				if err := l.prove(ctx, seq, keys, proved); err != nil {
					return err
				}
			}
			entries = append(entries, proved[seq])
		}
		b.loaded[a] = entries
	}
	return nil
}

// prove reads the commit around a place and checks its seal: what is decided
// about is what a supervisor sealed, whatever an index or a store says.
func (l *loader) prove(ctx context.Context, seq uint64, keys access.State, into map[uint64]history.Entry) error {
	raws, err := l.log.Read(ctx, seq-1, signing.MaxSealed)
	if err != nil {
		return err
	}
	end := slices.IndexFunc(raws, func(r history.Raw) bool { return len(r.Seal) > 0 })
	if end < 0 {
		return damaged(seq)
	}
	probe := l.reader(raws[end].Seq - 1)
	last, err := probe.Next(raws[end])
	if err != nil {
		return damaged(seq)
	}
	seal := last.Seal
	if seal.First < seq {
		if raws, err = l.log.Read(ctx, seal.First-1, int(seal.Count)); err != nil {
			return err
		}
	}
	reader := l.reader(seal.First - 1)
	var commit *history.Commit
	for _, raw := range raws[:min(int(seal.Count), len(raws))] {
		if commit, err = reader.Next(raw); err != nil {
			return damaged(seq)
		}
	}
	if commit == nil || !l.sealed(commit, keys) || seq > seal.Last() {
		return damaged(seq)
	}
	for _, e := range commit.Entries {
		into[e.Seq] = e
	}
	return nil
}

// sealed checks the root and the signature of one commit on its own.
func (l *loader) sealed(c *history.Commit, keys access.State) bool {
	leaves := make([]signing.Hash, len(c.Entries))
	var latest event.Time
	for i := range c.Entries {
		leaves[i], latest = c.Entries[i].Hash, max(latest, c.Entries[i].At)
	}
	key, ok := keys.Key(access.Supervisor, c.Seal.Key, latest)
	return ok && signing.Root(leaves) == c.Seal.Root && l.verifier.Verify(c.Seal.Check(key.Public))
}

func damaged(seq uint64) error {
	return domain.Errorf(domain.Halted, "log_damaged", "the log is damaged around seq %d: run horus audit verify", seq)
}

// jobAggregate names a job's aggregate.
func jobAggregate(id job.ID) event.Aggregate {
	return event.Aggregate{Kind: event.Job, ID: id.String()}
}

// runnerAggregate names a runner id's aggregate.
func runnerAggregate(id domain.Name) event.Aggregate {
	return event.Aggregate{Kind: event.Runner, ID: string(id)}
}

// processAggregate names the aggregate of what a process reported.
func processAggregate(id domain.Name, process string) event.Aggregate {
	return event.Aggregate{Kind: event.Report, ID: runner.AggregateID(id, process)}
}
