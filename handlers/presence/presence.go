// Package presence finds out which runner processes live. Each one leaves a sign
// of life every two seconds; this loop watches the signs on the leader's own
// monotonic clock, because nobody else's matters, and has the leader record that
// a process fell silent, is gone, or was heard again.
//
// Signs of life are not signed: whoever can write to Redis can have a process
// look alive or not. What becomes of jobs does not depend on it.
//
// A crash anywhere leaves nothing behind but what is in the history: the next
// leader begins to watch anew, so a process is found silent later, never sooner.
package presence

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/runnersdk/queue"
)

// Pulses are the signs of life of runner processes.
type Pulses interface {
	runners.Beats
	// Drop removes fields. One that a process writes again is there again.
	Drop(ctx context.Context, fields []string) error
}

// Ledger is what a watch asks of the leader.
type Ledger interface {
	Execute(ctx context.Context, w eventstore.Work) error
}

// How a process is judged.
const (
	Every       = time.Second
	SilentAfter = 10 * time.Second // five signs of life that did not come
	GoneAfter   = 60 * time.Second
)

const (
	// rosterEvery is how often all processes of the history are looked at: one
	// that never left a sign of life is found by nothing else.
	rosterEvery = 30 * time.Second
	// blind is how long the signs may be out of sight. Whoever could not read
	// them may have missed what processes could not write.
	blind = SilentAfter / 2

	maxPages     = 16     // of one turn; what is left is the next one's
	maxWatched   = 20_000 // processes: what an intruder adds takes no more memory
	maxStrangers = 10_000 // watched ones, up to which those are met that no roster has named yet
	maxDecisions = 100    // of one commit
	maxCommits   = 10     // of one turn
	maxDropped   = 1000   // fields of one call
)

// Config is what a watch needs; all fields are required.
type Config struct {
	Pulses Pulses
	// Roster returns what the views know of all runners, also of those that
	// were removed from lists.
	Roster func(ctx context.Context) ([]runners.Runner, error)
	Ledger Ledger
	Clock  func() time.Time
	Logger *slog.Logger
}

// Watch is the loop that watches processes.
type Watch struct {
	cfg     Config
	watched map[string]*process // by runner.AggregateID
	cursor  uint64              // where the next turn reads on
	began   time.Time           // when the pass over all signs that is under way began
	passed  time.Time           // when the last one that was ended had begun; zero before
	seen    time.Time           // when signs were read last; zero before
	counted time.Time           // when the roster was read last; zero before
	dropped map[string]bool     // fields that nobody needs
	crowded bool                // more than maxWatched were there
}

// process is what is known of one process. Times are by our clock.
type process struct {
	runner  domain.Name
	name    string
	value   string    // its last sign of life; empty before the first
	changed time.Time // when that was another one, or when it was met
	met     time.Time
	heard   bool          // it was another one since it was met
	state   runners.State // as the history has it
	listed  bool          // by the last roster
}

// New returns a watch that has seen nothing yet.
func New(cfg Config) *Watch {
	return &Watch{cfg: cfg, watched: map[string]*process{}, dropped: map[string]bool{}}
}

// Turn looks at the signs of life once. The caller paces it by Every.
func (w *Watch) Turn(ctx context.Context) (busy bool, err error) {
	if err := w.count(ctx); err != nil {
		return false, err
	}
	if err := w.look(ctx); err != nil {
		return false, err
	}
	if err := w.judge(ctx); err != nil {
		return false, err
	}
	return false, w.tidy(ctx)
}

