// Package logs is the read model of what jobs write: for each piece of output,
// where in the log its runner's report of it stands. The lines themselves are
// read from there.
//
//	page, err := reader.Lines(ctx, id, after, 100) // lines after+1, after+2, …
package logs

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/views"
)

// MaxPieces is how many pieces of output the views keep of a job: as many as its
// runner sends of it in two days without a pause. What comes after them is in
// the history alone.
const MaxPieces = 1 << 20

// Limits of a page.
const (
	MaxLines  = 5000
	maxPieces = 32 // bundles that one page is read from: 8 MiB at most
)

// Line is one line of a job's output.
type Line struct {
	Number  uint64 // among all lines of the job, from 1
	Attempt uint32 // that wrote it
	At      event.Time
	Stream  runner.Stream
	Text    string
}

// Page is a part of a job's output.
type Page struct {
	Lines []Line
	Total uint64     // lines that there are by now
	State job.Status // of the job: when it is terminal, no more will come
}

// Reader reads output of one partition's jobs. It is safe for concurrent use.
type Reader struct {
	Jobs  *jobs.Reader
	Views views.Reader
	Log   eventstore.Log
}

// Lines returns at most limit lines behind a number. It returns some as long
// as that is below Total, if not always as many as it may. Its errors are those
// of [jobs.Reader.Record], and [domain.NotFound] with the reason "deleted".
func (r *Reader) Lines(ctx context.Context, id job.ID, after uint64, limit int) (Page, error) {
	record, err := r.Jobs.Record(ctx, id)
	if err == nil {
		err = record.Deleted()
	}
	if err != nil {
		return Page{}, err
	}
	page := Page{Total: record.Lines, State: record.Status}
	if after >= record.Lines {
		return page, nil
	}
	refs, err := r.refs(ctx, &record, after)
	if err != nil {
		if now, again := r.Jobs.Record(ctx, id); again == nil && now.Status == job.Erased {
			return Page{}, now.Deleted() // since the first look
		}
		return Page{}, fmt.Errorf("look for output of job %s: %w", id, err)
	}
	limit = min(max(limit, 1), MaxLines)
	for i := range refs { // the log is not read for lines that do not fit
		if refs[i].First > after+uint64(limit) {
			refs = refs[:i]
			break
		}
	}
	if page.Lines, err = r.read(ctx, id, refs); err != nil {
		return Page{}, fmt.Errorf("read output of job %s: %w", id, err)
	}
	page.Lines = slices.DeleteFunc(page.Lines, func(l Line) bool { return l.Number <= after })
	page.Lines = page.Lines[:min(len(page.Lines), limit)]
	return page, nil
}

// refs returns references from the piece on that holds the line behind after.
// Each look is at as many pieces as a page is read from, so that a million of
// them take four before the last.
func (r *Reader) refs(ctx context.Context, record *jobs.Record, after uint64) ([]Ref, error) {
	low, high := uint64(0), record.Pieces // around the piece
	for high-low > maxPieces {
		var at []uint64
		step := (high-low)/maxPieces + 1
		for n := low + step; n < high; n += step {
			at = append(at, n)
		}
		refs, err := r.at(ctx, record, at)
		if err != nil {
			return nil, err
		}
		behind := sort.Search(len(at), func(i int) bool { return refs[i].First > after+1 })
		if behind < len(at) {
			high = at[behind]
		}
		if behind > 0 {
			low = at[behind-1]
		}
	}
	var at []uint64
	for n := low; n < min(low+2*maxPieces, record.Pieces); n++ {
		at = append(at, n)
	}
	refs, err := r.at(ctx, record, at)
	first := sort.Search(len(refs), func(i int) bool { return refs[i].First+refs[i].Count > after+1 })
	return refs[first:min(len(refs), first+maxPieces)], err
}

// at returns the references of some pieces.
func (r *Reader) at(ctx context.Context, record *jobs.Record, pieces []uint64) ([]Ref, error) {
	var q views.Query
	for _, n := range pieces {
		q.Fields = append(q.Fields, views.Field{Table: views.Logs, Name: FieldName(record.Submitted(), n)})
	}
	look, err := r.Views.Look(ctx, q)
	if err != nil {
		return nil, err
	}
	refs := make([]Ref, len(look.Values))
	for i, data := range look.Values {
		if refs[i], err = ParseRef(data); err != nil {
			return nil, fmt.Errorf("%w: %w", views.ErrDamaged, err)
		}
	}
	return refs, nil
}

// read reads the lines that references name.
func (r *Reader) read(ctx context.Context, id job.ID, refs []Ref) ([]Line, error) {
	seqs := make([]uint64, len(refs))
	for i := range refs {
		seqs[i] = refs[i].Seq
	}
	seqs = slices.Compact(seqs)
	raws, err := r.Log.Get(ctx, seqs)
	if err != nil {
		return nil, err
	}
	bundles := make(map[uint64]*runner.Bundle, len(raws))
	for _, raw := range raws {
		if bundles[raw.Seq], err = bundle(raw); err != nil {
			return nil, err
		}
	}
	var lines []Line
	for _, ref := range refs {
		b := bundles[ref.Seq]
		if ref.Index >= len(b.Reports) {
			return nil, misplaced(ref.Seq)
		}
		piece, ok := b.Reports[ref.Index].(runner.Log)
		if !ok || piece.Job != id || uint64(len(piece.Lines)) != ref.Count {
			return nil, misplaced(ref.Seq)
		}
		for i, l := range piece.Lines {
			lines = append(lines, Line{ref.First + uint64(i), ref.Attempt, l.At, l.Stream, l.Text})
		}
	}
	return lines, nil
}

func bundle(raw history.Raw) (*runner.Bundle, error) {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil {
		return nil, misplaced(raw.Seq)
	}
	reported, ok := e.Data.(runner.Reported)
	if !ok {
		return nil, misplaced(raw.Seq)
	}
	return reported.Bundle()
}

func misplaced(seq uint64) error {
	return domain.Errorf(domain.Halted, "views_damaged", "the views look for output at %d, and the log has something else there", seq)
}
