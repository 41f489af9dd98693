package audittest

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
)

func ofQueues() []Forgery {
	q := job.ExecutorQueue("odd")
	by := func(actor event.Actor) event.Header {
		return event.Header{Aggregate: historytest.QueueOf(q), Actor: actor}
	}
	admin := by(event.ByAPIKey("admin"))
	return []Forgery{
		{"a queue is paused twice", func(a author) uint64 {
			a.Order(q, line.Pause{})
			a.Seal()
			return a.Emit(admin, line.Paused{}).Seq
		}},
		{"a queue is resumed that is open", func(a author) uint64 { return a.Emit(admin, line.Resumed{}).Seq }},
		{"a queue is drained by a runner", func(a author) uint64 { return a.Emit(by(event.ByRunner("r1")), line.Drained{}).Seq }},
		{"a queue is drained by a client's key", func(a author) uint64 {
			return a.Emit(by(event.ByClient(string(a.Client.Public().ID()))), line.Drained{}).Seq
		}},
		{"an event of a queue is skipped", func(a author) uint64 {
			h := admin
			h.Version = 2
			return a.Emit(h, line.Drained{}).Seq
		}},
		{"a queue is paused that cannot be", func(a author) uint64 {
			h := admin
			h.Aggregate.ID = "Runner:r1"
			return a.Emit(h, line.Paused{}).Seq
		}},
	}
}

// ofR1 is the header of an event of r1 that somebody caused who reported nothing.
func ofR1(actor event.Actor) event.Header {
	return event.Header{Aggregate: historytest.RunnerOf("r1"), Actor: actor}
}

func ofPresence() []Forgery {
	seen := ofR1(event.BySystem("presence"))
	return []Forgery{
		{"a process is silent that left", func(a author) uint64 {
			a.Report(a.r1, runner.Leave{})
			a.Seal()
			s := a.State.Runners["r1"]
			return a.Emit(seen, runner.Silent{Process: a.r1.Name, Pin: s.Pin, Mode: s.Mode}).Seq
		}},
		{"a process is gone that nobody knows", func(a author) uint64 {
			s := a.State.Runners["r1"]
			return a.Emit(seen, runner.Gone{Process: "ffff", Pin: s.Pin, Mode: s.Mode}).Seq
		}},
		{"a process is gone that is another runner's", func(a author) uint64 {
			s := a.State.Runners["r1"]
			return a.Emit(seen, runner.Gone{Process: a.k1.Name, Pin: s.Pin, Mode: s.Mode}).Seq
		}},
		{"a process says that it is alive", func(a author) uint64 {
			s := a.State.Runners["r1"]
			return a.Emit(ofR1(event.ByRunner("r1")), runner.Alive{Process: a.r1.Name, Pin: s.Pin, Mode: s.Mode}).Seq
		}},
		{"a silence ends a pause", func(a author) uint64 {
			a.OrderRunner("r1", runner.Resume{})
			a.OrderRunner("r1", runner.Pause{})
			a.Seal()
			return a.Emit(seen, runner.Silent{Process: a.r1.Name, Pin: a.State.Runners["r1"].Pin}).Seq
		}},
		{"a silence changes the pin", func(a author) uint64 {
			s := a.State.Runners["r1"]
			return a.Emit(seen, runner.Silent{Process: a.r1.Name, Pin: historytest.Key("thief").Public(), Mode: s.Mode}).Seq
		}},
	}
}

func ofModes() []Forgery {
	admin := ofR1(event.ByAPIKey("admin"))
	return []Forgery{
		{"a runner is paused twice", func(a author) uint64 {
			a.OrderRunner("r1", runner.Resume{})
			a.OrderRunner("r1", runner.Pause{})
			a.Seal()
			return a.Emit(admin, runner.Paused{Pin: a.State.Runners["r1"].Pin}).Seq
		}},
		{"a runner drains itself", func(a author) uint64 {
			a.OrderRunner("r1", runner.Resume{})
			a.Seal()
			return a.Emit(ofR1(event.ByRunner("r1")), runner.Drained{Pin: a.State.Runners["r1"].Pin}).Seq
		}},
		{"a runner is drained that nobody joined", func(a author) uint64 {
			h := admin
			h.Aggregate = historytest.RunnerOf("nobody")
			return a.Emit(h, runner.Drained{}).Seq
		}},
		{"a runner is removed twice", func(a author) uint64 {
			a.OrderRunner("r1", runner.Remove{Version: a.State.Runners["r1"].Version})
			a.Seal()
			s := a.State.Runners["r1"]
			return a.Emit(admin, runner.Removed{Pin: s.Pin, Mode: s.Mode}).Seq
		}},
		{"a process joins and ends a pause", func(a author) uint64 {
			a.OrderRunner("r1", runner.Resume{})
			a.OrderRunner("r1", runner.Pause{})
			a.Seal()
			return a.joinedIn(a.NewProcess("r1"), domain.Open)
		}},
		{"a process leaves and drains its runner", func(a author) uint64 {
			a.OrderRunner("r1", runner.Resume{})
			a.Seal()
			h := a.Hear(a.r1, runner.Leave{})(0)
			h.Aggregate = historytest.RunnerOf("r1")
			return a.Emit(h, runner.Left{Process: a.r1.Name, Pin: a.State.Runners["r1"].Pin, Mode: domain.Drained}).Seq
		}},
	}
}

func ofRegistrations() []Forgery {
	admin := ofR1(event.ByAPIKey("admin"))
	return []Forgery{
		{"a runner registers itself", func(a author) uint64 {
			s := a.State.Runners["r1"]
			return a.Emit(ofR1(event.ByRunner("r1")), runner.Registered{Label: "work", Pin: s.Pin, Mode: s.Mode}).Seq
		}},
		{"a registration forgets who joined", func(a author) uint64 {
			return a.Emit(ofR1(event.ByAPIKey("admin")), runner.Registered{Label: "work", Awaited: true}).Seq
		}},
		{"a registration pauses", func(a author) uint64 {
			a.OrderRunner("r1", runner.Resume{})
			a.Seal()
			return a.Emit(admin, runner.Registered{Label: "work", Pin: a.State.Runners["r1"].Pin, Mode: domain.Paused}).Seq
		}},
		{"a runner is paused that is awaited", func(a author) uint64 {
			a.OrderRunner("nobody", runner.Register{Label: "work"})
			a.Seal()
			h := admin
			h.Aggregate = historytest.RunnerOf("nobody")
			return a.Emit(h, runner.Paused{}).Seq
		}},
		{"a removal says that somebody joined", func(a author) uint64 {
			a.OrderRunner("nobody", runner.Register{Label: "work"})
			a.Seal()
			h := admin
			h.Aggregate = historytest.RunnerOf("nobody")
			return a.Emit(h, runner.Removed{}).Seq
		}},
	}
}

// joinedIn records that a process joined as it reported, and the runner's mode.
func (a author) joinedIn(w *historytest.Process, mode domain.Mode) uint64 {
	join := runner.Join{Key: w.Key.Public(), Kinds: w.Kinds, Slots: 1}
	h := a.Hear(w, join)(0)
	h.Aggregate = historytest.RunnerOf(w.Runner)
	return a.Emit(h, runner.Joined{
		Process: w.Name, Key: join.Key, Pin: a.State.Runners[w.Runner].Pin, Mode: mode, Kinds: join.Kinds, Slots: join.Slots, Marks: a.Marks(w),
	}).Seq
}
