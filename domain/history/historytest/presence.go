package historytest

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
)

// QueueOf names a queue's aggregate.
func QueueOf(q job.Queue) event.Aggregate {
	return event.Aggregate{Kind: event.Queue, ID: q.String()}
}

// Order asks a command of a queue, as an administrator does.
func (tx *Tx) Order(q job.Queue, c line.Command) {
	for _, data := range line.Decide(tx.State.Queues[q], c) {
		tx.Emit(event.Header{Aggregate: QueueOf(q), Actor: event.ByAPIKey("admin")}, data)
	}
}

// OrderRunner asks a command of a runner id, as an administrator does.
func (tx *Tx) OrderRunner(id domain.Name, c runner.Command) {
	tx.runner(&Process{Runner: id}, event.Header{Actor: event.ByAPIKey("admin")}, c)
}

// Miss lets the leader not hear a process for a while.
func (tx *Tx) Miss(w *Process) {
	tx.runner(w, bySight(), runner.Miss{Process: w.Name, Reports: tx.process(w)})
}

// HearAgain lets the leader hear a process again.
func (tx *Tx) HearAgain(w *Process) {
	tx.runner(w, bySight(), runner.Hear{Process: w.Name, Reports: tx.process(w)})
}

// GiveUp lets nobody wait for a process any more.
func (tx *Tx) GiveUp(w *Process) {
	tx.runner(w, bySight(), runner.GiveUp{Process: w.Name, Reports: tx.process(w)})
}

func bySight() event.Header { return event.Header{Actor: event.BySystem("presence")} }

// orderAny pauses, drains or resumes a queue or a runner id, or removes one.
func (tx *Tx) orderAny(draw Draw) {
	queues := []job.Queue{job.RunnerQueue("r1"), job.RunnerQueue("r2"), job.ExecutorQueue("sh")}
	if draw(2) == 0 {
		tx.Order(queues[draw(len(queues))], []line.Command{line.Pause{}, line.Drain{}, line.Resume{}}[draw(3)])
		return
	}
	id := []domain.Name{"r1", "r2", "k1"}[draw(3)]
	state := tx.State.Runners[id]
	commands := []runner.Command{runner.Register{Label: "work"}, runner.Remove{Version: state.Version}, runner.Pause{}, runner.Drain{}, runner.Resume{}}
	switch {
	case state.Version == 0:
		commands = commands[:1]
	case !state.Joined():
		commands = commands[:2]
	}
	tx.OrderRunner(id, commands[draw(len(commands))])
}

// watchAny says of some process how the leader hears it. One that left is not
// heard of any more.
func (tx *Tx) watchAny(draw Draw) {
	if len(tx.processes) == 0 {
		return
	}
	w := tx.processes[draw(len(tx.processes))]
	[]func(*Process){tx.Miss, tx.HearAgain, tx.GiveUp}[draw(3)](w)
}
