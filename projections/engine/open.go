package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Open returns an engine that goes on where the views are. When they cannot be
// gone on from, because a count differs, a statement is missing or the log has
// another commit at their position, it begins anew from the founding with empty
// views: Began says why.
//
// Errors are [ErrFenced], [domain.Halted] with the reason "founding", and those
// of log and views.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	e := newEngine(cfg, 0)
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open projections of partition %d: %w", cfg.Partition, err), e.Close())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) error {
	for {
		pos, err := e.writer.Watch(ctx)
		broken := errors.Is(err, views.ErrDamaged)
		if err != nil && !broken {
			return err
		}
		if e.cfg.Term != 0 && pos.Term > e.cfg.Term {
			return ErrFenced
		}
		err = unfit("the position cannot be read")
		if !broken {
			err = e.resume(ctx, pos)
		}
		why, isUnfit := errors.AsType[unfit](err)
		if isUnfit {
			again, err := e.anew(ctx, pos, string(why))
			if again {
				continue
			}
			return err
		}
		if err == nil {
			e.pos, e.seen = pos, &pos
			e.passed.Store(pos.Seq)
		}
		return err
	}
}

// unfit is why views cannot be gone on from.
type unfit string

// Error returns why.
func (u unfit) Error() string { return string(u) }

// resume takes over the views at a position, if they are fit.
func (e *Engine) resume(ctx context.Context, pos views.Position) error {
	if pos.Live == 0 {
		return unfit("there are none yet")
	}
	look, err := e.cfg.Views.Look(ctx, views.Query{
		Count: true, Statements: true, Whole: []views.Table{views.Queues, views.Modes},
		Fields: []views.Field{{Table: views.Tips, Name: event.Aggregate{Kind: event.Leader}.String()}},
	})
	switch {
	case errors.Is(err, views.ErrDamaged):
		return unfit("a key is not what it should be")
	case err != nil:
		return err
	case !samePlace(look.Position, pos):
		return ErrFenced
	case look.Position != pos:
		return domain.Errorf(domain.TryAgain, "rebuilding", "a rebuild just ended: open the projections again")
	case look.Check() != nil:
		return unfit("there is more or less in them than was written")
	}
	if err := e.know(look); err != nil {
		return unfit(err.Error())
	}
	if pos.Seq == 0 {
		return nil
	}
	return e.resumeChain(ctx, pos, look)
}

// resumeChain brings the chain to a position, believing only what is signed.
func (e *Engine) resumeChain(ctx context.Context, pos views.Position, look *views.Look) error {
	last, err := e.commitAt(ctx, pos.Seq)
	if err != nil {
		return err
	}
	if last == nil || last.Seal.Last() != pos.Seq || last.Seal.Hash() != pos.Seal {
		return unfit(fmt.Sprintf("the log does not have their last commit at %d", pos.Seq))
	}
	if latest(last) != pos.Latest { // time goes on in a log, so the last commit's is the latest
		return unfit("their time is not that of their last commit")
	}
	keys, founding, err := e.statements(look.Statements, pos.Statements)
	if err != nil {
		return unfit(fmt.Sprintf("a statement does not hold: %v", err))
	}
	if !e.sealed(last, keys) || last.Seal.Statements+statementsIn(last) != keys.Statements {
		return unfit("their last commit is not sealed by a supervisor who knew the statements")
	}
	began, err := e.leaderAt(ctx, look.Values[0], keys, last.Seal.Term)
	if err != nil {
		return err
	}
	if err := e.checkFounding(founding); err != nil {
		return err
	}
	e.told = e.told[:0]
	for i := range pos.Statements {
		e.told = append(e.told, sumOf(look.Statements[queue.StatementField(i+1)]))
	}
	e.chain.State.Access, e.chain.State.Term = keys, began
	e.chain.SetHead(history.Head{Seq: pos.Seq, Seal: pos.Seal, Term: last.Seal.Term, Latest: pos.Latest})
	e.seal = last.Seal
	return nil
}

// commitAt returns the commit that holds an event, and nil when the log has
// nothing there that is one.
func (e *Engine) commitAt(ctx context.Context, seq uint64) (*history.Commit, error) {
	c, err := e.source.Commit(ctx, seq)
	if _, isFault := history.IsFault(err); isFault {
		return nil, nil
	}
	return c, err
}

// statements checks the proof of every statement from the founding on, each
// with the keys that the statements before it admit. It changes nothing of the
// engine: an onlooker calls it from several goroutines.
func (e *Engine) statements(values map[string][]byte, n uint64) (keys access.State, founding signing.Hash, err error) {
	wire := queue.Keys{Namespace: e.cfg.Namespace, Partition: e.cfg.Partition}
	var last signing.Seal
	var latest event.Time
	for i := uint64(1); i <= n; i++ {
		proof, err := wire.ParseStatement(values[queue.StatementField(i)])
		if err != nil {
			return keys, founding, err
		}
		entry, err := history.ParseEntry(proof.Seq, proof.Event)
		if err != nil {
			return keys, founding, err
		}
		data, ok := entry.Data.(access.Event)
		fact := event.FactOf(entry.Recorded, data, entry.Seq, entry.Hash)
		if !ok || entry.Version != i || entry.Namespace != string(e.cfg.Namespace) || entry.Partition != e.cfg.Partition {
			return keys, founding, views.ErrDamaged
		}
		if err := access.Legal(keys, fact); err != nil {
			return keys, founding, err
		}
		latest = max(latest, entry.At)
		key, ok := keys.Sealer(&proof.Seal, &fact, latest)
		if !ok || !keys.Continues(&last, &proof.Seal) || proof.Check() != nil || !e.cfg.Verifier.Verify(proof.Seal.Check(key)) {
			return keys, founding, views.ErrDamaged
		}
		if i == 1 {
			founding = entry.Hash
		}
		keys, last = access.Evolve(keys, fact), proof.Seal
	}
	return keys, founding, nil
}

