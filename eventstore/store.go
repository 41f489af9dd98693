// Package eventstore keeps a partition's signed history in order and lets one
// leader at a time add to it.
//
// A [Store] keeps bytes. A [Leader] holds a term, decides from memory and
// gathers what was decided while one commit is on its way into the next; its
// Execute is the only thing in Horus that appends.
package eventstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// Errors that say what a Store kept. Any other error of a writing call means
// that nobody knows: the call may have been carried out and may yet be. The
// caller asks the same again, or reads, before it believes anything.
var (
	// ErrConflict means that nothing was written: the term is not the
	// leader's, or the log or lease is not as the caller expected.
	ErrConflict = errors.New("conflict: the log or its lease is not as expected")
	// ErrRefused means that nothing was written because the store cannot
	// take it now (out of memory, loading, read-only). Later may be better.
	ErrRefused = errors.New("refused: the store cannot take writes now")
	// ErrTruncated is an ErrRefused that will not pass: entries were deleted
	// from the end of the log, and the store takes none in their place until the
	// log was cut there.
	ErrTruncated = fmt.Errorf("%w: entries were deleted from the end of the log", ErrRefused)
	// ErrNotDurable means that the log holds what it held, but that too few of
	// those who must have it said so in time: it may be lost with the one who
	// has it.
	ErrNotDurable = errors.New("not durable: too few replicas have the end of the log")
)

// Store is one partition's log and lease. Its calls are safe for concurrent
// use, but a leader has one Append on its way at a time.
type Store interface {
	Log
	Lease
	Cutter
}

// Log is an ordered list of events, numbered 1, 2, 3, ... without a gap.
type Log interface {
	// Append adds a commit if term is the lease's and the log ends with
	// after, and nothing otherwise. It is all or nothing.
	//
	// nil means that the commit is the end of the log, as durable as the
	// store by itself is set to be; on how many replicas it is, [Syncer.Sync]
	// says. The same call again, after an error that left the outcome open,
	// answers nil when the commit was kept and is still the end of the log.
	Append(ctx context.Context, term uint64, after Tip, c Batch) error
	// Tip returns the end of the log as a reader sees it now.
	Tip(ctx context.Context) (Tip, error)
	// Read returns at most limit entries after a place, in order; fewer only
	// at the end of the log. The bytes belong to the caller.
	Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error)
	// Get returns the entries with those numbers, in that order; an entry
	// that is not there has no Event.
	Get(ctx context.Context, seqs []uint64) ([]history.Raw, error)
}

// Tip is the end of a log: the last entry's number and its seal in wire form.
// The zero Tip is an empty log.
type Tip struct {
	Seq  uint64
	Seal string
}

// Batch is a commit on its way: events that follow each other, and the seal
// over all of them.
type Batch struct {
	First  uint64
	Events [][]byte
	Seal   []byte
}

// Tip returns the end of a log after the batch was appended to it.
func (b *Batch) Tip() Tip { return Tip{b.First + uint64(len(b.Events)) - 1, string(b.Seal)} }

// Check reports why no log that ends with after can take the batch: a commit is
// 1 to [signing.MaxSealed] events that begin behind after, none of them empty,
// and a seal. The error wraps [ErrConflict].
func (b *Batch) Check(after Tip) error {
	empty := func(event []byte) bool { return len(event) == 0 }
	switch {
	case b.First != after.Seq+1:
		return fmt.Errorf("a commit from %d behind a log that ends with %d: %w", b.First, after.Seq, ErrConflict)
	case len(b.Events) < 1 || len(b.Events) > signing.MaxSealed:
		return fmt.Errorf("a commit of %d events: %w", len(b.Events), ErrConflict)
	case len(b.Seal) == 0 || slices.ContainsFunc(b.Events, empty):
		return fmt.Errorf("a commit with an empty event or without a seal: %w", ErrConflict)
	}
	return nil
}

// Syncer is a store that others hold copies of, which take over when it is lost.
type Syncer interface {
	// Sync asks whether enough of the copies have the log up to a place, and
	// waits for that, but not for long. nil means that the log has the entry
	// there under that seal, and so have the copies, which follow in order: that
	// commit and whatever was before it is durable. [ErrNotDurable] means that
	// nothing changed, and that a later Sync may find all of it there.
	// ErrConflict means that the term is over, or that the log lacks the place:
	// a copy took over that did not have it. Any other error says nothing; the
	// call may be made again as often as one likes.
	Sync(ctx context.Context, term uint64, through Tip) error
}

// Cutter takes an end away from a log that no history can go on from.
type Cutter interface {
	// Cut removes everything behind a place if term is the lease's and the
	// log has the entry there under that seal, and makes the next commit fit
	// behind it; the zero Tip is no place. nil means that the log ends there.
	// ErrConflict means that nothing more was removed, as when a commit of the
	// term itself stands behind the place: a cut comes before what a term
	// appends, and this is one that is late. A crash, or any other
	// error, may leave a part of it removed, from the end backwards: the same
	// call again removes the rest.
	Cut(ctx context.Context, term uint64, after Tip) error
}

// Lease says who may append. It does not expire: a leader raises its beat, and
// whoever sees the beat stand still for long enough on his own clock may take
// the lease from it.
type Lease interface {
	// Holder returns who holds the lease: without a name, but with its term,
	// when the last holder gave it back, and zero when nobody ever did.
	Holder(ctx context.Context) (Holder, error)
	// Take makes next the holder if the lease is still as seen, and from
	// then on nothing of an older term is written. Terms grow: next.Term is
	// above seen.Term. ErrConflict means that somebody else was faster, that
	// the seen holder lives, or that this is the second time of asking: whoever
	// never saw the first reply waits until his own beat stood still.
	Take(ctx context.Context, seen, next Holder) error
	// Beat raises the holder's beat. ErrConflict means that the term is over.
	Beat(ctx context.Context, term uint64) error
	// Release gives the lease back, so that the next leader need not wait. Its
	// term writes nothing more. ErrConflict means that the term was over.
	Release(ctx context.Context, term uint64) error
}

// Holder is who holds a lease.
type Holder struct {
	Term uint64
	Name string // empty when it was given back
	Beat uint64
}
