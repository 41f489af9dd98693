package runnersdk

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// Runner is one process of a runner id.
type Runner struct {
	config  Config
	handler Handler
	logger  *slog.Logger
	queues  []job.Queue
	trust   *trust
	checker *checker // of take, and of listen before it joined
	hands   *hands
	outbox  *outbox

	handlers sync.WaitGroup
	joined   atomic.Bool
	stopping atomic.Bool // takes no more work
	leaving  sync.Once
	modes    modes
	stops    stops

	join   joining                     // of listen
	seen   map[job.Queue]queue.EntryID // the last entry that came, good or bad; of take
	filled bool                        // the last claim filled all slots, so that there may be more; of take
	lost   bool                        // an answer was lost, and entries with it; of take
	kept   time.Time                   // when leases were renewed last; of keep
	blip   bool                        // some could not be, then; of keep
	pulse  pulse                       // of beat
}

// knownKeys is how many keys' tables are remembered: supervisors, and the
// clients of the last while.
const knownKeys = 1024

// New returns a runner that has done nothing yet. Its error says what is wrong
// with the configuration.
func New(c Config, h Handler) (*Runner, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	logger := c.Logger.With("runner", c.Runner, "process", c.Process)
	verifier := signing.NewVerifier(knownKeys)
	r := &Runner{
		config: c, handler: h, logger: logger,
		queues: runner.Queues(c.Runner, c.Kinds),
		hands:  newHands(c.Slots),
		seen:   map[job.Queue]queue.EntryID{},
		modes:  modes{shorter: make(chan struct{}, 1)},
	}
	r.trust = &trust{keys: c.keys(), line: c.Wire, verifier: verifier, want: c.Trust, pin: c.Pin}
	r.checker = &checker{trust: r.trust, verifier: verifier, reader: queue.Reader{Keys: c.keys()}}
	r.outbox = newOutbox(r.bundle(firstNumber+1), r.hands.drop)
	return r, nil
}

// firstNumber is that of the bundle with which a process joins.
const firstNumber = 1

func (r *Runner) bundle(number uint64) runner.Bundle {
	return runner.Bundle{
		Namespace: string(r.config.Namespace), Partition: r.config.Partition,
		Runner: r.config.Runner, Process: r.config.Process, Number: number,
	}
}

// Turn does one round of everything that a runner does, without waiting for
// anything but answers, and reports whether there was anything to do. Handlers
// run beside it, as [Config] says. Errors of the wire are passing: the next turn
// goes on where this one stopped. After [ErrForgotten], [ErrDrained] and
// [domain.Forbidden] it cannot go on. Turn and [Runner.Run] exclude each other.
func (r *Runner) Turn(ctx context.Context) (busy bool, err error) {
	for _, turn := range []turn{waiting(r.listen, 0), waiting(r.take, 0), r.keep, r.report, r.beat} {
		n, failed := turn(ctx)
		busy, err = busy || n > 0, errors.Join(err, failed)
	}
	return busy, err
}

// take claims what may be run now, checks it and starts it. It waits for the
// first entry for so long.
func (r *Runner) take(ctx context.Context, wait time.Duration) (n int, err error) {
	r.modes.claiming.Store(true)
	defer r.modes.claiming.Store(false)
	free := r.hands.free()
	if !r.ready(free) {
		return 0, nil
	}
	if r.lost {
		if n, err = r.takeUnseen(ctx, free); n > 0 || err != nil {
			return n, err
		}
	}
	queues := r.modes.open()
	if len(queues) == 0 {
		return 0, nil
	}
	asked := r.config.Now()
	entries, err := r.config.Wire.Take(ctx, r.config.Process, queues, free, wait)
	if err != nil {
		r.lost = r.lost || !errors.Is(err, queue.ErrNoQueue)
		return 0, err
	}
	r.filled = len(entries) == free
	return len(entries), r.accept(ctx, entries, asked)
}

// ready reports whether there is anything to claim for.
func (r *Runner) ready(free int) bool {
	full, _ := r.outbox.full()
	return free > 0 && r.joined.Load() && !r.stopping.Load() && !full && r.modes.mayHold()
}

// takeUnseen finds entries that were delivered by an answer that never came.
// A group delivers in order, so they stand behind all that did come.
func (r *Runner) takeUnseen(ctx context.Context, free int) (n int, err error) {
	for _, q := range r.queues {
		asked := r.config.Now()
		entries, err := r.config.Wire.Pending(ctx, r.config.Process, q, r.seen[q], free)
		if errors.Is(err, queue.ErrNoQueue) {
			continue
		}
		if err != nil {
			return n, err
		}
		if len(entries) == 0 {
			continue
		}
		n += len(entries)
		if err := r.accept(ctx, entries, asked); err != nil {
			return n, err
		}
		if free = r.hands.free(); free <= 0 {
			return n, nil
		}
	}
	r.lost = false
	return n, nil
}

// accept starts what may be run and reports what may not. After an error
// nothing was started: the entries are pending and will be found.
func (r *Runner) accept(ctx context.Context, entries []queue.Entry, asked time.Time) error {
	if len(entries) == 0 {
		return nil
	}
	claims, err := r.checker.check(ctx, entries)
	if err != nil {
		r.lost = true
		return err
	}
	for _, e := range entries {
		if id, err := queue.ParseEntryID(e.ID); err == nil && id.Compare(r.seen[e.Queue]) > 0 {
			r.seen[e.Queue] = id
		}
	}
	for i := range claims {
		k := &claims[i]
		about, named := k.about(stamp(r.config.Now()))
		if k.refusal == nil {
			r.start(ctx, r.newAttempt(k, about, asked))
			continue
		}
		r.logger.WarnContext(ctx, "refused a queue entry", "queue", k.queue.String(), "entry", k.id.String(),
			"reason", k.refusal.Reason, "why", k.refusal.Message)
		if named {
			r.outbox.add(runner.Refused{About: about, Reason: k.refusal.Reason}, nil)
		}
	}
	return nil
}

// start gives an attempt to the handler, now or when a slot is free. Its
// context has the values of ctx and ends when the attempt is stopped.
func (r *Runner) start(ctx context.Context, a *attempt) {
	begin := r.hands.hold(a)
	if r.stops.names(a) { // heard before it was held; what is heard from here on finds it
		r.halt(ctx, a)
	}
	if !begin {
		return
	}
	r.work(context.WithoutCancel(ctx), a)
}

// work runs an attempt beside all else, and then what waits for its slot. A
// handler that ends its goroutine does not take the slot with it.
func (r *Runner) work(ctx context.Context, a *attempt) {
	r.handlers.Add(1)
	r.config.Go(func() {
		defer r.handlers.Done()
		defer func() {
			if a == nil {
				return
			}
			if next := r.hands.next(); next != nil {
				r.work(ctx, next)
			}
		}()
		for ; a != nil; a = r.hands.next() {
			a.run(ctx, r.handler)
		}
	})
}

// report gathers what running attempts have to say and sends the next bundle.
func (r *Runner) report(ctx context.Context) (n int, err error) {
	if !r.joined.Load() {
		return 0, nil
	}
	for _, a := range r.hands.all() {
		a.tick()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return r.outbox.send(ctx, r.config.Wire, r.config.Key)
}

// answerTime is how long an answer may take before the question is asked again.
const answerTime = 3 * time.Second
