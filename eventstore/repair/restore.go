package repair

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
)

// Splice is a log as it will be: a copy, and behind its end what the log that is
// to be repaired has there. It is read once, in order.
type Splice struct {
	log  audit.Log
	copy audit.Source
	end  uint64
	page []history.Raw // of the copy, not yet read
}

// NewSplice returns the copy continued by the log. The error is that of reading
// the log's end.
func NewSplice(ctx context.Context, copied audit.Source, log audit.Log) (*Splice, error) {
	s := &Splice{log: log, copy: copied, end: copied.End()}
	tip, err := log.Tip(ctx)
	if _, strange := history.IsFault(err); err != nil && !strange {
		return nil, err
	}
	s.end = max(s.end, tip.Seq)
	return s, nil
}

// Tip returns the end of the log as it will be, without its seal.
func (s *Splice) Tip(context.Context) (eventstore.Tip, error) { return eventstore.Tip{Seq: s.end}, nil }

// Read returns the entries that follow.
func (s *Splice) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	if len(s.page) == 0 && after < s.copy.End() {
		var err error
		if s.page, err = s.copy.Next(ctx); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if len(s.page) == 0 {
		return s.log.Read(ctx, after, limit)
	}
	n := min(limit, len(s.page))
	raws := s.page[:n]
	s.page = s.page[n:]
	return raws, nil
}

// Restore makes the log end with what is good and appends what a source has
// behind that, commit by commit. The source is a whole history that verifies.
// Told is called after each commit with the place that was reached. Errors are
// the store's and the source's, and [domain.Conflict] when the source has
// another history, or nothing, behind what is good, or the log has grown since
// the diagnosis: then nothing is changed.
//
// A crash leaves a log that is good and shorter than the source: the same again
// goes on. The caller holds the lease with that term.
func (d *Diagnosis) Restore(ctx context.Context, store eventstore.Store, term uint64, source audit.Source, told func(seq uint64)) error {
	if d.Good.Seq == 0 && d.End > 0 {
		return errNothingGood
	}
	if err := d.upToDate(ctx, store); err != nil {
		return err
	}
	r := restoration{Diagnosis: d, store: store, term: term, end: d.Good, told: told}
	for {
		raws, err := source.Next(ctx)
		for _, raw := range raws {
			if err := r.take(ctx, raw); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) && !r.cut:
			return domain.Errorf(domain.Conflict, "short_copy", "the copy ends before the place that is damaged, behind seq %d", d.Good.Seq)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// restoration is one Restore on its way.
type restoration struct {
	*Diagnosis
	store  eventstore.Store
	term   uint64
	end    eventstore.Tip // of the log, once it is cut
	cut    bool
	commit eventstore.Batch
	told   func(seq uint64)
}

// take appends the commit that an entry ends.
func (r *restoration) take(ctx context.Context, raw history.Raw) error {
	switch {
	case raw.Seq == r.Good.Seq && string(raw.Seal) != r.Good.Seal:
		return domain.Errorf(domain.Conflict, "other_history", "the copy is of another history: it differs at seq %d, which is good here", raw.Seq)
	case raw.Seq <= r.Good.Seq:
		return nil
	}
	if len(r.commit.Events) == 0 {
		r.commit.First = raw.Seq
	}
	r.commit.Events = append(r.commit.Events, raw.Event)
	if len(raw.Seal) == 0 {
		return nil
	}
	r.commit.Seal = raw.Seal
	if err := r.cutOnce(ctx); err != nil {
		return err
	}
	if err := r.store.Append(ctx, r.term, r.end, r.commit); err != nil {
		return fmt.Errorf("put back seq %d to %d: %w", r.commit.First, raw.Seq, err)
	}
	r.end, r.commit = r.commit.Tip(), eventstore.Batch{}
	r.told(r.end.Seq)
	return nil
}

// cutOnce takes away what is in doubt.
func (r *restoration) cutOnce(ctx context.Context) error {
	if r.cut || r.Good.Seq == 0 {
		r.cut = true
		return nil
	}
	r.cut = true
	return r.store.Cut(ctx, r.term, r.Good)
}

var errNothingGood = domain.Errorf(domain.Conflict, "nothing_good",
	"not even the founding verifies: rename the log's key on Redis, so that a copy can take its place")
