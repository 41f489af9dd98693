// Package modes is the read model of what is paused and drained: queues and
// runner ids, since when, and by whom. What is open is not in it.
//
// Runners read the bare words in a hash of their own, which the engine keeps in
// step with this table.
//
//	all, err := reader.All(ctx)
//	all.Queue(job.ExecutorQueue("sh")).Mode == domain.Drained
package modes

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Record is what the view keeps of something that is not open. The zero Record
// is of what is.
type Record struct {
	Mode  domain.Mode
	Since event.Time
	By    event.Actor
}

// Append appends the record in its one spelling: ["paused",since,"by"], with the
// time in microseconds since 1970.
func (r Record) Append(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, '['), string(r.Mode))
	dst = fixedjson.AppendUint(append(dst, ','), uint64(max(r.Since, 0))) //nolint:gosec // not negative
	return append(fixedjson.AppendString(append(dst, ','), string(r.By)), ']')
}

// ParseRecord reads what Append wrote.
func ParseRecord(data []byte) (Record, error) {
	var rec Record
	r := fixedjson.NewReader(data)
	r.Literal(`[`)
	rec.Mode = fixedjson.Parsed(r, domain.ParseMode)
	r.Literal(`,`)
	rec.Since = event.Time(r.Uint()) //nolint:gosec // a Reader's numbers are below 2^53
	r.Literal(`,`)
	rec.By = event.Actor(r.String())
	r.Literal(`]`)
	if rec.Mode == domain.Open {
		r.Fail(domain.Errorf(domain.Invalid, "mode", "what is open has no record"))
	}
	if err := r.End(); err != nil {
		return Record{}, fmt.Errorf("parse mode: %w", err)
	}
	return rec, nil
}

// Modes are all that is not open, by [queue.ModeOf] and [queue.ModeOfRunner].
type Modes map[string]Record

// Queue returns the record of a queue.
func (m Modes) Queue(q job.Queue) Record { return m[queue.ModeOf(q)] }

// Queues returns the queues that are not open, in no order.
func (m Modes) Queues() []job.Queue {
	var queues []job.Queue
	for field := range m {
		if q, ok := queue.OfMode(field); ok {
			queues = append(queues, q)
		}
	}
	return queues
}

// Runner returns the record of a runner id.
func (m Modes) Runner(id domain.Name) Record { return m[queue.ModeOfRunner(id)] }

// Words are what runners read.
func (m Modes) Words() map[string]string {
	words := make(map[string]string, len(m))
	for field, r := range m {
		words[field] = string(r.Mode)
	}
	return words
}

// Parse reads the whole table.
func Parse(table map[string][]byte) (Modes, error) {
	all := make(Modes, len(table))
	for field, data := range table {
		var err error
		if all[field], err = ParseRecord(data); err != nil {
			return nil, fmt.Errorf("%w: mode of %s: %w", views.ErrDamaged, field, err)
		}
	}
	return all, nil
}

// Reader reads the modes of one partition. It is safe for concurrent use.
type Reader struct {
	Views views.Reader
}

// All returns everything that is not open.
func (r *Reader) All(ctx context.Context) (Modes, error) {
	look, err := r.Views.Look(ctx, views.Query{Whole: []views.Table{views.Modes}})
	if err != nil {
		return nil, fmt.Errorf("look what is paused: %w", err)
	}
	return Parse(look.Whole[0])
}