func statementsIn(c *history.Commit) uint64 {
	var n uint64
	for i := range c.Entries {
		if c.Entries[i].Aggregate.Kind == event.Access {
			n++
		}
	}
	return n
}

// sealed reports whether a supervisor of these statements sealed the commit.
// Its events were compared with the seal's root when it was read.
func (e *Engine) sealed(c *history.Commit, keys access.State) bool {
	key, ok := keys.Sealer(&c.Seal, nil, latest(c))
	return ok && !keys.RevokedBefore(c.Seal.Key, c.Seal.First) && e.cfg.Verifier.Verify(c.Seal.Check(key))
}

// latest returns the latest time that an event of a commit bears.
func latest(c *history.Commit) (t event.Time) {
	for i := range c.Entries {
		t = max(t, c.Entries[i].At)
	}
	return t
}

// leaderAt returns the term that the last term.began began. It must be the last
// commit's.
func (e *Engine) leaderAt(ctx context.Context, tip []byte, keys access.State, want uint64) (term.State, error) {
	const why = unfit("they do not name where the last term began")
	seq, err := strconv.ParseUint(string(tip), 10, 64)
	if err != nil {
		return term.State{}, why
	}
	c, err := e.commitAt(ctx, seq)
	if err != nil {
		return term.State{}, err
	}
	if c == nil || !e.sealed(c, keys) {
		return term.State{}, why
	}
	fact, ok := history.FactOf[term.Began](&c.Entries[seq-c.Seal.First])
	if !ok || fact.Data.Term != want {
		return term.State{}, why
	}
	return term.Evolve(term.State{}, fact), nil
}

// anew begins a generation from the founding. again says that somebody touched
// the position meanwhile.
func (e *Engine) anew(ctx context.Context, pos views.Position, why string) (again bool, err error) {
	stored, err := e.cfg.Views.Stored(ctx)
	if err != nil {
		return false, err
	}
	if e.former, err = e.queuesOf(ctx); err != nil {
		return false, err
	}
	fresh := max(pos.Live, pos.Filling)
	for _, g := range stored {
		fresh = max(fresh, g)
	}
	fresh++
	begun := views.Position{Term: max(pos.Term, e.cfg.Term), Live: fresh}
	// A crash before this leaves everything as it was, and the next engine finds
	// the same. A crash behind it leaves an empty live generation: the next
	// engine fills it. Generations that are left over are removed by the next
	// rebuild or beginning, what stands in queues that only they knew of when the
	// queue is used again.
	_, err = e.writer.Commit(ctx, &views.Tx{Generation: fresh, Forget: true, Position: begun})
	if errors.Is(err, views.ErrConflict) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("begin views anew: %w", err)
	}
	for _, g := range stored {
		if err := e.cfg.Views.Drop(ctx, g); err != nil {
			return false, fmt.Errorf("drop generation %d: %w", g, err)
		}
	}
	e.chain = history.NewChain(string(e.cfg.Namespace), e.cfg.Partition, e.cfg.Verifier)
	e.seal, e.founding = signing.Seal{}, signing.Hash{}
	e.setQueues(map[job.Queue]queues.Count{})
	e.pos, e.began, e.told, e.modes = begun, why, nil, modes.Modes{}
	e.seen = nil
	return false, nil
}

// queuesOf returns the queues that the live generation knows, as far as it can
// be read. When a log lost its end, there may be entries in queues that nothing
// in it speaks of any more.
func (e *Engine) queuesOf(ctx context.Context) (map[job.Queue]queues.Count, error) {
	look, err := e.cfg.Views.Look(ctx, views.Query{Whole: []views.Table{views.Queues}})
	if err == nil {
		var known map[job.Queue]queues.Count
		if known, err = parseQueues(look.Whole[0]); err == nil {
			return known, nil
		}
	}
	if errors.Is(err, views.ErrDamaged) {
		return nil, nil
	}
	return nil, fmt.Errorf("list queues: %w", err)
}

// loadQueues reads the counts of all queues of a generation that went live, and
// the modes.
func (e *Engine) loadQueues(ctx context.Context, p views.Position) error {
	look, err := e.cfg.Views.Look(ctx, views.Query{Whole: []views.Table{views.Queues, views.Modes}})
	if err != nil {
		return err
	}
	if look.Position != p {
		return views.ErrConflict
	}
	return e.know(look)
}

// know takes the tables that an engine has in memory as a whole: queues, and
// modes.
func (e *Engine) know(look *views.Look) error {
	counts, err := parseQueues(look.Whole[0])
	if err != nil {
		return err
	}
	e.setQueues(counts)
	e.modes, err = modes.Parse(look.Whole[1])
	return err
}

func parseQueues(table map[string][]byte) (map[job.Queue]queues.Count, error) {
	found := make(map[job.Queue]queues.Count, len(table))
	for name, data := range table {
		q, err := job.ParseQueue(name)
		if err != nil {
			return nil, fmt.Errorf("%w: queue %s", views.ErrDamaged, name)
		}
		if found[q], err = queues.ParseCount(data); err != nil {
			return nil, fmt.Errorf("%w: count of %s", views.ErrDamaged, name)
		}
	}
	return found, nil
}
