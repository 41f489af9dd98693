package journal

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/proofs"
)

// place is where a reader stands between two commits.
type place struct {
	seq  uint64       // of the last event before it
	prev signing.Hash // of the seal before it
	sure bool         // prev is known; it is not behind a gap
}

// pageSize is how many entries one read of the log asks for.
const pageSize = 512

// commits returns commits that follow a place and are durable, none if there are
// none yet. news is closed when there is more. Errors are the log's, and
// [*history.Fault]s.
func (j *Journal) commits(ctx context.Context, at place) (found []*history.Commit, news <-chan struct{}, err error) {
	found, durable, news := j.after(at.seq)
	if len(found) > 0 || at.seq >= durable {
		return found, news, nil
	}
	found, err = j.fromLog(ctx, at, durable)
	return found, news, err
}

// fromLog reads a page of the log, and believes what its seals prove.
func (j *Journal) fromLog(ctx context.Context, at place, durable uint64) ([]*history.Commit, error) {
	raws, err := j.cfg.History.Read(ctx, at.seq, pageSize)
	reader := history.NewReader(string(j.cfg.Namespace), j.cfg.Partition, at.seq)
	var found []*history.Commit
	for _, raw := range raws {
		c, e := reader.Next(raw)
		if e == nil && c != nil {
			if c.Seal.Last() > durable {
				return found, nil // it is on its way
			}
			e = j.check(c, at)
		}
		if e != nil {
			err = history.Earlier(e, err)
			break
		}
		if c != nil {
			found = append(found, c)
			at = place{c.Seal.Last(), c.Seal.Hash(), true}
		}
	}
	switch {
	case len(found) > 0:
		return found, nil // an error is met again behind them
	case err != nil:
		return nil, err
	}
	return nil, fault(at.seq+1, "the log ends before seq %d, which it has acknowledged", durable)
}

// check checks that a commit is one that a supervisor sealed at this place.
// Whether it was decided well is for an auditor to say.
func (j *Journal) check(c *history.Commit, at place) error {
	s := &c.Seal
	key, known := j.cfg.Keys().Find(s.Key)
	question := s.Check(key.Public)
	switch {
	case s.First != at.seq+1 || uint64(len(c.Entries)) != uint64(s.Count):
		return fault(at.seq+1, "the seal is of %d events from %d; here are %d from %d", s.Count, s.First, len(c.Entries), at.seq+1)
	case at.sure && s.Prev != at.prev:
		return fault(s.First, "the seal does not follow the seal before it")
	case signing.Root(proofs.Leaves(c)) != s.Root:
		return fault(s.First, "the events up to %d are not those that were sealed", s.Last())
	case !known || key.Class != access.Supervisor || !signing.Verify(question.Key, question.Message, question.Signature):
		return fault(s.First, "the seal is of no supervisor")
	}
	return nil
}

func fault(seq uint64, format string, args ...any) error {
	return &history.Fault{Seq: seq, Why: domain.Errorf(domain.Halted, "tampered", format, args...)}
}

// resume returns where a subscription goes on that has a cursor: where it was,
// or, where the log lacks that, at the place at which the two part.
func (j *Journal) resume(ctx context.Context, c Cursor) (at place, handled uint64, err error) {
	from, err := eventstore.LostFrom(ctx, j.cfg.History, c.Seal)
	if domain.ReasonOf(err) == "log_rewritten" {
		// Nobody can say where within the term: all of it is read again.
		before := c.Seal
		before.Term--
		before.First, before.Count = 1<<53, 1
		from, err = eventstore.LostFrom(ctx, j.cfg.History, before)
	}
	switch {
	case err != nil:
		return place{}, 0, fmt.Errorf("look for seq %d in the log: %w", c.Seq, err)
	case from > 0:
		return place{seq: from - 1}, from - 1, nil
	}
	return place{c.Seal.First - 1, c.Seal.Prev, true}, c.Seq, nil
}
