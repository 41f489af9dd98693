package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// scrub is how far the engine is in looking at every value that the views hold.
// The census tells what was removed or added; only looking tells what was
// edited.
type scrub struct {
	generation uint64
	table      int    // NumTables stands for the statements
	cursor     uint64 // in the table
}

// How often a page of a few hundred fields is looked at: so often that all were
// within scrubRound, but within these bounds. Whoever commits waits for a page,
// for one to three round trips. Of a million jobs it takes half an hour.
const (
	scrubRound  = time.Minute
	scrubOften  = 100 * time.Millisecond
	scrubSeldom = time.Second
	scrubFields = 250 // of a page, about
)

// ScrubEvery returns how often Scrub is to be called.
func (e *Engine) ScrubEvery() time.Duration { return scrubEvery(&e.pos.Census) }

func scrubEvery(c *views.Census) time.Duration {
	pages := uint64(1) // of the statements
	for _, n := range c.Fields {
		pages += n/scrubFields + min(n, 1)
	}
	return min(max(scrubRound/time.Duration(pages), scrubOften), scrubSeldom) //nolint:gosec // pages of what fits a Redis
}

// Scrub looks at one page of values, and begins again behind the end: round says
// that this was the last page. It returns [views.ErrDamaged] for what was not
// written like this.
func (e *Engine) Scrub(ctx context.Context) (round bool, err error) {
	if e.failed != nil || e.flight != nil {
		return false, e.failed
	}
	s := &e.scrubbed
	if s.generation != e.pos.Live {
		*s = scrub{generation: e.pos.Live}
	}
	if err = e.doubted(ctx); err == nil {
		round, err = e.scrubPage(ctx, s)
	}
	if errors.Is(err, views.ErrDamaged) {
		err = e.changed(ctx, err)
	}
	if errors.Is(err, views.ErrConflict) {
		*s = scrub{} // another generation went live meanwhile
		return false, nil
	}
	return round, e.note(err)
}

// Doubt has the next Scrub look at what a reader of the views met with an
// [*views.Edited], rather than when its turn comes. Other errors are of no
// interest.
func (e *Engine) Doubt(err error) {
	edited, ok := errors.AsType[*views.Edited](err)
	if !ok {
		return
	}
	select {
	case e.doubts <- edited.Field:
	default: // there is enough to look at
	}
}

// Confirm looks at what an error says is edited, which ended the term: whoever
// leads next would meet it again. It is called when nothing else of the engine
// runs any more.
func (e *Engine) Confirm(ctx context.Context, err error) error {
	if e.Doubt(err); len(e.doubts) == 0 {
		return nil
	}
	return e.Inspect(ctx)
}

// doubted looks at what readers found edited. A job is looked at whole: what was
// met may have been that something is due in it, or in none of its name.
func (e *Engine) doubted(ctx context.Context) error {
	var fields []views.Field
	for range len(e.doubts) { // nobody else takes any
		fields = append(fields, <-e.doubts)
	}
	if len(fields) == 0 {
		return nil
	}
	values, err := e.writer.Read(ctx, e.pos.Live, fields)
	if err != nil {
		return err
	}
	var page []views.Value
	var strange []string
	for i, f := range fields {
		switch {
		case f.Table != views.Jobs:
			if _, err := f.Value(values[i]); err != nil {
				return err
			}
		case values[i] == nil:
			strange = append(strange, f.Name)
		default:
			page = append(page, views.Value{Field: f, Data: values[i]})
		}
	}
	due, err := e.cfg.Views.DueOf(ctx, e.pos.Live, strange)
	for i, at := range due {
		if !at.IsZero() {
			return fmt.Errorf("%w: something is due in %s, which is no job", views.ErrDamaged, strange[i])
		}
	}
	if err != nil {
		return err
	}
	return e.scrubJobs(ctx, page)
}

// scrubPage looks at one page. One that could not be looked at comes again. What
// is in a table that must be empty is for the census to find.
func (e *Engine) scrubPage(ctx context.Context, s *scrub) (round bool, err error) {
	for s.table < views.NumTables && e.pos.Census.Fields[s.table] == 0 {
		s.table, s.cursor = s.table+1, 0
	}
	if s.table == views.NumTables {
		if err := e.scrubStatements(ctx); err != nil {
			return false, err
		}
		s.table = 0
		return true, nil
	}
	next, err := e.scrubTable(ctx, s)
	if err != nil {
		return false, err
	}
	if s.cursor = next; next == 0 {
		s.table++
	}
	return false, nil
}

// scrubTable looks at one page of a table, and returns where the next one is.
func (e *Engine) scrubTable(ctx context.Context, s *scrub) (next uint64, err error) {
	t := views.Tables()[s.table]
	page, next, err := e.cfg.Views.Page(ctx, s.generation, t, s.cursor)
	if err != nil {
		return 0, err
	}
	switch t {
	case views.Jobs:
		err = e.scrubJobs(ctx, page)
	case views.Open:
		err = e.scrubOpen(ctx, page)
	case views.Queues:
		err = e.scrubQueues(ctx, page)
	case views.Runners:
		err = e.scrubRunners(ctx, page)
	default:
		for _, v := range page {
			if _, err := v.Value(v.Data); err != nil {
				return 0, err
			}
		}
	}
	return next, err
}

