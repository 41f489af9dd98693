package jobs

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
)

// Limits of a list.
const (
	MaxPage   = 1000    // jobs of one page
	maxScan   = 10_000  // jobs that are looked at for one page
	scanChunk = 100     // of them at a time
	maxBytes  = 4 << 20 // of events that one page is read from
)

// Filter says which jobs a list is about. The zero Filter is all of them but
// those that were deleted, which no list shows.
type Filter struct {
	States   []job.Status // any of them; empty for all
	Runner   domain.Name  // that a job asks for, or that took it
	Executor domain.Name  // that a job asks for
	Queues   []job.Queue  // any of them; empty for all

	Failure     job.FailureKind // that a job failed by
	EndedBefore event.Time      // when a job had its outcome
}

// Page is a part of a list, newest submission first.
type Page struct {
	Jobs    []Job  // without what they returned
	Next    string // cursor of the page that follows; empty at the end
	Through uint64 // the list is of jobs submitted up to this place in the log
}

// List returns the jobs of a filter behind a cursor, which is empty for the
// first page. A page may have fewer jobs than limit, even none, and yet not be
// the last. A cursor that no List returned is [domain.Invalid] with the reason
// "cursor".
func (r *Reader) List(ctx context.Context, f Filter, cursor string, limit int) (Page, error) {
	below, err := parseCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	limit = min(max(limit, 1), MaxPage)
	if len(f.States) == 0 {
		f.States = job.Statuses()
	}
	f.States = slices.DeleteFunc(slices.Clone(f.States), func(s job.Status) bool { return s == job.Erased })
	var page Page
	for scanned, bytes := 0, 0; scanned < maxScan && bytes < maxBytes; {
		seqs, through, err := r.below(ctx, f.States, below)
		if err != nil {
			return Page{}, err
		}
		page.Through = cmp.Or(page.Through, through)
		found, size, err := r.load(ctx, seqs)
		if err != nil {
			return Page{}, err
		}
		scanned, bytes = scanned+len(seqs), bytes+size
		for i := range found {
			if below = seqs[i]; !f.holds(&found[i]) {
				continue
			}
			if page.Jobs = append(page.Jobs, found[i]); len(page.Jobs) == limit {
				page.Next = appendCursor(below)
				return page, nil
			}
		}
		if len(seqs) < scanChunk {
			return page, nil
		}
	}
	page.Next = appendCursor(below)
	return page, nil
}

// below returns the places of the submissions that come next.
func (r *Reader) below(ctx context.Context, states []job.Status, below uint64) (seqs []uint64, through uint64, err error) {
	var q views.Query
	for _, s := range states {
		q.Lists = append(q.Lists, views.Range{Status: s, Below: below, Limit: scanChunk})
	}
	look, err := r.Views.Look(ctx, q)
	if err != nil {
		return nil, 0, fmt.Errorf("list jobs: %w", err)
	}
	seqs = slices.Concat(look.Lists...)
	slices.SortFunc(seqs, func(a, b uint64) int { return cmp.Compare(b, a) })
	seqs = slices.Compact(seqs)
	return seqs[:min(len(seqs), scanChunk)], look.Position.Seq, nil
}

// load reads jobs by the places of their submissions, and returns how many
// bytes of the log that took.
func (r *Reader) load(ctx context.Context, seqs []uint64) (found []Job, size int, err error) {
	if len(seqs) == 0 {
		return nil, 0, nil
	}
	raws, err := r.Log.Get(ctx, seqs)
	if err != nil {
		return nil, 0, fmt.Errorf("list jobs: %w", err)
	}
	found = make([]Job, len(seqs))
	fields := make([]views.Field, len(seqs))
	for i, raw := range raws {
		size += len(raw.Event)
		if err := found[i].open(raw); err != nil {
			return nil, 0, err
		}
		fields[i] = views.Field{Table: views.Jobs, Name: found[i].ID.String()}
	}
	look, err := r.Views.Look(ctx, views.Query{Fields: fields})
	if err != nil {
		return nil, 0, fmt.Errorf("list jobs: %w", err)
	}
	for i, data := range look.Values {
		if found[i].Record, err = ParseRecord(data); err != nil {
			return nil, 0, fmt.Errorf("list jobs: %w: %w", views.ErrDamaged, err)
		}
	}
	return found, size, nil
}

// holds reports whether a job is one that the filter means.
func (f *Filter) holds(j *Job) bool {
	return slices.Contains(f.States, j.Status) &&
		(f.Runner == "" || j.Spec.Runner == f.Runner || j.Runner == f.Runner) &&
		(f.Executor == "" || j.Spec.Executor == f.Executor) &&
		(len(f.Queues) == 0 || slices.Contains(f.Queues, j.Spec.Queue())) &&
		(f.Failure == "" || j.Failure == f.Failure) &&
		(f.EndedBefore.IsZero() || !j.Ended.IsZero() && j.Ended < f.EndedBefore)
}

// appendCursor writes the place below which the next page begins.
func appendCursor(below uint64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendUint([]byte("s"), below, 10))
}

func parseCursor(cursor string) (below uint64, err error) {
	if cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(raw) > 1 {
		below, err = strconv.ParseUint(string(raw[1:]), 10, 64)
	}
	if err != nil || below == 0 || appendCursor(below) != cursor {
		return 0, domain.Errorf(domain.Invalid, "cursor", "a cursor is what the page before returned as next")
	}
	return below, nil
}
