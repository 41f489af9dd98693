package eventstore

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// LostFrom reports from which place on a log lacks what led to a seal that
// somebody remembers as appended. It is 0 when the log has the seal, and else
// the place behind the last commit of the seal's term, or of one before it, that
// the log has: what was written since is of later leaders, who did not know.
//
// It reads some twenty commits and does not judge them: an auditor does. Errors
// are the log's, and [domain.Halted] with the reason log_emptied when there is
// nothing left at all, log_damaged when the log cannot be read where it is
// looked at, and log_rewritten when it has another commit of the same time in
// the place of the one that is remembered, which no loss explains.
func LostFrom(ctx context.Context, log Log, remembered signing.Seal) (from uint64, err error) {
	tip, err := log.Tip(ctx)
	switch {
	case err != nil:
		return 0, fmt.Errorf("look for seal %d: %w", remembered.Last(), err)
	case tip.Seq == 0:
		return 0, domain.Errorf(domain.Halted, "log_emptied", "the log is empty, but it held %d events", remembered.Last())
	}
	there, err := log.Get(ctx, []uint64{remembered.Last()})
	if err != nil {
		return 0, fmt.Errorf("look for seal %d: %w", remembered.Last(), err)
	}
	if string(there[0].Seal) == string(remembered.Append(nil)) {
		return 0, nil
	}
	s := search{log, remembered}
	last, err := s.lastUpTo(ctx, remembered.Term, tip.Seq)
	if err != nil {
		return 0, err
	}
	if last >= remembered.Last() {
		return 0, domain.Errorf(domain.Halted, "log_rewritten",
			"the log has another commit at seq %d than the one that is remembered: run horus audit verify", remembered.Last())
	}
	return last + 1, nil
}

// search reads commits of a log here and there.
type search struct {
	log  Log
	like signing.Seal // of the same place
}

// lastUpTo returns the last place of any commit of a term up to the one that is
// given; 0 if the first is of a later one. Terms never fall within a log.
func (s *search) lastUpTo(ctx context.Context, term, end uint64) (uint64, error) {
	var low uint64 // is of such a term, or before the first place
	for low < end {
		seal, err := s.sealAround(ctx, low+(end-low+1)/2)
		switch {
		case err != nil:
			return 0, err
		case seal.First <= low || seal.Last() > end: // overlaps what is known: no log has this
			return 0, damaged(seal.First)
		case seal.Term <= term:
			low = seal.Last()
		default:
			end = seal.First - 1
		}
	}
	return low, nil
}

// sealAround returns the seal of the commit that holds a place.
func (s *search) sealAround(ctx context.Context, seq uint64) (signing.Seal, error) {
	raws, end, err := readToSeal(ctx, s.log, seq)
	if _, strange := history.IsFault(err); strange || err == nil && end < 0 {
		return signing.Seal{}, damaged(seq)
	}
	if err != nil {
		return signing.Seal{}, err
	}
	seal, err := signing.ParseSeal(s.like.Namespace, s.like.Partition, raws[end].Seal)
	if err != nil || seal.Last() != raws[end].Seq || seal.First > seq {
		return signing.Seal{}, damaged(seq)
	}
	return seal, nil
}
