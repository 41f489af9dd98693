package runners

import (
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/runner"
)

// MaxGone is how many processes of a runner id are remembered that are gone:
// the last ones. They may come back, and most never do.
const MaxGone = 32

// Record is what the view keeps of a runner id besides its processes.
type Record struct {
	Version uint64 // of its last event
	Removed bool   // somebody took it out of the lists
	Gone    []string
	Label   runner.Label // that it was registered with last; empty if it never was
}

// Apply folds in what happened to the id. It returns the process that is not
// remembered any more, if there is one.
func (r *Record) Apply(f event.Fact[runner.Event]) (forgotten string) {
	r.Version, r.Removed = f.Version, false
	switch e := f.Data.(type) {
	case runner.Gone:
		r.back(e.Process)
		r.Gone = append(r.Gone, e.Process)
		if len(r.Gone) > MaxGone {
			forgotten, r.Gone = r.Gone[0], slices.Delete(r.Gone, 0, 1)
		}
	case runner.Silent:
		r.back(e.Process)
	case runner.Alive:
		r.back(e.Process)
	case runner.Left:
		r.back(e.Process)
	case runner.Removed:
		r.Removed = true
	case runner.Registered:
		r.Label = e.Label
	case runner.Joined, runner.Paused, runner.Drained, runner.Resumed:
	}
	return forgotten
}

// back takes a process off the list of those that are gone.
func (r *Record) back(process string) {
	r.Gone = slices.DeleteFunc(r.Gone, func(p string) bool { return p == process })
}

// Clone returns a record that shares nothing that changes.
func (r *Record) Clone() Record {
	c := *r
	c.Gone = slices.Clone(r.Gone)
	return c
}

// Append appends the record in its one spelling,
// {"version":3,"removed":false,"gone":["8f3a"],"label":"q"}, without a label that
// is empty.
func (r *Record) Append(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(dst, `{"version":`...), r.Version)
	dst = fmt.Appendf(dst, `,"removed":%t,"gone":[`, r.Removed)
	for i, p := range r.Gone {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(dst, p)
	}
	dst = append(dst, ']')
	if r.Label != "" {
		dst = append(append(append(dst, `,"label":"`...), r.Label...), '"')
	}
	return append(dst, '}')
}

// ParseRecord reads what Append wrote.
func ParseRecord(data []byte) (Record, error) {
	var rec Record
	r := fixedjson.NewReader(data)
	r.Literal(`{"version":`)
	rec.Version = r.Uint()
	r.Literal(`,"removed":`)
	rec.Removed = r.Bool()
	r.Literal(`,"gone":[`)
	for !r.Optional(`]`) && r.Err() == nil {
		if len(rec.Gone) > 0 {
			r.Literal(`,`)
		}
		rec.Gone = append(rec.Gone, fixedjson.Parsed(r, runner.ParseProcess))
		if len(rec.Gone) > MaxGone {
			r.Fail(domain.Errorf(domain.Invalid, "format", "at most %d processes are gone", MaxGone))
		}
	}
	if r.Optional(`,"label":`) {
		rec.Label = fixedjson.Parsed(r, runner.ParseLabel)
	}
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return Record{}, fmt.Errorf("parse runner record: %w", err)
	}
	return rec, nil
}
