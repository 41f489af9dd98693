package chaos

import (
	"errors"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/herocode/horus/integration/faultproxy"
)

// hit is a fault as it was done.
type hit struct {
	Fault
	program      *program // nil for Redis and networks in front
	pid          int      // that it had
	led          bool     // it held the lease when it was hit
	order        *byHand  // what an administrator asked for; nil if it was not him
	began, ended time.Time
}

// step is the beginning or the end of a fault.
type step struct {
	at time.Duration
	do func()
}

// suffer does what a plan says, from the beginning of the load on, and returns
// when all of it is over. Redis' restarts keep the next step waiting for a moment:
// the plan says when things happen at the earliest.
func (w *world) suffer(p Plan) {
	w.t.Helper()
	var steps []step
	for i, f := range p.Faults {
		var h *hit
		steps = append(steps,
			step{f.At, func() { h = w.strike(f, rand.New(rand.NewPCG(p.Seed, uint64(i)))) }}, //nolint:gosec // chances of a fault
			step{f.until(), func() { w.mend(h) }})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	for _, s := range steps {
		time.Sleep(time.Until(w.began.Add(s.at)))
		if w.t.Context().Err() != nil {
			break
		}
		s.do()
	}
	w.mending.Wait()
}

// strike begins a fault, and returns nil when there is nobody whom it could
// happen to: something else is being done to him, he is just being started, or
// nobody leads.
func (w *world) strike(f Fault, random *rand.Rand) *hit {
	w.t.Helper()
	h := &hit{Fault: f, began: time.Now()}
	leader := w.leader()
	switch f.Role {
	case Leader:
		h.program = leader
	case Supervisor:
		h.program = w.supervisors[f.Index]
	case Runner:
		h.program = w.runners[f.Index]
	case Front:
		disturb(w.fronts[f.Index], f.Kind, random)
		w.hits = append(w.hits, h)
		return h
	case Redis:
		w.strikeRedis(f.Kind)
		w.hits = append(w.hits, h)
		return h
	case Queue, RunnerID:
		h.order = w.close(f)
		w.hits = append(w.hits, h)
		return h
	}
	if h.program == nil || !h.program.seize() {
		w.t.Logf("%s: there was nobody to do it to", f)
		return nil
	}
	h.pid, h.led, h.began = h.program.pid(), h.program == leader, time.Now()
	switch f.Kind {
	case Kill:
		h.program.tell(syscall.SIGKILL)
	case Terminate:
		h.program.tell(syscall.SIGTERM)
	case Stop:
		h.program.tell(syscall.SIGSTOP)
	case Cut, Silence, Vanish, Replies:
		disturb(h.program.proxy, f.Kind, random)
	case Pause, Drain: // happen to queues and runner ids
	}
	w.hits = append(w.hits, h)
	return h
}

// disturb begins what happens to a network.
func disturb(p *faultproxy.Proxy, kind Kind, random *rand.Rand) {
	switch kind {
	case Cut:
		p.Set(func(faultproxy.Piece) faultproxy.Fate { return faultproxy.Fate{} })
		p.Cut()
	case Silence, Vanish:
		p.Freeze()
	case Replies:
		p.Set(everyThirdReply(random))
	case Kill, Terminate, Stop, Pause, Drain: // happen to others
	}
}

// calm ends it.
func calm(p *faultproxy.Proxy, kind Kind) {
	switch kind {
	case Cut, Replies:
		p.Set(nil)
	case Silence:
		p.Thaw()
	case Vanish:
		p.Cut()
		p.Thaw()
	case Kill, Terminate, Stop, Pause, Drain: // happen to others
	}
}

// everyThirdReply loses about that many, and with each its connection. The first
// one on a connection to Redis is a greeting, which says nothing about anything.
func everyThirdReply(random *rand.Rand) faultproxy.Rule {
	greeted := map[int]bool{}
	return func(p faultproxy.Piece) faultproxy.Fate {
		lost := !p.ToServer && greeted[p.Connection] && random.IntN(3) == 0
		greeted[p.Connection] = greeted[p.Connection] || !p.ToServer
		if lost {
			return faultproxy.Fate{}
		}
		return p.Passes()
	}
}

func (w *world) strikeRedis(kind Kind) {
	w.t.Helper()
	switch kind {
	case Kill:
		w.redis.Kill()
	case Terminate:
		w.redis.Terminate()
	case Stop:
		w.redis.Pause()
	case Cut, Silence, Vanish, Replies, Pause, Drain: // happen to others
	}
}

// mend ends a fault.
func (w *world) mend(h *hit) {
	w.t.Helper()
	switch {
	case h == nil:
		return
	case h.order != nil:
		h.order.open()
		w.mending.Go(func() { w.check(h.Fault, h.order.wait()) })
	case h.Role == Front:
		calm(w.fronts[h.Index], h.Kind)
	case h.Role == Redis && h.Kind == Stop:
		w.redis.Unpause()
	case h.Role == Redis:
		w.redis.Restart()
	case h.Kind == Kill || h.Kind == Terminate:
		w.mending.Go(func() { w.check(h.Fault, h.startAgain()) })
		return // it says itself when it has ended
	case h.Kind == Stop:
		h.program.tell(syscall.SIGCONT)
		h.program.leaveAlone()
	default:
		calm(h.program.proxy, h.Kind)
		h.program.leaveAlone()
	}
	h.ended = time.Now()
}

// check fails the test when something could not be mended.
func (w *world) check(f Fault, err error) {
	if err != nil {
		w.t.Errorf("%s: %v", f, err)
	}
}

// mendTime is how long a program may take to end beyond its grace: it says its
// last words to a Redis that may be away.
const mendTime = 20 * time.Second

// startAgain waits until the program has ended, and starts it again.
func (h *hit) startAgain() error {
	defer h.program.leaveAlone()
	_, err := h.program.wait(grace + mendTime)
	if err != nil {
		h.program.tell(syscall.SIGKILL)
		_, killed := h.program.wait(patience)
		err = errors.Join(err, killed)
	}
	err = errors.Join(err, h.program.start())
	h.ended = time.Now()
	return err
}
