package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// ErrFenced means that somebody else leads: the position is not where this
// engine put it, or bears another term. Nothing was written. The engine is of
// no further use, and whoever runs it drops everything and takes the lease
// again.
var ErrFenced error = domain.Errorf(domain.TryAgain, "not_leader", "this supervisor leads no more: ask again")

// Config is what an engine needs. All fields are required but Term, Founding,
// Lease and OnFolded.
type Config struct {
	Namespace domain.Name
	Partition uint16
	Log       eventstore.Log
	Views     views.Store
	Verifier  *signing.Verifier
	// Term is the lease's that the caller holds. An engine without one goes on
	// under whatever term the position bears.
	Term uint64
	// Founding is the fingerprint of the founding that the caller trusts, the
	// hash of its event; zero if any will do. Another one is refused with
	// [domain.Halted] and the reason "founding".
	Founding signing.Hash
	// Lease is how long the caller lets a runner be silent about an attempt.
	// Runners are told of it from the end of the log on; of none when it is zero.
	Lease time.Duration
	// OnFolded is told of every transaction, from within Turn, CatchUp or
	// Reconcile: it must be quick.
	OnFolded func(Folded)
}

// Folded says what a transaction was about.
type Folded struct {
	Through   uint64     // place that the views have reached
	Latest    event.Time // latest time of any event up to there
	Live      bool       // false while the engine catches up: the events are news to nobody
	Due       event.Time // the earliest that it set; zero when it set none
	Events    int
	Submitted int // jobs
	Completed int
	Failed    map[job.FailureKind]int // nil when there are none
	Stopped   int
	Retried   map[job.FailureKind]int // attempts that failed and are followed by another; nil when there are none
	Lost      map[job.LossReason]int  // attempts; nil when there are none
	Refused   int                     // pieces of output, and of progress, of attempts that were not open
	Late      int                     // reports of ends that the histories of their jobs name as refused
}

// Engine folds one partition's commits into its views. One goroutine calls
// Turn, CatchUp, Reconcile, Compare, Scrub, ScrubEvery and Inspect; all other
// methods are safe for concurrent use unless they say otherwise.
type Engine struct {
	cfg    Config
	fill   uint64 // generation that a rebuild fills; 0 in an engine of the partition
	source proofs.Source
	writer views.Writer
	chain  *history.Chain
	seal   signing.Seal // the last one that was followed

	founding signing.Hash // fingerprint of the founding; zero before it was met
	broken   error        // what is wrong with the commit that follows
	began    string       // why the views were begun anew; empty if they were not

	feed    feed
	reader  *history.Reader // puts log entries together; nil when the feed was used since
	readTo  uint64          // place of the last entry that reader has
	limit   uint64          // place behind which nothing is read; 0 for the end of the log
	watches watches
	busy    busy
	passed  atomic.Uint64
	// stopping is how many jobs are to be stopped, the sum of what queues say.
	stopping atomic.Uint64

	pos       views.Position  // as this engine left it
	seen      *views.Position // as the writer watches it; nil when it does not
	flight    *flight         // folded and perhaps sent; nil when everything is settled
	failed    error           // what this engine cannot get over
	live      bool
	room      []byte // of the last batch, to be written into again
	jobs      cache[job.ID, cachedJob]
	runners   cache[domain.Name, runners.Record]
	processes cache[string, runners.Process]
	modes     modes.Modes                // all of them
	queues    map[job.Queue]queues.Count // all of them
	former    map[job.Queue]queues.Count // of views that were begun anew; nil once they were reconciled
	groups    map[job.Queue]bool         // whose group is known to be there
	missing   map[job.ID]queue.EntryID   // open attempts whose entries are in no queue
	told      []uint32                   // sums of the statements that runners read, in order

	scrubbed scrub
	doubts   chan views.Field // that a reader found edited
}

// Limits.
const (
	maxCached     = 1 << 16  // open jobs, and runners, in memory: some 30 MiB at most
	maxTurnEvents = 1024     // of one transaction, or one commit: Redis is busy with it for some milliseconds
	maxTurnBytes  = 4 << 20  // of its events, or one commit
	pageSize      = 512      // entries of one read of the log
	maxOffered    = 1024     // commits that wait in memory
	maxOfferBytes = 32 << 20 // of their events
	maxDoubts     = 64       // fields that readers found edited, until they are looked at
)

