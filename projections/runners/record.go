package runners

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// MaxProcesses is how many processes of a runner id are remembered: those that
// were heard of last. The record is written again with every bundle.
const MaxProcesses = 32

// Record is what the view keeps of a runner id: its processes that joined and
// did not leave, by their names.
type Record struct {
	Processes []Process
}

// Process is one process of a runner.
type Process struct {
	Name   string
	Joined event.Time
	Seen   event.Time // when its last bundle was recorded
	Slots  uint32
	Kinds  []domain.Name
	Key    signing.KeyID
}

// Apply folds in that a process joined or left.
func (r *Record) Apply(at event.Time, e runner.Event) {
	switch e := e.(type) {
	case runner.Joined:
		r.remove(e.Process)
		if len(r.Processes) >= MaxProcesses {
			r.remove(slices.MinFunc(r.Processes, func(a, b Process) int {
				return cmp.Or(cmp.Compare(a.Seen, b.Seen), cmp.Compare(a.Name, b.Name))
			}).Name)
		}
		r.Processes = append(r.Processes, Process{e.Process, at, at, e.Slots, e.Kinds, e.Key.ID()})
		slices.SortFunc(r.Processes, func(a, b Process) int { return cmp.Compare(a.Name, b.Name) })
	case runner.Left:
		r.remove(e.Process)
	}
}

func (r *Record) remove(process string) {
	r.Processes = slices.DeleteFunc(r.Processes, func(p Process) bool { return p.Name == process })
}

// Heard folds in that a process reported, and says whether that changed
// anything.
func (r *Record) Heard(process string, at event.Time) bool {
	for i := range r.Processes {
		if p := &r.Processes[i]; p.Name == process && p.Seen != at {
			p.Seen = at
			return true
		}
	}
	return false
}

// Clone returns a record that shares nothing that changes.
func (r *Record) Clone() Record { return Record{slices.Clone(r.Processes)} }

// Append appends the record in its one spelling, an array of
// {"process":"8f3a","joined":…,"seen":…,"slots":4,"kinds":["sh"],"key":"…"}
// with times in microseconds since 1970.
func (r *Record) Append(dst []byte) []byte {
	dst = append(dst, '[')
	for i, p := range r.Processes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(append(dst, `{"process":`...), p.Name)
		dst = fixedjson.AppendUint(append(dst, `,"joined":`...), uint64(max(p.Joined, 0))) //nolint:gosec // not negative
		dst = fixedjson.AppendUint(append(dst, `,"seen":`...), uint64(max(p.Seen, 0)))     //nolint:gosec // not negative
		dst = fixedjson.AppendUint(append(dst, `,"slots":`...), uint64(p.Slots))
		dst = append(dst, `,"kinds":[`...)
		for j, kind := range p.Kinds {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = fixedjson.AppendString(dst, string(kind))
		}
		dst = append(append(append(dst, `],"key":"`...), p.Key...), `"}`...)
	}
	return append(dst, ']')
}

// ParseRecord reads what Append wrote.
func ParseRecord(data []byte) (Record, error) {
	var rec Record
	r := fixedjson.NewReader(data)
	r.Literal(`[`)
	for !r.Optional(`]`) && r.Err() == nil {
		if len(rec.Processes) > 0 {
			r.Literal(`,`)
		}
		rec.Processes = append(rec.Processes, readProcess(r))
	}
	if err := r.End(); err != nil {
		return Record{}, fmt.Errorf("parse runner record: %w", err)
	}
	return rec, nil
}

func readProcess(r *fixedjson.Reader) Process {
	var p Process
	r.Literal(`{"process":`)
	p.Name = r.String()
	r.Literal(`,"joined":`)
	p.Joined = event.Time(r.Uint()) //nolint:gosec // a Reader's numbers are below 2^53
	r.Literal(`,"seen":`)
	p.Seen = event.Time(r.Uint()) //nolint:gosec // as above
	r.Literal(`,"slots":`)
	slots := r.Uint()
	p.Slots = uint32(min(slots, runner.MaxSlots)) //nolint:gosec // bounded
	if slots > runner.MaxSlots {
		r.Fail(domain.Errorf(domain.Invalid, "format", "a process has at most %d slots", runner.MaxSlots))
	}
	r.Literal(`,"kinds":[`)
	for !r.Optional(`]`) && r.Err() == nil {
		if len(p.Kinds) > 0 {
			r.Literal(`,`)
		}
		p.Kinds = append(p.Kinds, fixedjson.Parsed(r, domain.ParseName))
	}
	r.Literal(`,"key":`)
	p.Key = fixedjson.Parsed(r, signing.ParseKeyID)
	r.Literal(`}`)
	return p
}
