package history

import (
	"errors"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Fault is why a log is not a history: the place of the first thing that is
// wrong, and what it is, always with [domain.Halted]. A commit is proved as a whole, so a changed event is
// placed at the first event of its commit unless it can be told which one it
// was.
type Fault struct {
	Seq uint64
	Why error
}

// Error returns "seq 7: why".
func (f *Fault) Error() string { return fmt.Sprintf("seq %d: %v", f.Seq, f.Why) }

// Unwrap returns why.
func (f *Fault) Unwrap() error { return f.Why }

func fault(seq uint64, format string, args ...any) error {
	return &Fault{seq, domain.Errorf(domain.Halted, "tampered", format, args...)}
}

// faultOf makes a fault of what a decoder or an aggregate said. What would be a
// caller's mistake in a request is nobody's in a log.
func faultOf(seq uint64, err error) error {
	if domain.CodeOf(err) != domain.Halted {
		err = domain.Errorf(domain.Halted, "tampered", "%v", err)
	}
	return &Fault{seq, err}
}

// Chain checks a partition's log from its founding on, or from a place that is
// known to be good. It is not safe for concurrent use.
type Chain struct {
	State *State

	namespace string
	partition uint16
	verifier  *signing.Verifier
	next      uint64       // place of the next event
	prev      signing.Hash // of the last seal
	term      uint64       // of the last seal
	latest    event.Time   // latest time that any event bears
	ends      ends
	asked     Signatures // of the last commit
	leaves    []signing.Hash
}

// NewChain returns a chain before the first event.
func NewChain(namespace string, partition uint16, v *signing.Verifier) *Chain {
	return &Chain{State: NewState(), namespace: namespace, partition: partition, verifier: v, next: 1}
}

// Head is the place up to which a chain was followed.
type Head struct {
	Seq    uint64       // of the last event; 0 before the first
	Seal   signing.Hash // hash of the last seal; zero before the first
	Term   uint64       // of the last seal
	Latest event.Time   // latest time that any event bears
}

// Head returns how far the chain was followed.
func (c *Chain) Head() Head { return Head{c.next - 1, c.prev, c.term, c.latest} }

// SetHead makes the chain go on after a place that the caller knows to be good.
// Where terms before the head's ended is not known then.
func (c *Chain) SetHead(h Head) {
	c.next, c.prev, c.term, c.latest = h.Seq+1, h.Seal, h.Term, h.Latest
	c.ends = ends{unknown: h.Term}
	c.ends.extend(h.Term, h.Seq)
}

// Check checks the next commit and folds it in: the seal and what it seals,
// the chain, every signature with keys as of their place, and that every event
// was a legal transition. After an error, which is a [*Fault], the chain is of
// no further use.
func (c *Chain) Check(commit *Commit) error {
	signatures, err := c.Examine(commit)
	return Earlier(signatures.Verify(c.verifier), err)
}

// Examine is Check but for the signatures, which it returns for the caller to
// verify, perhaps together with those of other commits: until they hold,
// nothing is proved. They are good until the next call. With an error come
// those that were found before it: one of them that does not hold is the
// earlier fault.
func (c *Chain) Examine(commit *Commit) (Signatures, error) {
	// A key may end between two events of a commit: each event is judged as of
	// its own place.
	k := &context{seal: commit.Seal, latest: c.latest, ends: &c.ends, joins: map[string]uint64{}}
	if err := c.checkSeal(commit); err != nil {
		return c.asked, err
	}
	for i := range commit.Entries {
		e := &commit.Entries[i]
		k.latest = max(k.latest, e.At)
		if err := c.State.legal(e, k); err != nil {
			return c.asked, faultOf(e.Seq, err)
		}
		c.State.Apply(e)
		c.State.spend(e)
		k.see(e)
		c.asked.add(e.Seq, k.checks...)
		k.checks = k.checks[:0]
	}
	if err := k.end(); err != nil {
		return c.asked, err
	}
	return c.asked, nil
}

// Follow checks the seal and the chain only and folds in the statements and
// terms. It is what a reader needs who trusts that a supervisor decided well
// but not that Redis kept it.
func (c *Chain) Follow(commit *Commit) error {
	if err := c.FollowOwn(commit); err != nil {
		return err
	}
	return c.asked.Verify(c.verifier)
}

// FollowOwn is Follow but for the seal's signature. It is for a commit that was
// sealed in this process and never left it: nobody can have changed it.
func (c *Chain) FollowOwn(commit *Commit) error {
	if err := c.checkSeal(commit); err != nil {
		return err
	}
	for i := range commit.Entries {
		if e := &commit.Entries[i]; e.Aggregate.Kind == event.Access || e.Aggregate.Kind == event.Leader {
			c.State.Apply(e)
		}
	}
	return nil
}

// checkSeal checks everything about a seal but its signature, which it
// collects, and moves the chain behind the commit.
func (c *Chain) checkSeal(commit *Commit) error {
	s := &commit.Seal
	c.asked.Reset()
	switch {
	case s.Namespace != c.namespace || s.Partition != c.partition:
		return fault(c.next, "the seal is of another place")
	case len(commit.Entries) == 0 || s.First != c.next || uint64(len(commit.Entries)) != uint64(s.Count):
		return fault(c.next, "the seal is of %d events from %d; here are %d from %d", s.Count, s.First, len(commit.Entries), c.next)
	case s.Prev != c.prev:
		return fault(s.First, "the seal does not follow the seal before it")
	case s.Term < c.term || s.Term == 0:
		return fault(s.First, "a seal of term %d follows one of term %d", s.Term, c.term)
	case s.Term == c.State.Term.Term && s.Key != c.State.Term.Key:
		return fault(s.First, "term %d is not led by key %s", s.Term, s.Key)
	case s.Statements != c.State.Access.Statements:
		return fault(s.First, "the seal names %d statements before it; there are %d", s.Statements, c.State.Access.Statements)
	}
	c.leaves = c.leaves[:0]
	for i := range commit.Entries {
		e := &commit.Entries[i]
		if e.Seq != s.First+uint64(i) || e.Namespace != c.namespace || e.Partition != c.partition {
			return fault(e.Seq, "the event is of another place")
		}
		c.latest = max(c.latest, e.At)
		c.leaves = append(c.leaves, e.Hash)
	}
	if signing.Root(c.leaves) != s.Root {
		return fault(s.First, "the events up to %d are not those that were sealed", s.Last())
	}
	key, err := c.sealKey(commit)
	if err != nil {
		return err
	}
	c.asked.add(s.First, s.Check(key))
	c.next, c.prev, c.term = s.Last()+1, s.Hash(), s.Term
	c.ends.extend(s.Term, s.Last())
	return nil
}

// sealKey finds the key that may seal at this place. The founding names its
// own.
func (c *Chain) sealKey(commit *Commit) (signing.PublicKey, error) {
	s, first := &commit.Seal, &commit.Entries[0]
	fact, isStatement := FactOf[access.Event](first)
	if s.First == 1 {
		founded, ok := first.Data.(access.Founded)
		if !ok || founded.Key.ID() != s.Key || string(founded.Namespace) != c.namespace {
			return signing.PublicKey{}, fault(1, "the log does not begin with the founding of %s, sealed by the key that it names", c.namespace)
		}
		return founded.Key, nil
	}
	var statement *event.Fact[access.Event]
	if isStatement {
		statement = &fact
	}
	key, ok := c.State.Access.Sealer(s, statement, c.latest)
	if !ok {
		return signing.PublicKey{}, fault(s.First, "key %s may not seal: it is unknown here, of another class, not valid at the time, or revoked", s.Key)
	}
	return key, nil
}

// Raw is one log entry as a store hands it out: an event's bytes, and the seal
// when the entry ends a commit.
type Raw struct {
	Seq   uint64
	Event []byte
	Seal  []byte // wire form; empty but on the last entry of a commit
}

// Reader puts raw entries together to commits.
type Reader struct {
	namespace string
	partition uint16
	next      uint64
	pending   []Entry
	size      int // of the last commit: the next is often as large
}

// NewReader returns a reader of the entries after a place.
func NewReader(namespace string, partition uint16, after uint64) *Reader {
	return &Reader{namespace: namespace, partition: partition, next: after + 1}
}

// Parsed is a raw entry whose event was read.
type Parsed struct {
	Raw

	entry Entry
	err   error
}

// Parse reads the event of a raw entry. That is most of the work of reading a
// log and needs nothing that stands before the entry, so it may be done ahead
// and of many entries at once. What is wrong with the event is for the reader
// that takes it to say.
func Parse(raw Raw) Parsed {
	e, err := ParseEntry(raw.Seq, raw.Event)
	return Parsed{raw, e, err}
}

// Next takes the next raw entry and returns the commit that it ends, or nil.
// Errors are [*Fault]s.
func (r *Reader) Next(raw Raw) (*Commit, error) {
	p := Parse(raw)
	return r.Take(&p)
}

// Take is [Reader.Next] of an entry that was parsed.
func (r *Reader) Take(p *Parsed) (*Commit, error) {
	if p.Seq != r.next {
		return nil, fault(r.next, "the event here bears the number %d", p.Seq)
	}
	if p.err != nil {
		return nil, faultOf(p.Seq, p.err)
	}
	r.next++
	if r.pending == nil {
		r.pending = make([]Entry, 0, r.size)
	}
	r.pending = append(r.pending, p.entry)
	if len(p.Seal) == 0 {
		if len(r.pending) >= signing.MaxSealed {
			return nil, fault(r.pending[0].Seq, "no seal within %d events", signing.MaxSealed)
		}
		return nil, nil
	}
	seal, err := signing.ParseSeal(r.namespace, r.partition, p.Seal)
	if err != nil {
		return nil, faultOf(p.Seq, err)
	}
	commit := &Commit{Entries: r.pending, Seal: seal}
	r.pending, r.size = nil, len(r.pending)
	return commit, nil
}

// End reports an error when entries are left that no seal covers.
func (r *Reader) End() error {
	if len(r.pending) == 0 {
		return nil
	}
	return fault(r.pending[0].Seq, "%d events at the end are not sealed", len(r.pending))
}

// IsFault reports whether err says that a log is not a history, and where.
func IsFault(err error) (seq uint64, ok bool) {
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		return 0, false
	}
	return f.Seq, true
}