func newEngine(cfg Config, fill uint64) *Engine {
	return &Engine{
		cfg: cfg, fill: fill,
		source: proofs.Source{Log: cfg.Log, Namespace: cfg.Namespace, Partition: cfg.Partition},
		writer: cfg.Views.Writer(fill),
		chain:  history.NewChain(string(cfg.Namespace), cfg.Partition, cfg.Verifier),
		feed:   feed{wake: make(chan struct{}, 1)},
		doubts: make(chan views.Field, maxDoubts),
		modes:  modes.Modes{}, queues: map[job.Queue]queues.Count{}, groups: map[job.Queue]bool{}, missing: map[job.ID]queue.EntryID{},
	}
}

// Close gives up the engine's connection. Nothing else may be running.
func (e *Engine) Close() error { return e.writer.Close() }

// Began says why the views were begun anew when the engine was opened; it is
// empty when they were taken on as they were.
func (e *Engine) Began() string { return e.began }

// Founding returns the fingerprint of the founding, which is the hash of its
// event; zero while the log is empty. Nothing else may be running.
func (e *Engine) Founding() signing.Hash { return e.founding }

// Chain returns a chain that goes on where the engine is, with the statements
// and the term in its state. It is the caller's own. Nothing else may be
// running.
func (e *Engine) Chain() *history.Chain {
	c := history.NewChain(string(e.cfg.Namespace), e.cfg.Partition, e.cfg.Verifier)
	c.State.Access, c.State.Term = e.chain.State.Access, e.chain.State.Term
	c.SetHead(e.chain.Head())
	return c
}

// Tip returns the end of the log as far as the engine followed it. Nothing else
// may be running.
func (e *Engine) Tip() eventstore.Tip {
	if e.seal.Count == 0 {
		return eventstore.Tip{}
	}
	return eventstore.Tip{Seq: e.seal.Last(), Seal: string(e.seal.Append(nil))}
}

// Passed returns the place that the views have reached for sure.
func (e *Engine) Passed() uint64 { return e.passed.Load() }

// Lag returns how many events are known to be in the log and not in the views
// yet.
func (e *Engine) Lag() uint64 {
	end, passed := e.feed.last(), e.passed.Load()
	return max(end, passed) - passed
}

// Turn folds what was offered, or what the log holds of it, in one transaction.
// busy says that it found something: whoever turns again a moment later finds
// more of it at once. An error keeps what was folded for the next Turn, but
// [ErrFenced], [views.ErrDamaged] and [*history.Fault]s, after which the engine is
// of no further use.
func (e *Engine) Turn(ctx context.Context) (busy bool, err error) {
	if e.failed != nil {
		return false, e.failed
	}
	if e.flight == nil {
		steps, err := e.next(ctx)
		if len(steps) == 0 {
			return false, e.note(err)
		}
		e.flight = &flight{steps: steps}
	}
	if err := e.land(ctx); err != nil {
		return false, e.note(err)
	}
	return true, nil
}

// CatchUp folds everything that the log holds. It queues nothing and tells
// nobody of processes that joined, unless the engine is live.
func (e *Engine) CatchUp(ctx context.Context) error {
	for e.failed == nil {
		if e.flight == nil {
			steps, err := e.fromLog(ctx)
			if len(steps) == 0 {
				return e.note(err)
			}
			e.flight = &flight{steps: steps}
		}
		if err := e.land(ctx); err != nil {
			return e.note(err)
		}
	}
	return e.failed
}

// note remembers an error that the engine cannot get over.
func (e *Engine) note(err error) error {
	if err == nil {
		return nil
	}
	if _, isFault := history.IsFault(err); isFault || domain.CodeOf(err) == domain.Halted || errors.Is(err, ErrFenced) {
		e.failed = err
	}
	return fmt.Errorf("project partition %d: %w", e.cfg.Partition, err)
}
