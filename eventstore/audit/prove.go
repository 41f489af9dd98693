package audit

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Prove verifies a history as [Verify] does, and takes out of it what proves one
// job. There is no proof when the verdict is not good, and an error with
// [domain.NotFound] when the history has no such job.
//
// It holds in memory, besides what Verify does, the statements and how each
// process joined that did not leave.
func Prove(ctx context.Context, source Source, o Options, id job.ID) (*Proof, Verdict, error) {
	g := gatherer{job: id, parts: map[uint64]*history.Part{}, joins: map[string]*history.Part{}}
	seen := o.Seen
	o.Seen = func(c *history.Commit) {
		g.see(c)
		if seen != nil {
			seen(c)
		}
	}
	verdict, err := Verify(ctx, source, o)
	if err != nil || !verdict.Finding.Proved() {
		return nil, verdict, err
	}
	if g.version == 0 {
		return nil, verdict, domain.Errorf(domain.NotFound, "job", "no job %s was submitted up to seq %d of %s",
			id, verdict.Seq, place(o.Namespace, o.Partition))
	}
	return &Proof{Namespace: o.Namespace, Partition: o.Partition, Job: id, Version: g.version, Parts: g.gathered()}, verdict, nil
}

// gatherer takes parts out of a log that go into a proof.
type gatherer struct {
	job     job.ID
	version uint64                   // of the job's last event
	last    uint64                   // place of the commit that holds it
	parts   map[uint64]*history.Part // by the place of the commit
	joins   map[string]*history.Part // how each process joined, by the id of its reports
}

func (g *gatherer) see(c *history.Commit) {
	var take []int
	for i := range c.Entries {
		e := &c.Entries[i]
		switch data := e.Data.(type) {
		case access.Event:
			take = append(take, i)
		case runner.Joined:
			g.join(c, i, data)
		case runner.Left:
			delete(g.joins, runner.AggregateID(domain.Name(e.Aggregate.ID), data.Process))
		case job.Event:
			if e.Aggregate.ID == g.job.String() {
				take = append(take, g.follow(c, i)...)
			}
		}
	}
	if len(take) > 0 {
		slices.Sort(take)
		g.keep(history.PartOf(c, slices.Compact(take)...))
	}
}

// join remembers how a process joined: its first bundle, and what that caused.
func (g *gatherer) join(c *history.Commit, i int, data runner.Joined) {
	id := runner.AggregateID(domain.Name(c.Entries[i].Aggregate.ID), data.Process)
	if first := slices.IndexFunc(c.Entries, func(e history.Entry) bool {
		return e.Aggregate == event.Aggregate{Kind: event.Report, ID: id}
	}); first >= 0 {
		g.joins[id] = history.PartOf(c, first, i)
	}
}

// follow takes an event of the job, the bundle that caused it, and how the
// bundle's process joined.
func (g *gatherer) follow(c *history.Commit, i int) []int {
	e := &c.Entries[i]
	g.version, g.last = e.Version, c.Seal.First
	reported, ok := reportOf(c.Entries, e)
	if !ok {
		return []int{i}
	}
	if join := g.joins[c.Entries[reported.entry].Aggregate.ID]; join != nil {
		g.keep(join)
	}
	return []int{i, reported.entry}
}

// keep puts a part to the others.
func (g *gatherer) keep(p *history.Part) {
	old := g.parts[p.Seal.First]
	if old == nil {
		g.parts[p.Seal.First] = &history.Part{Entries: slices.Clone(p.Entries), Paths: slices.Clone(p.Paths), Seal: p.Seal}
		return
	}
	for i := range p.Entries {
		at, found := slices.BinarySearchFunc(old.Entries, p.Entries[i].Seq, func(e history.Entry, seq uint64) int {
			return cmp.Compare(e.Seq, seq)
		})
		if !found {
			old.Entries = slices.Insert(old.Entries, at, p.Entries[i])
			old.Paths = slices.Insert(old.Paths, at, p.Paths[i])
		}
	}
}

// gathered returns the parts up to the job's last event, in order.
func (g *gatherer) gathered() []*history.Part {
	var parts []*history.Part
	for _, first := range slices.Sorted(maps.Keys(g.parts)) {
		if first <= g.last {
			parts = append(parts, g.parts[first])
		}
	}
	return parts
}

// report is what caused an event of a job.
type report struct {
	entry int // index of the bundle among the entries
	key   signing.KeyID
	says  runner.Report
}

// reportOf finds what a job's event names as its cause among the entries of its
// commit; ok is false when it names no report, or it is not there.
func reportOf(entries []history.Entry, e *history.Entry) (r report, ok bool) {
	cause, ok := runner.ParseCause(e.Cause)
	if !ok {
		return r, false
	}
	id := runner.AggregateID(cause.Runner, cause.Process)
	for i := range entries {
		reported, ok := entries[i].Data.(runner.Reported)
		if !ok || entries[i].Aggregate.ID != id {
			continue
		}
		if b, err := reported.Bundle(); err == nil && b.Number == cause.Number && cause.Index < len(b.Reports) {
			return report{i, reported.Signed.Key, b.Reports[cause.Index]}, true
		}
	}
	return r, false
}
