package sim

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"time"
)

// thread is one strand of a process' work. It runs until it waits; then the
// world lets others go on.
type thread struct {
	id      int
	process *process
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	turn    int // counts the times that it waited: who wakes it names one
	over    bool
	waiting *rest // for what the process itself does; nil when it does not
}

// rest is what a thread waits for.
type rest struct {
	ctx  context.Context //nolint:containedctx // looked at while the thread waits, and no longer
	wake <-chan struct{}
}

// done reports whether the wait is over. What it received from wake is gone.
func (r *rest) done() bool {
	select {
	case <-r.wake:
		return true
	default:
		return r.ctx.Err() != nil
	}
}

// killed unwinds the threads of a process that crashed.
type killed struct{}

// process is a program that runs on its own: its memory goes when it crashes.
type process struct {
	world   *World
	name    string
	clock   clock
	alive   bool
	paused  time.Duration // until then nothing of it runs
	threads []*thread
}

func (w *World) newProcess(name string) *process {
	p := &process{world: w, name: name}
	p.clock = clock{world: w, started: w.now}
	w.processes = append(w.processes, p)
	return p
}

// spawn runs f in a thread of its own.
func (p *process) spawn(f func()) {
	w := p.world
	w.threads++
	t := &thread{id: w.threads, process: p}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			t.over = true
			if r := recover(); r != nil && r != (killed{}) {
				w.fail("", "%s panicked: %v\n%s", p.name, r, debug.Stack())
			}
		}()
		f()
	})
	p.threads = append(p.threads, t)
	w.wakeAfter(w.jitter(), t)
}

// wakeAfter lets a thread go on after a while, unless it did before.
func (w *World) wakeAfter(d time.Duration, t *thread) {
	turn := t.turn
	w.after(d, func() {
		if t.turn == turn {
			w.run(t)
		}
	})
}

// run lets a thread go on until it waits.
func (w *World) run(t *thread) {
	p := t.process
	if t.over || !p.alive {
		return
	}
	if p.paused > w.now {
		w.wakeAfter(p.paused-w.now, t)
		return
	}
	t.turn++
	t.waiting = nil
	w.note(uint64(t.id)) //nolint:gosec // counts up from 1
	w.current = t
	_, more := t.next()
	w.current = nil
	if !more {
		p.threads = slices.DeleteFunc(p.threads, func(o *thread) bool { return o == t })
	}
	p.look()
}

// look wakes threads whose wait is over: what they wait for is done by threads
// of their own process.
func (p *process) look() {
	for _, t := range p.threads {
		if t.waiting != nil && t.waiting.done() {
			t.waiting = nil
			p.world.wakeAfter(p.world.jitter(), t)
		}
	}
}

// park lets others go on.
func (t *thread) park() {
	if !t.yield(struct{}{}) {
		panic(killed{})
	}
}

// here returns the thread that runs, which must be of the process.
func (p *process) here() *thread {
	t := p.world.current
	switch {
	case t == nil || t.process != p:
		panic(fmt.Sprintf("sim: %s works outside its threads", p.name))
	case !p.alive:
		panic(killed{})
	}
	return t
}

// crash ends a process at once. What it has sent may still arrive.
func (p *process) crash() {
	p.alive, p.paused = false, 0
	for _, t := range p.threads {
		p.world.current = t // its deferred functions run
		t.stop()
		t.over = true
	}
	p.world.current, p.threads = nil, nil
}

// Now implements node.Scene.
func (p *process) Now() time.Time { return p.clock.now() }

// Go implements node.Scene.
func (p *process) Go(f func()) { p.spawn(f) }

// Rest implements node.Scene.
func (p *process) Rest(ctx context.Context, wake <-chan struct{}, most time.Duration) {
	t := p.here()
	r := &rest{ctx: ctx, wake: wake}
	if r.done() {
		return
	}
	deadline, ends := ctx.Deadline()
	if ends {
		p.world.catchUp() // deadlines are of package time
		if left := time.Until(deadline); most <= 0 || left < most {
			most = max(left, 1)
		}
	}
	t.waiting = r
	if most > 0 {
		p.world.wakeAfter(most, t)
	}
	t.park()
	if ends {
		p.world.catchUp() // whoever looks now sees that its time is over
	}
}

// sleep waits for a while.
func (p *process) sleep(d time.Duration) {
	t := p.here()
	p.world.wakeAfter(d, t)
	t.park()
}
