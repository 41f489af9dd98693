package eventstore

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/term"
)

// How leadership passes on.
const (
	// BeatEvery is how often a leader raises its beat.
	BeatEvery = 500 * time.Millisecond
	// TakeAfter is how long a beat must stand still, on the stand-by's own
	// clock, before the lease may be taken: four missed beats.
	TakeAfter = 2 * time.Second
	// maxTerm is the highest number that events can hold.
	maxTerm = 1<<53 - 1
)

// Candidate wants to lead. It watches the lease on its own clock, because the
// store's may jump. It is not safe for concurrent use.
type Candidate struct {
	Lease Lease
	Name  domain.Name
	Clock func() time.Time // time.Now in production; its monotonic part is used
	// Known is the highest term that was ever seen, here or in the log: a lease
	// that was deleted does not remember it.
	Known uint64
	// Urgent makes the next Try take the lease from whoever holds it: its holder
	// does not know what the candidate knows. It is false again afterwards.
	Urgent bool

	seen  Holder
	since time.Time
}

// Try looks at the lease once and takes it if nobody holds it or its holder
// stood still for [TakeAfter]. It returns the new term, or 0 when somebody
// else leads; the caller tries again about every [BeatEvery].
//
// A reply to Take that was lost leaves a lease in our name whose beat nobody
// raises: the next tries see it stand still and take it again with a higher
// term.
func (c *Candidate) Try(ctx context.Context) (newTerm uint64, err error) {
	asked := c.Clock()
	holder, err := c.Lease.Holder(ctx)
	if err != nil {
		c.since = time.Time{}
		return 0, err
	}
	now := c.Clock()
	// Also of terms that it does not take over: a store that comes back with an
	// older copy of itself has forgotten them, and no term may be given twice.
	c.Known = max(c.Known, holder.Term)
	// A store that answers late, or not, may have kept the holder's beats from
	// being raised: what was not watched did not stand still.
	if holder != c.seen || c.since.IsZero() || now.Sub(asked) > BeatEvery {
		c.seen, c.since = holder, now
	}
	if holder.Name != "" && now.Sub(c.since) < TakeAfter && !c.Urgent {
		return 0, nil
	}
	next := Holder{Term: term.Next(c.Known, event.At(now), c.salt(now)), Name: string(c.Name)}
	if next.Term <= c.Known || next.Term > maxTerm {
		return 0, domain.Errorf(domain.Halted, "lease_term",
			"the lease bears term %d, behind which there is no other: somebody edited it; delete its key", c.Known)
	}
	err = c.Lease.Take(ctx, holder, next)
	switch {
	case errors.Is(err, ErrConflict):
		c.since = time.Time{}
		return 0, nil
	case err != nil:
		c.Known = next.Term // perhaps
		return 0, err
	}
	c.Known, c.Urgent = next.Term, false
	return next.Term, nil
}

// salt is another number for each supervisor at each time.
func (c *Candidate) salt(now time.Time) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendInt([]byte(c.Name), now.UnixNano(), 10)) // never fails
	return h.Sum64()
}

// Leading returns who was seen to hold the lease.
func (c *Candidate) Leading() string { return c.seen.Name }

// LeadingIn returns the term in which.
func (c *Candidate) LeadingIn() uint64 { return c.seen.Term }