// scrubJobs looks at records of jobs, and whether each is in the list of its
// status and due when it says. The census has it that no job is in two lists,
// and that nothing is due in others.
func (e *Engine) scrubJobs(ctx context.Context, page []views.Value) error {
	members := make([]views.Listing, len(page))
	var names []string
	var due []event.Time
	for i, v := range page {
		data, err := v.Value(v.Data)
		if err != nil {
			return err
		}
		record, err := jobs.ParseRecord(data)
		if err != nil {
			return unreadable(v.Field, err)
		}
		members[i] = views.Listing{Status: record.Status, Seq: record.Submitted()}
		if at := record.NextDue(); !at.IsZero() {
			names, due = append(names, v.Name), append(due, at)
		}
	}
	listed, err := e.cfg.Views.Listed(ctx, e.pos.Live, members)
	if err != nil {
		return err
	}
	for i, ok := range listed {
		if !ok {
			return fmt.Errorf("%w: job %s is not in the list of those that are %s", views.ErrDamaged, page[i].Name, members[i].Status)
		}
	}
	found, err := e.cfg.Views.DueOf(ctx, e.pos.Live, names)
	if err != nil {
		return err
	}
	for i, at := range found {
		if at != due[i] {
			return fmt.Errorf("%w: job %s is not due when its record says, at %s", views.ErrDamaged, names[i], due[i])
		}
	}
	return nil
}

// scrubOpen looks at open attempts, and whether the entry of each is in its
// queue. One that is not makes the queues damaged, and not the views: they stay
// as they are, and the next leader gives the attempt up.
func (e *Engine) scrubOpen(ctx context.Context, page []views.Value) error {
	open := map[string][]queue.EntryID{}
	found := make([]Lost, len(page))
	for i, v := range page {
		var err error
		if found[i], err = openAttempt(v); err != nil {
			return err
		}
		name := found[i].Queue.String()
		if e.missing[found[i].Job] != found[i].Entry {
			open[name] = append(open[name], found[i].Entry)
		}
	}
	if !e.live {
		return nil
	}
	for _, l := range found {
		name := l.Queue.String()
		ids := open[name]
		delete(open, name)
		for len(ids) > 0 {
			some := ids[:min(len(ids), views.MaxMissing)]
			ids = ids[len(some):]
			missing, err := e.cfg.Views.Missing(ctx, l.Queue, some)
			if err != nil {
				return err
			}
			if len(missing) > 0 {
				return fmt.Errorf("%w: entry %s is not in queue %s", errQueues, missing[0], name)
			}
		}
	}
	return nil
}

// scrubQueues looks at the counts of queues, and whether those in which nothing
// waits or runs are empty.
func (e *Engine) scrubQueues(ctx context.Context, page []views.Value) error {
	var empty views.Query
	for _, v := range page {
		data, err := v.Value(v.Data)
		if err != nil {
			return err
		}
		name, err := job.ParseQueue(v.Name)
		if err != nil {
			return unreadable(v.Field, err)
		}
		count, err := queues.ParseCount(data)
		if err != nil {
			return unreadable(v.Field, err)
		}
		if count.Open() == 0 {
			empty.Entries = append(empty.Entries, name)
		}
	}
	if !e.live || len(empty.Entries) == 0 {
		return nil
	}
	look, err := e.cfg.Views.Look(ctx, empty)
	if err == nil && look.Entries > 0 {
		err = fmt.Errorf("%w: %d entries in queues that must be empty", errQueues, look.Entries)
	}
	return err
}

// scrubRunners looks at records of runners, and whether their control streams
// are streams.
func (e *Engine) scrubRunners(ctx context.Context, page []views.Value) error {
	ids := make([]domain.Name, len(page))
	for i, v := range page {
		if _, err := v.Value(v.Data); err != nil {
			return err
		}
		ids[i] = domain.Name(v.Name)
	}
	removed, err := e.cfg.Views.Mend(ctx, ids)
	if err == nil && len(removed) > 0 {
		err = fmt.Errorf("%w: something else stood where the control streams of %v belong; it was removed", errQueues, removed)
	}
	return err
}

// errQueues means that the queues are not what the views say.
var errQueues = fmt.Errorf("%w: the queues", views.ErrDamaged)

// scrubStatements compares what runners read of the statements with what was
// written.
func (e *Engine) scrubStatements(ctx context.Context) error {
	look, err := e.cfg.Views.Look(ctx, views.Query{Statements: true})
	if err != nil {
		return err
	}
	if !samePlace(look.Position, e.pos) {
		return ErrFenced
	}
	for i, want := range e.told {
		name := queue.StatementField(uint64(i) + 1)
		if sumOf(look.Statements[name]) != want {
			return fmt.Errorf("%w: statement %s was edited", views.ErrDamaged, name)
		}
	}
	return nil
}

// sumOf is what an engine remembers of a statement that it wrote or proved.
func sumOf(statement []byte) uint32 { return crc32.ChecksumIEEE(statement) }
