package engine

import (
	"context"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// feed holds commits that the leader appended and nobody folded yet.
type feed struct {
	wake chan struct{}

	mu sync.Mutex

	commits []*history.Commit
	bytes   int
	end     uint64 // place of the last event that was ever offered
}

// Offer hands over a commit that this process sealed and that is in the log.
// Commits come in order; one that finds no room, or was left out, is read from
// the log. It never blocks.
func (e *Engine) Offer(c *history.Commit) {
	f := &e.feed
	size := sizeOf(c)
	f.mu.Lock()
	f.end = max(f.end, c.Seal.Last())
	if len(f.commits) < maxOffered && f.bytes+size <= maxOfferBytes {
		f.commits = append(f.commits, c)
		f.bytes += size
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Wake receives when Turn has something to do.
func (e *Engine) Wake() <-chan struct{} { return e.feed.wake }

func (f *feed) last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// take removes and returns the commits that follow a place, as many as fit one
// transaction.
func (f *feed) take(after uint64) []*history.Commit {
	f.mu.Lock()
	defer f.mu.Unlock()
	var taken []*history.Commit
	var room room
	for len(f.commits) > 0 {
		c := f.commits[0]
		if c.Seal.Last() > after {
			if c.Seal.First != after+1 || !room.fits(c) {
				break
			}
			room.add(c)
			taken = append(taken, c)
			after = c.Seal.Last()
		}
		f.bytes -= sizeOf(c)
		f.commits[0], f.commits = nil, f.commits[1:]
	}
	return taken
}

// room is how much a transaction holds already.
type room struct{ events, bytes int }

// fits reports whether a commit still fits. The first one always does.
func (r *room) fits(c *history.Commit) bool {
	return r.events == 0 || r.events+len(c.Entries) <= maxTurnEvents && r.bytes+sizeOf(c) <= maxTurnBytes
}

func (r *room) add(c *history.Commit) {
	r.events += len(c.Entries)
	r.bytes += sizeOf(c)
}

func sizeOf(c *history.Commit) int {
	size := 0
	for i := range c.Entries {
		size += len(c.Entries[i].Bytes)
	}
	return size
}

// step is a commit that was followed, and what was true behind it.
type step struct {
	commit *history.Commit
	access access.State
	head   history.Head
}

// next returns what is to be folded: from memory if it is there without a gap,
// else from the log.
func (e *Engine) next(ctx context.Context) ([]step, error) {
	if e.broken != nil {
		return nil, e.broken
	}
	head := e.chain.Head().Seq
	if commits := e.feed.take(head); len(commits) > 0 {
		e.reader = nil
		return e.follow(commits, e.chain.FollowOwn)
	}
	if e.feed.last() <= head {
		return nil, nil
	}
	return e.fromLog(ctx)
}

// fromLog reads the commits that follow, as many as fit one transaction, and
// none at the end of the log.
func (e *Engine) fromLog(ctx context.Context) ([]step, error) {
	if e.broken != nil {
		return nil, e.broken
	}
	if e.reader == nil {
		e.readTo = e.chain.Head().Seq
		e.reader = history.NewReader(string(e.cfg.Namespace), e.cfg.Partition, e.readTo)
	}
	var commits []*history.Commit
	var room room
	for {
		raws, err := e.cfg.Log.Read(ctx, e.readTo, pageSize)
		if _, isFault := history.IsFault(err); err != nil && !isFault {
			e.reader = nil // what it held is read again
			return nil, err
		}
		joined, unfit := e.join(raws)
		for _, c := range joined {
			commits = append(commits, c)
			room.add(c)
		}
		if unfit != nil {
			err = unfit
		}
		switch {
		case err != nil: // is met again behind the commits that are good
			e.reader = nil
			steps, broken := e.follow(commits, e.chain.Follow)
			return steps, pick(len(steps) == 0, history.Earlier(broken, err))
		case len(raws) < pageSize && len(commits) == 0:
			return nil, e.reader.End()
		case len(raws) < pageSize, e.limit != 0 && e.readTo >= e.limit,
			room.events > maxTurnEvents/2, room.bytes > maxTurnBytes/2:
			return e.follow(commits, e.chain.Follow)
		}
	}
}

// join puts entries together, up to the limit.
func (e *Engine) join(raws []history.Raw) ([]*history.Commit, error) {
	var commits []*history.Commit
	for _, raw := range raws {
		if e.limit != 0 && e.readTo >= e.limit {
			break
		}
		c, err := e.reader.Next(raw)
		if err != nil {
			return commits, err
		}
		e.readTo = raw.Seq
		if c != nil {
			commits = append(commits, c)
		}
	}
	return commits, nil
}

// pick returns err if it counts.
func pick(counts bool, err error) error {
	if counts {
		return err
	}
	return nil
}

// follow checks commits and returns those before the first that is wrong. The
// error of that one comes alone, with the next call.
func (e *Engine) follow(commits []*history.Commit, check func(*history.Commit) error) ([]step, error) {
	steps := make([]step, 0, len(commits))
	for _, c := range commits {
		err := check(c)
		if err == nil && c.Seal.First == 1 {
			err = e.checkFounding(c.Entries[0].Hash)
		}
		if err != nil {
			e.broken = err // a chain is of no use behind a fault
			return steps, pick(len(steps) == 0, err)
		}
		e.seal = c.Seal
		steps = append(steps, step{c, e.chain.State.Access, e.chain.Head()})
	}
	return steps, nil
}

// checkFounding refuses a history that the caller does not trust.
func (e *Engine) checkFounding(fingerprint signing.Hash) error {
	if want := e.cfg.Founding; !want.IsZero() && want != fingerprint {
		return domain.Errorf(domain.Halted, "founding",
			"the log begins with another founding (%s) than the one that is trusted (%s)", fingerprint, want)
	}
	e.founding = fingerprint
	return nil
}
