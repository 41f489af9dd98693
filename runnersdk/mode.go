package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
)

// ErrDrained ends a process whose runner id was drained: it holds nothing any
// more, and took leave. [Runner.Run] returns nil then, whoever calls
// [Runner.Turn] is done.
var ErrDrained = errors.New("the runner id is drained")

// modesEvery is how often a process looks what it may take from. Its reads of
// the control stream wait twice as long, so a pause is heard within 750 ms.
const modesEvery = waitTime / 2

// modes is what the process may take from, as it was told last.
type modes struct {
	may      atomic.Pointer[permit] // nil before it was told
	claiming atomic.Bool            // take is under way
	lease    atomic.Int64           // the leader's, in nanoseconds; 0 before it was told
	shorter  chan struct{}          // wakes keep: the lease changed
	said     map[string]string      // of listen
	retiring bool                   // it said that it leaves; of listen
	again    time.Time              // when to look next; of listen
}

// permit is where a process may take work from.
type permit struct {
	own  domain.Mode // of its id
	open []job.Queue
}

// drained reports whether the process is to end.
func (m *modes) drained() bool {
	may := m.may.Load()
	return may != nil && may.own == domain.Drained
}

// open returns the queues to take from: none before the process was told, and
// none while its id is paused or drained.
func (m *modes) open() []job.Queue {
	if may := m.may.Load(); may != nil && may.own == domain.Open {
		return may.open
	}
	return nil
}

// mayHold reports whether what was delivered already may be begun: a pause does
// not take back what was taken.
func (m *modes) mayHold() bool { return m.may.Load() != nil && !m.drained() }

// hearModes looks what the process may take from, when it is time. Its error is
// fatal, with [ErrDrained], once a process that is drained has left.
func (r *Runner) hearModes(ctx context.Context) error {
	m := &r.modes
	if now := r.config.Now(); !now.Before(m.again) {
		said, err := r.config.Wire.Modes(ctx, r.modeFields())
		if err != nil {
			return fmt.Errorf("look what may be taken: %w", err)
		}
		m.again = now.Add(modesEvery)
		r.hearLease(ctx, said[queue.LeaseField])
		delete(said, queue.LeaseField)
		r.obey(ctx, said)
	}
	if m.retiring || m.drained() {
		return r.retire(ctx)
	}
	return nil
}

func (r *Runner) modeFields() []string {
	fields := []string{queue.LeaseField, queue.ModeOfRunner(r.config.Runner)}
	for _, q := range r.queues {
		fields = append(fields, queue.ModeOf(q))
	}
	return fields
}

// lease is how long an attempt is ours without a renewal: whichever is shorter
// of our own lease and the leader's, who gives an attempt away when his is over.
func (r *Runner) lease() time.Duration {
	if leaders := time.Duration(r.modes.lease.Load()); leaders > 0 {
		return min(leaders, r.config.Lease)
	}
	return r.config.Lease
}

// hearLease takes over the leader's lease. One that is not there, or cannot be,
// leaves what was said before: who edits the hash lengthens nothing by that.
func (r *Runner) hearLease(ctx context.Context, word string) {
	leaders, ok := queue.ParseLease(word)
	if !ok {
		return
	}
	before := r.lease()
	r.modes.lease.Store(int64(leaders))
	if now := r.lease(); now != before {
		r.logger.WarnContext(ctx, "the leader's lease is another one than this runner's: the shorter one is kept",
			"lease", now, "own", r.config.Lease, "leaders", leaders)
		signal(r.modes.shorter)
	}
}

// obey takes over what was said, if it is news. A queue that is drained goes on
// being worked off. Whatever stands in a field is not open, so a word that is
// not known counts as a pause.
func (r *Runner) obey(ctx context.Context, said map[string]string) {
	m := &r.modes
	if m.may.Load() != nil && maps.Equal(m.said, said) {
		return
	}
	may := &permit{own: modeOf(said[queue.ModeOfRunner(r.config.Runner)])}
	var paused []string
	for _, q := range r.queues {
		if modeOf(said[queue.ModeOf(q)]) == domain.Paused {
			paused = append(paused, q.String())
		} else {
			may.open = append(may.open, q)
		}
	}
	if m.said != nil || len(said) > 0 {
		r.tellMode(ctx, may.own, paused)
	}
	m.said = said
	m.may.Store(may)
	signal(r.hands.freed) // there may be something to take now
}

func modeOf(word string) domain.Mode {
	if mode, err := domain.ParseMode(word); err == nil {
		return mode
	}
	return domain.Paused
}

func (r *Runner) tellMode(ctx context.Context, own domain.Mode, paused []string) {
	switch own {
	case domain.Drained:
		if r.joined.Load() {
			r.logger.InfoContext(ctx, "the runner id was drained: this process ends when what it holds is done")
		} else {
			r.logger.InfoContext(ctx, "the runner id is drained: waiting until it is resumed")
		}
	case domain.Paused:
		r.logger.InfoContext(ctx, "the runner id was paused: this process takes nothing until it is resumed")
	case domain.Open:
		if len(paused) == 0 {
			r.logger.InfoContext(ctx, "nothing is paused any more")
		} else {
			r.logger.InfoContext(ctx, "takes nothing from queues that were paused", "queues", paused)
		}
	}
}

// retire has a drained process that joined leave once it holds nothing. It looks
// for a claim that is under way only after it has seen that none may begin, so
// nothing is taken behind its back.
func (r *Runner) retire(ctx context.Context) error {
	if !r.joined.Load() || r.modes.claiming.Load() || len(r.hands.all()) > 0 {
		return nil
	}
	r.modes.retiring = true // even if the id is resumed now: it says so only once
	r.stopping.Store(true)
	if r.leave(); !r.outbox.empty() {
		return nil
	}
	r.logger.InfoContext(ctx, "ends because its runner id was drained: started again, it waits until the id is resumed")
	return fatalError{ErrDrained}
}

// leave says, once, that the process takes no more and runs nothing.
func (r *Runner) leave() {
	r.leaving.Do(func() { r.outbox.add(runner.Leave{}, nil) })
}