// count reads, now and then, which processes the history knows. How it has one
// that is watched already is known better here: the views may lag.
func (w *Watch) count(ctx context.Context) error {
	now := w.cfg.Clock()
	if !w.counted.IsZero() && now.Sub(w.counted) < rosterEvery {
		return nil
	}
	roster, err := w.cfg.Roster(ctx)
	if err != nil {
		return fmt.Errorf("look which runner processes there are: %w", err)
	}
	w.counted = now
	for _, p := range w.watched {
		p.listed = false
	}
	for i := range roster {
		for j := range roster[i].Processes {
			of := &roster[i].Processes[j]
			if p := w.meet(ctx, roster[i].ID, of.Name, of.State, now, maxWatched); p != nil {
				p.listed = true
			}
		}
	}
	for key, p := range w.watched {
		switch {
		case p.listed:
		case p.state == runners.Gone: // the views forgot it, too
			delete(w.watched, key)
		case now.Sub(p.met) >= rosterEvery: // nobody joined as that
			delete(w.watched, key)
			w.drop(key)
		}
	}
	return nil
}

// meet returns a process, and begins to watch one that is not watched; nil when
// as many as most are.
func (w *Watch) meet(ctx context.Context, id domain.Name, name string, state runners.State, now time.Time, most int) *process {
	key := runner.AggregateID(id, name)
	if p := w.watched[key]; p != nil {
		return p
	}
	if len(w.watched) >= most {
		if !w.crowded {
			w.crowded = true
			w.cfg.Logger.WarnContext(ctx, "more runner processes leave signs of life than are watched", "watched", most)
		}
		return nil
	}
	p := &process{runner: id, name: name, changed: now, met: now, state: state}
	w.watched[key] = p
	return p
}

// look reads the signs of life, as many as one turn may: a pass over all of them
// may take several.
func (w *Watch) look(ctx context.Context) error {
	for range maxPages {
		if w.cursor == 0 {
			w.began = w.cfg.Clock()
		}
		page, next, err := w.cfg.Pulses.Page(ctx, w.cursor)
		if err != nil {
			return fmt.Errorf("read signs of life: %w", err)
		}
		now := w.cfg.Clock()
		w.reconnect(now)
		for field, value := range page {
			w.hear(ctx, field, value, now)
		}
		if w.cursor = next; next == 0 {
			w.passed = w.began
			break
		}
	}
	return nil
}

// reconnect begins to watch anew when nothing could be seen for long: the
// processes could not be heard either.
func (w *Watch) reconnect(now time.Time) {
	if now.Sub(w.seen) >= blind {
		for _, p := range w.watched {
			p.changed, p.heard = now, false
		}
	}
	w.seen = now
}

// hear takes one sign of life.
func (w *Watch) hear(ctx context.Context, field, value string, now time.Time) {
	b, err := queue.ParseBeat(field, value)
	if err != nil {
		w.drop(field)
		return
	}
	p := w.watched[field]
	if p == nil {
		if p = w.meet(ctx, b.Runner, b.Process, runners.Alive, now, maxStrangers); p == nil {
			w.drop(field) // one that lives writes it again, and is named by the next roster
			return
		}
	}
	switch {
	case p.value == "": // the first that is seen may be an old one
		p.value = value
	case p.value != value:
		p.value, p.changed, p.heard = value, now, true
	case p.state == runners.Gone:
		w.drop(field)
	}
}

// drop has a field removed that nobody needs.
func (w *Watch) drop(field string) {
	if len(w.dropped) < maxDropped {
		w.dropped[field] = true
	}
}

// verdict is what the leader is to record of a process.
type verdict struct {
	key   string
	of    *process
	state runners.State
	said  bool // something was recorded
}

// judge has the leader record what changed.
//
// A crash before the append leaves processes as the history has them; behind it
// the next leader reads from the views how they are.
func (w *Watch) judge(ctx context.Context) error {
	due := w.due(w.passed)                             // nobody is silent whom a whole pass may yet see move
	due = due[:min(len(due), maxCommits*maxDecisions)] // the rest is the next turn's
	defer func() { w.tell(ctx, due) }()
	for some := range slices.Chunk(due, maxDecisions) {
		if err := w.cfg.Ledger.Execute(ctx, work(some)); err != nil {
			return fmt.Errorf("record how %d runner processes are: %w", len(some), err)
		}
		for i := range some {
			w.settle(&some[i])
		}
	}
	return nil
}

