package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// workProcess is a runner process that the batch touches.
type workProcess struct {
	key     string // runner.AggregateID
	record  runners.Process
	existed bool
	exists  bool
	changed bool
}

// applyRunner folds one event of a runner id in.
func (b *batch) applyRunner(e *history.Entry, data runner.Event) {
	r := b.runners[domain.Name(e.Aggregate.ID)]
	if forgotten := r.record.Apply(event.FactOf(e.Recorded, data, e.Seq, e.Hash)); forgotten != "" {
		b.forget(runner.AggregateID(r.id, forgotten))
	}
	r.exists, r.changed = true, true
	switch data := data.(type) {
	case runner.Joined:
		p := b.processes[runner.AggregateID(r.id, data.Process)]
		p.record, p.exists, p.changed = runners.Join(data, e.At), true, true
		b.welcome(e, r.id, data)
	case runner.Left:
		p := b.processes[runner.AggregateID(r.id, data.Process)]
		p.exists, p.changed = false, true
	case runner.Silent, runner.Alive, runner.Gone:
		process, _ := runner.Seen(data)
		p := b.processes[runner.AggregateID(r.id, process)] // a log that was not audited may name any
		p.changed = p.record.Apply(e.At, data) || p.changed
	case runner.Paused:
		b.setMode(e, queue.ModeOfRunner(r.id), domain.Paused)
	case runner.Drained:
		b.setMode(e, queue.ModeOfRunner(r.id), domain.Drained)
	case runner.Resumed:
		b.setMode(e, queue.ModeOfRunner(r.id), domain.Open)
	case runner.Removed, runner.Registered:
	}
}

// welcome makes the queues of a process that joined, and tells it so.
func (b *batch) welcome(e *history.Entry, id domain.Name, joined runner.Joined) {
	for _, q := range runner.Queues(id, joined.Kinds) {
		b.meetQueue(q)
		b.needGroup(q)
	}
	if b.e.live {
		b.tx.Notices = append(b.tx.Notices, notice(id, joined.Process, b.prove(e)))
	}
}

// aboutProcess names the process that a runner's event is about; ok is false
// when there is none.
func aboutProcess(e *history.Entry, data runner.Event) (key string, ok bool) {
	process, ok := runner.Seen(data)
	switch data := data.(type) {
	case runner.Joined:
		process, ok = data.Process, true
	case runner.Left:
		process, ok = data.Process, true
	case runner.Silent, runner.Alive, runner.Gone, runner.Paused, runner.Drained, runner.Resumed, runner.Removed, runner.Registered:
	}
	return runner.AggregateID(domain.Name(e.Aggregate.ID), process), ok
}

func (p *workProcess) parse(record []byte) (err error) {
	if record == nil {
		return nil
	}
	_, name, _ := strings.Cut(p.key, "/")
	p.record, err = runners.ParseProcess(name, record)
	p.existed, p.exists = true, true
	return err
}

// newProcess takes a process into the batch that joins.
func (b *batch) newProcess(key string) *workProcess {
	p := b.processes[key]
	if p == nil {
		p = &workProcess{key: key}
		b.processes[key] = p
		b.processOrder = append(b.processOrder, p)
	}
	return p
}

// meetProcess takes a process into the batch, and reports whether it must be
// read.
func (b *batch) meetProcess(key string) (p *workProcess, cold bool) {
	if p = b.processes[key]; p != nil {
		return p, false
	}
	p = b.newProcess(key)
	known, ok := b.e.processes.get(key)
	if ok {
		p.record, p.existed, p.exists = known, true, true
	}
	return p, !ok
}

// forget drops a process that was remembered although it was gone.
func (b *batch) forget(key string) {
	p := b.processes[key]
	if p == nil {
		p = b.newProcess(key)
		p.existed = true // since it was on the list
	}
	p.exists, p.changed = false, true
}

