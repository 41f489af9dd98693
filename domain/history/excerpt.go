package history

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Part is some of the events of a commit, in order, each with the path that
// leads from it to the seal's root.
type Part struct {
	Entries []Entry
	Paths   [][]signing.Hash
	Seal    signing.Seal
}

// Excerpt checks parts of a log on their own, for whoever has no more of it:
// that every event stands at its place in a commit that a supervisor sealed, and
// that it was legal behind those of its aggregate.
//
// Statements and the events of a job must all be there from the first on, and
// with an outcome the bundle that reported it. Of a process the first bundle must
// be there, with what it caused; other bundles, and other processes of the
// runner, may be left out: there the supervisors' seals are believed. So is the
// order of commits between which some are left out, and that each was sealed by
// the supervisor who led. What is said of the log itself, the beginnings of terms
// and what was lost, has no place in an excerpt.
type Excerpt struct{ chain *Chain }

// NewExcerpt returns an excerpt before its first part, which holds the founding.
func NewExcerpt(namespace string, partition uint16, v *signing.Verifier) *Excerpt {
	return &Excerpt{NewChain(namespace, partition, v)}
}

// State returns what the parts that were checked say.
func (x *Excerpt) State() *State { return x.chain.State }

// Check checks the next part and folds it in. After an error, which is a
// [*Fault], the excerpt is of no further use.
func (x *Excerpt) Check(p *Part) error {
	c := x.chain
	c.asked.Reset()
	if err := x.checkSeal(p); err != nil {
		return Earlier(c.asked.Verify(c.verifier), err)
	}
	err := x.examine(p)
	return Earlier(c.asked.Verify(c.verifier), err)
}

func (x *Excerpt) examine(p *Part) error {
	c := x.chain
	k := &context{seal: p.Seal, latest: c.latest, joins: map[string]uint64{}, excerpt: true}
	for i := range p.Entries {
		e := &p.Entries[i]
		k.latest = max(k.latest, e.At)
		if kind := e.Aggregate.Kind; kind == event.Leader || kind == event.Log {
			return faultOf(e.Seq, illegal("%s in an excerpt", e.Type))
		}
		c.State.leap(e)
		if err := c.State.legal(e, k); err != nil {
			return faultOf(e.Seq, err)
		}
		c.State.Apply(e)
		c.State.spend(e)
		k.see(e)
		c.asked.add(e.Seq, k.checks...)
		k.checks = k.checks[:0]
	}
	c.latest = k.latest
	return k.end()
}

// leap brings a process or a runner that is known to be there up to the event
// before e, over those that the excerpt leaves out.
func (s *State) leap(e *Entry) {
	switch data := e.Data.(type) {
	case runner.Reported:
		if p := s.Processes[e.Aggregate.ID]; p.Version > 0 && e.Version > p.Version+1 {
			p.Version = e.Version - 1
			s.Processes[e.Aggregate.ID] = p
		}
	case runner.Joined:
		id := domain.Name(e.Aggregate.ID)
		if r := s.Runners[id]; e.Version > r.Version+1 {
			s.Runners[id] = runner.State{Version: e.Version - 1, Pin: data.Pin, Mode: data.Mode}
		}
	}
}

// checkSeal checks everything about a part's seal but its signature, which it
// collects, and moves the excerpt behind the commit.
func (x *Excerpt) checkSeal(p *Part) error {
	c, s := x.chain, &p.Seal
	at := max(s.First, c.next)
	switch {
	case s.Namespace != c.namespace || s.Partition != c.partition:
		return fault(at, "the seal is of another place")
	case len(p.Entries) == 0 || len(p.Paths) != len(p.Entries) || s.First < c.next:
		return fault(at, "the parts are not in order, or one is empty")
	case s.First == c.next && s.Prev != c.prev:
		return fault(at, "the seal does not follow the seal before it")
	case s.Term < c.term || s.Term == 0:
		return fault(at, "a seal of term %d follows one of term %d", s.Term, c.term)
	case s.Statements != c.State.Access.Statements:
		return fault(at, "the seal names %d statements before it; there are %d", s.Statements, c.State.Access.Statements)
	}
	latest, next := c.latest, s.First
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.Seq < next || e.Namespace != c.namespace || e.Partition != c.partition {
			return fault(max(e.Seq, next), "the event is of another place")
		}
		next, latest = e.Seq+1, max(latest, e.At)
		proof := signing.Proof{Event: e.Bytes, Seq: e.Seq, Path: p.Paths[i], Seal: *s}
		if err := proof.Check(); err != nil {
			return faultOf(e.Seq, err)
		}
	}
	key, err := x.sealKey(p, latest)
	if err != nil {
		return err
	}
	c.asked.add(s.First, s.Check(key))
	c.next, c.prev, c.term = s.Last()+1, s.Hash(), s.Term
	return nil
}

// sealKey finds the key that may seal at this place, as a chain does. A key that
// a commit's own first event vouches for is found only where that is there.
func (x *Excerpt) sealKey(p *Part, latest event.Time) (signing.PublicKey, error) {
	view := *x.chain
	view.latest = latest
	entries := p.Entries
	if entries[0].Seq != p.Seal.First {
		entries = []Entry{{}}
	}
	return view.sealKey(&Commit{Entries: entries, Seal: p.Seal})
}

// PartOf returns the part of a commit that has the entries with these indices,
// which grow.
func PartOf(c *Commit, indices ...int) *Part {
	leaves := make([]signing.Hash, len(c.Entries))
	for i := range c.Entries {
		leaves[i] = c.Entries[i].Hash
	}
	p := &Part{Seal: c.Seal}
	for _, i := range indices {
		p.Entries = append(p.Entries, c.Entries[i])
		p.Paths = append(p.Paths, signing.Path(leaves, i))
	}
	return p
}
