package audit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
)

// Source is a log from its first entry to an end that does not move.
type Source interface {
	// Next returns the next entries, in order. With the last of them, or after
	// them, comes [io.EOF]. A [*history.Fault] says that the log is not one
	// that a store wrote, and where; any other error that the rest cannot be
	// read. The entries that come with an error stand before it.
	Next(ctx context.Context) ([]history.Raw, error)
	// End is the place of the last entry.
	End() uint64
}

// Log is what an audit needs of an [eventstore.Log].
type Log interface {
	Tip(ctx context.Context) (eventstore.Tip, error)
	Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error)
}

// page is how many entries are read at once: one round trip, and a few hundred
// kilobytes in memory.
const page = 256

// FromLog returns a log as it is now. What is appended meanwhile is not looked
// at, so a running system can be audited; what is cut off meanwhile is a fault.
// The error is that of reading the log's end.
func FromLog(ctx context.Context, log Log) (Source, error) {
	tip, err := log.Tip(ctx)
	if f, ok := errors.AsType[*history.Fault](err); ok {
		// Reading up to there may find an earlier one.
		return &logSource{log: log, end: f.Seq, strange: f}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the end of the log: %w", err)
	}
	return &logSource{log: log, end: tip.Seq}, nil
}

type logSource struct {
	log     Log
	at, end uint64
	strange *history.Fault // what is wrong with the entry at the end
}

// End is the place of the last entry.
func (s *logSource) End() uint64 { return s.end }

// Next reads a page.
func (s *logSource) Next(ctx context.Context) ([]history.Raw, error) {
	if s.at >= s.end {
		return nil, s.ended()
	}
	raws, err := s.log.Read(ctx, s.at, page)
	for i, raw := range raws {
		if raw.Seq > s.end {
			return raws[:i], s.ended()
		}
		s.at = raw.Seq
	}
	if f, ok := errors.AsType[*history.Fault](err); ok {
		return raws, s.misplaced(f)
	}
	if err != nil {
		return raws, fmt.Errorf("read the log behind seq %d: %w", s.at, err)
	}
	if len(raws) == 0 {
		return nil, fault(s.at+1, "the log ends at seq %d; when it was looked at first, it ended at %d", s.at, s.end)
	}
	return raws, nil
}

func (s *logSource) ended() error {
	if s.strange != nil {
		return s.misplaced(s.strange)
	}
	return io.EOF
}

// misplaced says about an entry that no store wrote where it stands: behind the
// last that one did. Its own number may be any.
func (s *logSource) misplaced(f *history.Fault) error {
	return &history.Fault{Seq: s.at + 1, Why: f.Why}
}