// applyQueue folds one event of a queue in.
func (b *batch) applyQueue(e *history.Entry, data line.Event) error {
	q, err := job.ParseQueue(e.Aggregate.ID)
	if err != nil {
		return err
	}
	after := line.Evolve(line.State{}, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	b.setMode(e, queue.ModeOf(q), after.Mode)
	return nil
}

// setMode notes the mode that an event set.
func (b *batch) setMode(e *history.Entry, field string, mode domain.Mode) {
	if _, known := b.modes[field]; !known {
		b.modeOrder = append(b.modeOrder, field)
	}
	b.modes[field] = modes.Record{Mode: mode, Since: e.At, By: e.Actor}
}

// emitPresence writes down what became of runners, processes and modes. What
// runners read of the modes is written only at the end of the log: behind it a
// pause of long ago would stop them, and a drain would end them.
func (b *batch) emitPresence() {
	for _, r := range b.runnerOrder {
		if !r.changed {
			continue
		}
		b.put(views.Runners, string(r.id), &r.record)
		if !r.existed {
			b.census.Fields[views.Runners]++
		}
	}
	for _, p := range b.processOrder {
		switch {
		case !p.changed:
		case p.exists:
			b.put(views.Processes, p.key, &p.record)
			b.census.Fields[views.Processes] += count01(!p.existed)
		case p.existed:
			b.tx.Unset = append(b.tx.Unset, views.Field{Table: views.Processes, Name: p.key})
			b.census.Fields[views.Processes]--
		}
	}
	for _, field := range b.modeOrder {
		record := b.modes[field]
		_, known := b.e.modes[field]
		if record.Mode != domain.Open {
			b.put(views.Modes, field, record)
			b.census.Fields[views.Modes] += count01(!known)
		} else if known {
			b.tx.Unset = append(b.tx.Unset, views.Field{Table: views.Modes, Name: field})
			b.census.Fields[views.Modes]--
		}
		if b.e.live {
			b.tx.Modes = append(b.tx.Modes, views.Word{Field: field, Text: string(record.Mode)})
		}
	}
}

func count01(counts bool) uint64 {
	if counts {
		return 1
	}
	return 0
}

// rememberPresence makes what was committed the engine's memory.
func (b *batch) rememberPresence() {
	e := b.e
	for _, r := range b.runnerOrder {
		if r.exists {
			e.runners.put(r.id, r.record)
		}
	}
	for _, p := range b.processOrder {
		if p.exists {
			e.processes.put(p.key, p.record)
		} else {
			e.processes.remove(p.key)
		}
	}
	for field, record := range b.modes {
		if e.modes[field] = record; record.Mode == domain.Open {
			delete(e.modes, field)
		}
	}
}

// mendModes has a transaction write what runners read of the modes and of the
// lease again, if that is another one now or somebody changed them behind the
// engine's back.
func (e *Engine) mendModes(ctx context.Context, tx *views.Tx) (changed bool, err error) {
	words := e.modes.Words()
	if e.cfg.Lease > 0 {
		words[queue.LeaseField] = queue.LeaseWord(e.cfg.Lease)
	}
	look, err := e.cfg.Views.Look(ctx, views.Query{Modes: true})
	switch {
	case errors.Is(err, views.ErrDamaged): // no hash, perhaps
	case err != nil:
		return false, fmt.Errorf("look what runners are told of modes: %w", err)
	case maps.Equal(look.Modes, words):
		return false, nil
	case !samePlace(look.Position, e.pos):
		return false, ErrFenced
	}
	tx.ResetModes = true
	for _, field := range slices.Sorted(maps.Keys(words)) {
		tx.Modes = append(tx.Modes, views.Word{Field: field, Text: words[field]})
	}
	return true, nil
}

// inspectModes compares what runners read of the modes with what was written,
// and puts it right.
//
// A crash before the commit leaves what the next Compare finds.
func (e *Engine) inspectModes(ctx context.Context) error {
	var tx views.Tx
	changed, err := e.mendModes(ctx, &tx)
	if err != nil || !changed {
		return err
	}
	if err := e.watch(ctx); err != nil {
		return err
	}
	tx.Generation, tx.Position = e.pos.Live, e.pos
	e.seen = nil
	found, err := e.writer.Commit(ctx, &tx)
	if errors.Is(err, views.ErrConflict) {
		return nil // a rebuild: the next Compare looks again
	}
	if err != nil {
		return fmt.Errorf("tell runners of modes again: %w", err)
	}
	e.seen = &found
	return nil
}