// due returns what the history has otherwise than it was at an instant, in one
// order. A pass that began then has been ended: it has seen every process that
// moved before.
func (w *Watch) due(now time.Time) []verdict {
	var due []verdict
	for key, p := range w.watched {
		if state := p.now(now); state != p.state {
			due = append(due, verdict{key: key, of: p, state: state})
		}
	}
	slices.SortFunc(due, func(a, b verdict) int { return cmp.Compare(a.key, b.key) })
	return due
}

// now returns how a process is: as the history has it, until it was watched for
// long enough, or heard.
func (p *process) now(now time.Time) runners.State {
	unheard := now.Sub(p.changed)
	switch {
	case p.heard && unheard < SilentAfter:
		return runners.Alive
	case unheard >= GoneAfter:
		return runners.Gone
	case unheard >= SilentAfter && p.state == runners.Alive:
		return runners.Silent
	}
	return p.state
}

// work asks for verdicts to be recorded, of processes that are there. Of one
// that left, or never joined, nothing is.
func work(some []verdict) eventstore.Work {
	by := eventstore.By{Actor: event.BySystem("presence")}
	var about []event.Aggregate
	for i := range some {
		about = append(about, eventstore.Process(some[i].of.runner, some[i].of.name)...)
	}
	return eventstore.Work{Aggregates: about, Decide: func(tx *eventstore.Tx) error {
		for i := range some {
			v := &some[i]
			before := tx.Runner(v.of.runner).Version
			if err := tx.DecideRunner(v.of.runner, by, v.command(tx)); err != nil {
				return err
			}
			v.said = tx.Runner(v.of.runner).Version != before
		}
		return nil
	}}
}

func (v *verdict) command(tx *eventstore.Tx) runner.Command {
	name, reports := v.of.name, tx.Process(v.of.runner, v.of.name)
	switch v.state {
	case runners.Alive:
		return runner.Hear{Process: name, Reports: reports}
	case runners.Silent:
		return runner.Miss{Process: name, Reports: reports}
	case runners.Gone:
		return runner.GiveUp{Process: name, Reports: reports}
	}
	panic("presence: unknown state")
}

// settle remembers what was recorded, and forgets a process of which nothing
// could be.
func (w *Watch) settle(v *verdict) {
	if v.said {
		v.of.state = v.state
	} else {
		delete(w.watched, v.key)
	}
	if !v.said || v.state == runners.Gone {
		w.drop(v.key)
	}
}

// maxNamed is how many processes one line of the log names.
const maxNamed = 10

// tell says in the log what was recorded, in one line for each state.
func (w *Watch) tell(ctx context.Context, recorded []verdict) {
	for _, line := range []struct {
		state runners.State
		level slog.Level
		text  string
	}{
		{runners.Alive, slog.LevelInfo, "runner processes were heard again"},
		{runners.Silent, slog.LevelWarn, "runner processes fell silent"},
		{runners.Gone, slog.LevelWarn, "runner processes are gone: nobody has heard them for a minute"},
	} {
		var names []string
		for i := range recorded {
			if v := &recorded[i]; v.said && v.state == line.state {
				names = append(names, v.key)
			}
		}
		if n := len(names); n > 0 {
			w.cfg.Logger.Log(ctx, line.level, line.text, "count", n, "processes", names[:min(n, maxNamed)])
		}
	}
}

// tidy removes fields that nobody needs.
//
// A crash before it leaves them to the next leader, who finds the same.
func (w *Watch) tidy(ctx context.Context) error {
	if len(w.dropped) == 0 {
		return nil
	}
	if err := w.cfg.Pulses.Drop(ctx, slices.Sorted(maps.Keys(w.dropped))); err != nil {
		return fmt.Errorf("remove signs of life: %w", err)
	}
	clear(w.dropped)
	return nil
}
