package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
)

// suspect is a value that differed when it was looked at. The leader may have
// been changing it at that moment.
type suspect struct {
	table  views.Table
	status job.Status // of a list; None for a table
	due    bool       // a due time: neither
	name   string
}

// compare looks for values that differ between the old and the new generation,
// and for some that only one of them has. The leader goes on changing the old
// one, so a difference is only suspected until both are at the same place; a
// value that was equal once stays equal, because the same events follow on both
// sides. What a has and b has not is found by another walk.
func (r *rebuild) compare(ctx context.Context, a, b uint64) error {
	for _, t := range views.Tables() {
		err := views.Walk(ctx, r.cfg.Views, a, t, func(page []views.Value) error { return r.comparePage(ctx, b, page) })
		if err = r.noKey(t.String(), err); err != nil {
			return err
		}
	}
	for _, s := range job.Statuses() {
		err := views.WalkList(ctx, r.cfg.Views, a, s, func(page []uint64) error { return r.compareList(ctx, b, s, page) })
		if err = r.noKey(suspect{status: s}.key(), err); err != nil {
			return err
		}
	}
	err := views.WalkDue(ctx, r.cfg.Views, a, func(page []views.DueEntry) error { return r.compareDue(ctx, b, page) })
	return r.noKey(suspect{due: true}.key(), err)
}

// noKey notes a key that holds something else than a table or a list. What else
// differs in there does not matter any more.
func (r *rebuild) noKey(key string, err error) error {
	if !errors.Is(err, views.ErrDamaged) {
		return err
	}
	if r.strange == nil {
		r.strange = &Difference{Key: key, Old: "something else"}
	}
	maps.DeleteFunc(r.suspects, func(s suspect, _ bool) bool { return s.key() == key })
	return nil
}

// complete reports whether the old generation has as much as the new one, now
// that both are at the same place: with nothing in it that the new one has not,
// both have the same.
func (r *rebuild) complete(ctx context.Context, at views.Position) (bool, error) {
	look, err := r.cfg.Views.Look(ctx, views.Query{Count: true})
	if errors.Is(err, views.ErrDamaged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	want := &r.filler.pos.Census
	same := look.Fields == want.Fields && look.Listed == want.Fields[views.Jobs] && look.Timers == want.Due
	return look.Position != at || same, nil
}

// maxSuspects bounds what is looked at again: where so much differs, the first
// difference is as good as any.
const maxSuspects = 100_000

func (r *rebuild) suspect(s suspect) {
	if len(r.suspects) < maxSuspects {
		r.suspects[s] = true
	}
}

// comparePage compares a page with what another generation has.
func (r *rebuild) comparePage(ctx context.Context, other uint64, page []views.Value) error {
	fields := make([]views.Field, len(page))
	for i := range page {
		fields[i] = page[i].Field
	}
	values, err := r.writer.Read(ctx, other, fields)
	if err != nil {
		return err
	}
	for i, f := range fields {
		r.report.Compared++
		volatile := f.Table >= views.Runners // equal now by chance, perhaps
		if volatile || !bytes.Equal(values[i], page[i].Data) {
			r.suspect(suspect{table: f.Table, name: f.Name})
		}
	}
	return nil
}

func (r *rebuild) compareList(ctx context.Context, other uint64, s job.Status, page []uint64) error {
	members := make([]views.Listing, len(page))
	for i, seq := range page {
		members[i] = views.Listing{Status: s, Seq: seq}
	}
	listed, err := r.cfg.Views.Listed(ctx, other, members)
	if err != nil {
		return err
	}
	for i, seq := range page {
		r.report.Compared++
		if !listed[i] {
			r.suspect(suspect{status: s, name: strconv.FormatUint(seq, 10)})
		}
	}
	return nil
}

func (r *rebuild) compareDue(ctx context.Context, other uint64, page []views.DueEntry) error {
	names := make([]string, len(page))
	for i, d := range page {
		names[i] = d.Job.String()
	}
	due, err := r.cfg.Views.DueOf(ctx, other, names)
	if err != nil {
		return err
	}
	for i, d := range page {
		r.report.Compared++
		if due[i] != d.At {
			r.suspect(suspect{due: true, name: names[i]})
		}
	}
	return nil
}

// suspectPage is how many suspects are looked at again at a time.
const suspectPage = 500

// compareAgain looks at suspects again, now that both generations are at the
// same place, and returns the first that still differs. What it says is true if
// nobody touches the position until the next commit.
func (r *rebuild) compareAgain(ctx context.Context, old uint64) (*Difference, error) {
	first := r.strange
	sorted := slices.SortedFunc(maps.Keys(r.suspects), func(a, b suspect) int {
		return cmp.Or(cmp.Compare(a.status, b.status), cmp.Compare(a.key(), b.key()), cmp.Compare(a.name, b.name))
	})
	for page := range slices.Chunk(sorted, suspectPage) {
		have, err := r.look(ctx, old, page)
		if err != nil {
			return nil, err
		}
		want, err := r.look(ctx, r.report.Generation, page)
		if err != nil {
			return nil, err
		}
		for i, s := range page {
			switch {
			case bytes.Equal(have[i], want[i]):
				delete(r.suspects, s)
			case first == nil:
				first = &Difference{s.key(), s.name, s.text(have[i]), s.text(want[i])}
			}
		}
	}
	return first, nil
}

func (s suspect) key() string {
	switch {
	case s.due:
		return "due"
	case s.status != job.None:
		return "state:" + s.status.String()
	}
	return s.table.String()
}

// text returns a value without its sum, and whatever else is there as it is.
func (s suspect) text(stored []byte) string {
	if s.status == job.None && !s.due {
		if value, err := (views.Field{Table: s.table, Name: s.name}).Value(stored); err == nil {
			return string(value)
		}
	}
	return string(stored)
}

// look returns what a generation has of suspects: the value of a field, a due
// time, and something for a member of a list.
func (r *rebuild) look(ctx context.Context, generation uint64, page []suspect) ([][]byte, error) {
	var fields []views.Field
	var listings []views.Listing
	var names []string
	for _, s := range page {
		switch {
		case s.due:
			names = append(names, s.name)
		case s.status != job.None:
			seq, _ := strconv.ParseUint(s.name, 10, 64) // was made of one
			listings = append(listings, views.Listing{Status: s.status, Seq: seq})
		default:
			fields = append(fields, views.Field{Table: s.table, Name: s.name})
		}
	}
	values, err := r.writer.Read(ctx, generation, fields)
	if err != nil {
		return nil, err
	}
	listed, err := r.cfg.Views.Listed(ctx, generation, listings)
	if err != nil {
		return nil, err
	}
	due, err := r.cfg.Views.DueOf(ctx, generation, names)
	if err != nil {
		return nil, err
	}
	found := make([][]byte, len(page))
	for i, s := range page {
		switch {
		case s.due:
			if !due[0].IsZero() {
				found[i] = due[0].Append(nil)
			}
			due = due[1:]
		case s.status != job.None:
			if listed[0] {
				found[i] = []byte("listed")
			}
			listed = listed[1:]
		default:
			found[i], values = values[0], values[1:]
		}
	}
	return found, nil
}
