package eventstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// loader reads cold aggregates. Callers that come while a read is on its way
// travel together in the next one.
type loader struct {
	log      Log
	index    Index
	verifier *signing.Verifier
	reader   func(after uint64) *history.Reader

	await func(ctx context.Context, done <-chan struct{})

	mu sync.Mutex

	running *loadBatch // is read; nil while none is
	next    *loadBatch // gathers
}

// loadBatch is what callers that travel together want. Its results are final
// when done is closed.
type loadBatch struct {
	wanted []event.Aggregate
	done   chan struct{}
	loaded map[event.Aggregate][]history.Entry
	passed uint64
	err    error
}

// loadTimeout bounds one read of cold aggregates.
const loadTimeout = 10 * time.Second

// load returns the events of the aggregates and the place that the index had
// passed. The read is everybody's who travels with it, so it does not end with
// the context of the one who happens to make it.
func (l *loader) load(ctx context.Context, wanted []event.Aggregate, keys access.State) (*loadBatch, error) {
	ctx = context.WithoutCancel(ctx)
	b, before, first := l.join(wanted)
	if !first {
		l.await(ctx, b.done)
		return b, b.err
	}
	if before != nil {
		l.await(ctx, before.done)
	}
	l.mu.Lock()
	l.running, l.next = b, nil // later callers travel with the next one
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.running = nil
		l.mu.Unlock()
		close(b.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	b.err = l.read(ctx, b, keys)
	return b, b.err
}

// join adds to the batch that gathers. Its first caller reads it, when the one
// that is being read is done.
func (l *loader) join(wanted []event.Aggregate) (b, before *loadBatch, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first = l.next == nil; first {
		l.next = &loadBatch{done: make(chan struct{})}
	}
	l.next.wanted = append(l.next.wanted, wanted...)
	return l.next, l.running, first
}

func (l *loader) read(ctx context.Context, b *loadBatch, keys access.State) error {
	found, passed, err := l.index.Find(ctx, b.wanted)
	if err != nil {
		return fmt.Errorf("look up the events of %d aggregates: %w", len(b.wanted), err)
	}
	b.passed, b.loaded = passed, make(map[event.Aggregate][]history.Entry, len(b.wanted))
	proved, page := map[uint64]history.Entry{}, &page{log: l.log}
	for i, a := range b.wanted {
		entries := make([]history.Entry, 0, len(found[i]))
		for _, seq := range found[i] {
			if _, ok := proved[seq]; !ok {
				if err := l.prove(ctx, page, seq, keys, proved); err != nil {
					return err
				}
			}
			entries = append(entries, proved[seq])
		}
		b.loaded[a] = entries
	}
	return nil
}

// peek is how many entries are read to find the end of a commit, before as
// many as a commit may have: most commits are small, and an entry may not be.
const peek = 16

// prove reads the commit around a place and checks its seal: what is decided
// about is what a supervisor sealed, whatever an index or a store says.
func (l *loader) prove(ctx context.Context, page *page, seq uint64, keys access.State, into map[uint64]history.Entry) error {
	raws, end := page.toSeal(seq)
	if end < 0 {
		var err error
		if raws, end, err = readToSeal(ctx, l.log, seq); err != nil {
			return err
		}
		if end < 0 {
			return damaged(seq)
		}
		page.raws = raws
	}
	probe := l.reader(raws[end].Seq - 1)
	last, err := probe.Next(raws[end])
	if err != nil {
		return damaged(seq)
	}
	seal := last.Seal
	if seq < seal.First { // the entry is gone, and what follows is another commit
		return damaged(seq)
	}
	if seal.First < seq {
		if raws, err = page.from(ctx, seal.First, int(seal.Count)); err != nil {
			return fmt.Errorf("read the commit from %d: %w", seal.First, err)
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

// page is what was read of a log last. The events of a job that checkpoints
// often stand close together, between bundles that are large: without it, each
// bundle was read many times.
type page struct {
	log  Log
	raws []history.Raw // entries that stand behind each other
}

// toSeal returns the entries from a place on and the index of the first one with
// a seal; that is -1 when the page does not have both.
func (p *page) toSeal(seq uint64) (raws []history.Raw, end int) {
	if raws = p.behind(seq); raws == nil {
		return nil, -1
	}
	return raws, slices.IndexFunc(raws, func(r history.Raw) bool { return len(r.Seal) > 0 })
}

// from returns as many entries from a place on.
func (p *page) from(ctx context.Context, seq uint64, count int) ([]history.Raw, error) {
	if raws := p.behind(seq); len(raws) >= count {
		return raws, nil
	}
	return p.log.Read(ctx, seq-1, count)
}

// behind returns the page from a place on, nil if it has not that place.
func (p *page) behind(seq uint64) []history.Raw {
	at := slices.IndexFunc(p.raws, func(r history.Raw) bool { return r.Seq == seq })
	if at < 0 {
		return nil
	}
	return p.raws[at:]
}

// readToSeal reads from a place on, and finds the first entry with a seal; end
// is -1 when there is none where it must be.
func readToSeal(ctx context.Context, log Log, seq uint64) (raws []history.Raw, end int, err error) {
	for _, limit := range [...]int{peek, signing.MaxSealed} {
		if raws, err = log.Read(ctx, seq-1, limit); err != nil {
			return nil, -1, fmt.Errorf("read the log from %d: %w", seq, err)
		}
		end = slices.IndexFunc(raws, func(r history.Raw) bool { return len(r.Seal) > 0 })
		if end >= 0 {
			break
		}
	}
	return raws, end, nil
}

// sealed checks the root and the signature of one commit on its own. Its key is
// judged as of its place: what was sealed before a key ended, or was revoked,
// is what happened.
func (l *loader) sealed(c *history.Commit, keys access.State) bool {
	leaves := make([]signing.Hash, len(c.Entries))
	var latest event.Time
	for i := range c.Entries {
		leaves[i], latest = c.Entries[i].Hash, max(latest, c.Entries[i].At)
	}
	key, ok := keys.Sealer(&c.Seal, nil, latest)
	return ok && !keys.RevokedBefore(c.Seal.Key, c.Seal.First) && signing.Root(leaves) == c.Seal.Root && l.verifier.Verify(c.Seal.Check(key))
}

// damaged is a [history.Fault], so that whoever halts knows where to look for a
// cure.
func damaged(seq uint64) error {
	return &history.Fault{
		Seq: seq, Why: domain.Errorf(domain.Halted, "log_damaged", "the log is damaged around seq %d: run horus audit verify", seq),
	}
}
