package engine

import (
	"bytes"
	"cmp"
	"context"
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
	name   string
}

// compare looks for values that differ between the old and the new generation.
// The leader goes on changing the old one, so a difference is only suspected
// until both are at the same place; a value that was equal once stays equal,
// because the same events follow on both sides.
func (r *rebuild) compare(ctx context.Context, old uint64) error {
	r.suspects = map[suspect]bool{}
	for _, pair := range [2][2]uint64{{old, r.filler.pos.Live}, {r.filler.pos.Live, old}} {
		for _, t := range views.Tables() {
			if err := r.compareTable(ctx, t, pair[0], pair[1]); err != nil {
				return err
			}
		}
		for _, s := range job.Statuses() {
			if err := r.compareList(ctx, s, pair[0], pair[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxSuspects bounds what is looked at again: where so much differs, the first
// difference is as good as any.
const maxSuspects = 100_000

func (r *rebuild) suspect(s suspect) {
	if len(r.suspects) < maxSuspects {
		r.suspects[s] = true
	}
}

// comparePage is how many values are compared at a time.
const comparePage = 500

func (r *rebuild) compareTable(ctx context.Context, t views.Table, a, b uint64) error {
	var fields []views.Field
	var have [][]byte
	flush := func() error {
		values, err := r.writer.Read(ctx, b, fields)
		if err != nil {
			return err
		}
		for i, f := range fields {
			r.report.Compared++
			volatile := t == views.Queues || t == views.Runners // equal now by chance, perhaps
			if volatile || !bytes.Equal(values[i], have[i]) {
				r.suspect(suspect{table: t, name: f.Name})
			}
		}
		fields, have = fields[:0], have[:0]
		return nil
	}
	err := r.cfg.Views.Walk(ctx, a, t, func(name string, data []byte) error {
		fields, have = append(fields, views.Field{Table: t, Name: name}), append(have, data)
		if len(fields) < comparePage {
			return nil
		}
		return flush()
	})
	if err == nil && len(fields) > 0 {
		err = flush()
	}
	return err
}

func (r *rebuild) compareList(ctx context.Context, s job.Status, a, b uint64) error {
	have := map[uint64]bool{}
	err := r.cfg.Views.WalkList(ctx, a, s, func(seq uint64) error {
		have[seq] = true
		return nil
	})
	if err != nil {
		return err
	}
	r.report.Compared += uint64(len(have))
	err = r.cfg.Views.WalkList(ctx, b, s, func(seq uint64) error {
		delete(have, seq)
		return nil
	})
	for seq := range have {
		r.suspect(suspect{status: s, name: strconv.FormatUint(seq, 10)})
	}
	return err
}

// compareAgain looks at suspects again, now that both generations are at the
// same place, and returns the first that still differs. What it says is true if
// nobody touches the position until the next commit.
func (r *rebuild) compareAgain(ctx context.Context, old uint64) (*Difference, error) {
	var first *Difference
	sorted := slices.SortedFunc(maps.Keys(r.suspects), func(a, b suspect) int {
		return cmp.Or(cmp.Compare(a.status, b.status), cmp.Compare(a.table, b.table), cmp.Compare(a.name, b.name))
	})
	for page := range slices.Chunk(sorted, comparePage) {
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
				first = &Difference{s.key(), s.name, string(have[i]), string(want[i])}
			}
		}
	}
	return first, nil
}

func (s suspect) key() string {
	if s.status != job.None {
		return "state:" + s.status.String()
	}
	return s.table.String()
}

// look returns what a generation has of suspects: the value of a field, and
// something for a member of a list.
func (r *rebuild) look(ctx context.Context, generation uint64, page []suspect) ([][]byte, error) {
	found := make([][]byte, len(page))
	var fields []views.Field
	var listings []views.Listing
	for _, s := range page {
		if s.status == job.None {
			fields = append(fields, views.Field{Table: s.table, Name: s.name})
			continue
		}
		seq, _ := strconv.ParseUint(s.name, 10, 64) // was made of one
		listings = append(listings, views.Listing{Status: s.status, Seq: seq})
	}
	values, err := r.writer.Read(ctx, generation, fields)
	if err != nil {
		return nil, err
	}
	listed, err := r.cfg.Views.Listed(ctx, generation, listings)
	if err != nil {
		return nil, err
	}
	for i, s := range page {
		if s.status == job.None {
			found[i], values = values[0], values[1:]
			continue
		}
		if listed[0] {
			found[i] = []byte("listed")
		}
		listed = listed[1:]
	}
	return found, nil
}
