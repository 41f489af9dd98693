package sim

import (
	"time"
)

// incident is something that happens to a process, or to the store, out of the
// blue.
type incident struct {
	weight int
	happen func()
}

// incidents has things happen, one after the other, until the weather is calm.
func (w *World) incidents() {
	all := []incident{
		{4, w.stopSomebody},
		{3, w.crashSupervisor},
		{3, w.crashRunner},
		{3, w.setClock},
		{3, w.handOver},
		{2, w.server.forget},
		{3, w.server.lose},
		{1, w.server.fail},
	}
	if w.replicated {
		all = append(all, incident{4, w.server.lag})
	}
	total := 0
	for i := range all { // in some runs a kind never happens, in others often
		all[i].weight *= w.random.IntN(3)
		total += all[i].weight
	}
	if total == 0 {
		return
	}
	var next func()
	next = func() {
		if w.calmed {
			return
		}
		draw := w.random.IntN(total)
		for _, i := range all {
			if draw -= i.weight; draw < 0 {
				i.happen()
				break
			}
		}
		w.after(w.between(100*time.Millisecond, 4*time.Second), next)
	}
	w.after(w.between(0, 2*time.Second), next)
}

// calm ends all faults: whoever is dead starts, and clocks are set right. Who is
// stopped goes on soon.
func (w *World) calm() {
	w.weather, w.calmed, w.calmAt = weather{}, true, w.now
	w.server.down, w.server.lags = 0, 0
	for _, p := range w.processes {
		p.clock.set = 0
	}
	for _, s := range w.supervisors {
		if !s.alive {
			s.start()
		}
	}
	for _, r := range w.runners {
		if !r.alive {
			r.start()
		}
	}
}

// stopSomebody stops a process for a while, as SIGSTOP does.
func (w *World) stopSomebody() {
	p := w.processes[w.random.IntN(len(w.processes))]
	if !p.alive || p.paused > w.now {
		return
	}
	took := w.between(50*time.Millisecond, 2*lease)
	p.paused = w.now + took
	w.counts[Pause]++
	w.story.tell("", p.name, "is stopped for %s", took)
}

func (w *World) crashSupervisor() {
	s := w.supervisors[w.random.IntN(len(w.supervisors))]
	if !s.alive {
		return
	}
	w.counts[SupervisorCrash]++
	w.story.tell("", s.name, "crashes")
	s.crash()
	w.restart(func() bool { return s.alive }, s.start)
}

func (w *World) crashRunner() {
	r := w.runners[w.random.IntN(len(w.runners))]
	if !r.alive {
		return
	}
	w.counts[RunnerCrash]++
	w.story.tell("", r.name, "crashes")
	r.crash()
	w.restart(func() bool { return r.alive }, r.start)
}

// restart starts a program again after a while.
func (w *World) restart(alive func() bool, start func()) {
	w.after(w.between(100*time.Millisecond, 5*time.Second), func() {
		if !alive() {
			w.counts[Restart]++
			start()
		}
	})
}

// handOver tells a supervisor to stop, and starts it again.
func (w *World) handOver() {
	s := w.supervisors[w.random.IntN(len(w.supervisors))]
	if !s.alive || s.leaves {
		return
	}
	if s.leads() {
		w.counts[HandOver]++
	}
	w.story.tell("", s.name, "is told to stop")
	s.leave()
	w.restart(func() bool { return s.alive }, s.start)
}

// maxBack is how far the store's clock is set back: an attempt whose runner died
// before is found lost so much later, and a run has an end.
const maxBack = 20 * time.Second

// setClock sets somebody's clock, by an hour at most.
func (w *World) setClock() {
	clocks := []*clock{&w.server.clock}
	for _, p := range w.processes {
		clocks = append(clocks, &p.clock)
	}
	c := w.random.IntN(len(clocks))
	who := "store"
	if c > 0 {
		who = w.processes[c-1].name
	}
	was := clocks[c].set
	if clocks[c].set = w.between(-time.Hour, time.Hour); c == 0 {
		clocks[c].set = max(clocks[c].set, was-maxBack)
	}
	w.counts[ClockSet]++
	w.story.tell("", who, "has its clock set %s off", clocks[c].set.Round(time.Second))
}

// fail has the server answer nobody for a while.
func (s *server) fail() {
	w := s.world
	took := w.between(100*time.Millisecond, 4*time.Second)
	s.down = w.now + took
	w.counts[Outage]++
	w.story.tell("", "store", "answers nobody for %s", took)
}
