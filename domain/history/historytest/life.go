package historytest

import (
	"fmt"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// person is who does with jobs what only people do.
func person() event.Header { return event.Header{Actor: event.ByAPIKey("web")} }

// Tick lets what is due in a job happen, as of now.
func (tx *Tx) Tick(id string) {
	tx.decide(ID(id), event.Header{Actor: event.BySystem("timers")}, job.Tick{At: tx.Now})
}

// Await lets time go by until something is due in a job, and that happen.
func (tx *Tx) Await(id string) {
	s := tx.Job(id)
	tx.Now = max(tx.Now, s.Next(s.Status))
	tx.Tick(id)
}

// Stop asks for a job to be stopped.
func (tx *Tx) Stop(id string) { tx.decide(ID(id), person(), job.Stop{}) }

// Withdraw settles the stop of a job whose attempt nobody was given.
func (tx *Tx) Withdraw(id string) {
	tx.decide(ID(id), event.Header{Actor: event.BySystem("stops")}, job.Withdraw{Token: tx.Job(id).Token})
}

// Replay gives a failed job new attempts, as many as it had if that is 0.
func (tx *Tx) Replay(id string, attempts uint32, limits job.Limits) {
	tx.decide(ID(id), person(), job.Replay{Attempts: attempts, Limits: limits, At: tx.Now})
}

// Drop takes a failed job off the dead-letter list.
func (tx *Tx) Drop(id string) { tx.decide(ID(id), person(), job.Drop{}) }

// Delete deletes a job that has its outcome.
func (tx *Tx) Delete(id string) { tx.decide(ID(id), person(), job.Delete{}) }

// manners are what documents of [Partition.Step] say besides.
func manners() []string {
	return []string{
		"", "", "", `"retry_on":["error","timeout"],"backoff":{"initial_ms":10}`,
		`"delay":1,"retry_on":["timeout"],"timeout":1`, `"retry_on":["error"],"backoff":{"initial_ms":5000,"factor":3},"timeout":2`,
	}
}

// hurried says that a job is not begun after a while.
func (p *Partition) hurried(draw Draw) string {
	return fmt.Sprintf(`"expires_at":%q`, p.Now.Add(time.Duration(1+draw(60))*time.Second))
}

// dueAny lets time go by until something is due, and lets it happen: often the
// next thing, and sometimes one that is half a minute away. What others wait for
// may be late then.
func (tx *Tx) dueAny(draw Draw) {
	soon := tx.Now.Add(time.Duration(draw(2)) * 35 * time.Second)
	due := func(s job.State) bool { next := s.Next(s.Status); return !next.IsZero() && next <= soon }
	if id, ok := tx.pick(draw, due); ok {
		tx.Await(id.String())
		return
	}
	var first job.ID
	var at event.Time
	for _, id := range tx.jobs {
		s := tx.State.Jobs[id]
		if next := s.Next(s.Status); !next.IsZero() && (at.IsZero() || next < at) {
			first, at = id, next
		}
	}
	if !at.IsZero() {
		tx.Await(first.String())
	}
}

// stopAny stops a job, or settles the stop of one that nobody has begun.
func (tx *Tx) stopAny(draw Draw) {
	if id, ok := tx.pick(draw, func(s job.State) bool { return s.Status == job.Ending && s.Process == "" }); ok && draw(2) == 0 {
		tx.Withdraw(id.String())
		return
	}
	if id, ok := tx.pick(draw, func(s job.State) bool { return !s.Status.Terminal() && s.Status != job.Ending }); ok {
		tx.Stop(id.String())
	}
}

// afterAny does something with a job that has its outcome.
func (tx *Tx) afterAny(draw Draw) {
	id, ok := tx.pick(draw, func(s job.State) bool { return s.Status == job.Broken })
	switch what := draw(4); {
	case what == 0:
		if id, ok = tx.pick(draw, func(s job.State) bool { return s.Status.Terminal() && s.Status != job.Erased }); ok {
			tx.Delete(id.String())
		}
	case !ok:
	case what == 1:
		tx.Drop(id.String())
	default:
		replay := job.Replay{Attempts: uint32(draw(3)), At: tx.Now} //nolint:gosec // few
		if draw(2) == 0 {
			replay.Limits = job.Limits{Timeout: time.Duration(draw(3)) * time.Second, Expires: tx.Now.Add(time.Minute)}
		}
		if _, err := job.Decide(tx.State.Jobs[id], replay); err == nil { // else its end has passed
			tx.Replay(id.String(), replay.Attempts, replay.Limits)
		}
	}
}

// reportOn says something about an attempt of a job: now and then of one that
// never was, or that is over.
func (p *Partition) reportOn(draw Draw, id job.ID) runner.Report {
	about := p.About(id.String())
	if draw(12) == 0 {
		about.Token[0] ^= 1
	}
	switch draw(12) {
	case 0:
		return runner.Started{About: about}
	case 1, 2:
		lines := make([]runner.Line, 1+draw(3))
		for i := range lines {
			lines[i] = runner.Line{At: p.Now, Stream: runner.Stdout, Text: fmt.Sprintf("line %d of %s", i, id)}
		}
		return runner.Log{About: about, Lines: lines}
	case 3:
		return runner.Progress{About: about, Percent: uint32(draw(101)), Text: "on the way"} //nolint:gosec // few
	case 4:
		return runner.Checkpoint{About: about, Data: fmt.Appendf(nil, "page %d", draw(4))}
	case 5, 6, 7:
		return failedAny(draw, about)
	case 8:
		return runner.Refused{About: about, Reason: "signature"}
	case 9:
		return runner.Stopped{About: about, Result: "half of " + id.String()}
	}
	return runner.Completed{About: about, Result: "done " + id.String()}
}

func failedAny(draw Draw, about runner.About) runner.Report {
	kinds := []job.FailureKind{job.FailedError, job.FailedError, job.FailedError, job.FailedTimeout, job.FailedRejected}
	f := runner.Failed{About: about, Kind: kinds[draw(len(kinds))], Exit: 7, Message: "no luck"}
	switch draw(4) {
	case 0:
		f.Again, f.After = job.Please, time.Duration(draw(3))*time.Second
	case 1:
		f.Again = job.Never
	}
	return f
}

// over reports whether a job was granted once and has no attempt that is open:
// what is still said of one comes too late.
func over(s job.State) bool { return s.Attempt > 0 && !s.Open() && s.Token == signing.Hash{} }

// spoken returns a job of which a process speaks: one whose attempt it may run,
// rarely one that it may not, or one that is over.
func (tx *Tx) spoken(draw Draw, w *Process) (job.ID, bool) {
	if draw(10) == 0 {
		return tx.pick(draw, over)
	}
	return tx.pick(draw, func(s job.State) bool { return s.Open() && (tx.serves(w, s.Queue) || draw(8) == 0) })
}
