package chaos

import (
	"slices"
	"time"
)

// measure computes how long everything took. Each [Timing] says from what to
// what; all clocks are this machine's.
func (r *Report) measure(w *world, acked []*ack, record *record, runs []*run) {
	r.measureSubmits(w, acked)
	r.measureClients(acked, record, runs)
	r.measureLosses(w, record, runs)
	r.measureTakeovers(w, record)
}

func (r *Report) measureSubmits(w *world, acked []*ack) {
	var took []time.Duration
	times := []time.Time{w.began}
	for _, a := range acked {
		took = append(took, a.at.Sub(a.began))
		times = append(times, a.at)
	}
	r.time("first try of a submit → its receipt", took)
	slices.SortFunc(times, time.Time.Compare)
	longest := time.Duration(0)
	for i := range times[1:] {
		longest = max(longest, times[i+1].Sub(times[i]))
	}
	r.time("longest time without any receipt", []time.Duration{longest})
	var last time.Time
	for _, a := range acked {
		if a.ended.After(last) {
			last = a.ended
		}
	}
	r.time("clients stop → their last job has ended", []time.Duration{last.Sub(w.began.Add(r.load))})
}

// measureClients finds how late it is done what clients asked for.
func (r *Report) measureClients(acked []*ack, record *record, runs []*run) {
	var late, stops []time.Duration
	for _, run := range runs {
		if job := record.jobs[run.job]; job != nil && !job.due[run.attempt].IsZero() {
			late = append(late, run.began.Sub(job.due[run.attempt]))
		}
	}
	for _, a := range acked {
		if job := record.jobs[a.id]; job != nil && !job.stopped.IsZero() {
			stops = append(stops, job.stopped.Sub(a.asked))
		}
	}
	r.time("an attempt is due (run_at, delay, back-off) → its script begins", late)
	r.time("first try to stop a job → it is stopped", stops)
}

// What was done, in the report's words.
const (
	runnerKilled = "runner killed with -9"
	killedAlone  = "runner killed with -9, Redis and the leader being well"
	runnerSilent = "runner stopped or cut off"
	redisGone    = "Redis gone or frozen"

	leaderKilled = "leader killed with -9"
	leaderTold   = "leader told to end"
	leaderSilent = "leader stopped or cut off"
)

// attempt is one of a job.
type attempt struct {
	job    string
	number int
}

// measureLosses finds out for every attempt that was recorded as lost what was
// done to the process that ran it, and how long after that.
func (r *Report) measureLosses(w *world, record *record, runs []*run) {
	first := map[attempt]*run{}
	for _, run := range slices.Backward(runs) {
		first[attempt{run.job, run.attempt}] = run
	}
	recorded, redelivered := map[string][]time.Duration{}, map[string][]time.Duration{}
	var again []time.Duration
	for id, job := range record.jobs {
		for _, lost := range job.lost {
			before, next := first[attempt{id, lost.attempt}], first[attempt{id, lost.attempt + 1}]
			if next != nil {
				again = append(again, next.began.Sub(lost.at))
			}
			if before == nil {
				r.LostUnbegun++
				continue
			}
			reasons, since := w.blame(before.runner, lost.at)
			if len(reasons) == 0 {
				r.LostUnexplained++
			}
			for _, why := range reasons {
				recorded[why] = append(recorded[why], lost.at.Sub(since))
				if next != nil {
					redelivered[why] = append(redelivered[why], next.began.Sub(since))
				}
			}
		}
	}
	for _, why := range []string{killedAlone, runnerKilled, runnerSilent, redisGone} {
		r.time(why+" → attempt recorded as lost", recorded[why])
		r.time(why+" → next attempt's script begins", redelivered[why])
	}
	r.time("attempt recorded as lost → next attempt's script begins", again)
}

// How long something that is over after a while can be why an attempt is lost:
// it goes on for two leases, and a new leader watches for one more, or several
// leaders do.
const blamed = 5 * Lease

// blame returns what was done to a process, or to Redis, before an attempt of
// its was recorded as lost, and when that began; the last of it, but a kill
// before all else.
func (w *world) blame(pid int, lost time.Time) (reasons []string, since time.Time) {
	for _, h := range slices.Backward(w.hits) {
		switch {
		case h.began.After(lost):
		case h.pid == pid && h.Kind == Kill && w.wellBetween(h.began, lost):
			return []string{killedAlone, runnerKilled}, h.began
		case h.pid == pid && h.Kind == Kill:
			return []string{runnerKilled}, h.began
		case reasons != nil || lost.Sub(h.began) > blamed:
		case h.pid == pid:
			reasons, since = []string{runnerSilent}, h.began
		case h.Role == Redis:
			reasons, since = []string{redisGone}, h.began
		}
	}
	return reasons, since
}

// wellBetween reports whether nothing was wrong with Redis or with whoever led,
// from a takeover before the one time to the other.
func (w *world) wellBetween(from, to time.Time) bool {
	const takeover = 3 * time.Second
	return !slices.ContainsFunc(w.hits, func(h *hit) bool {
		return (h.Role == Redis || h.led) && h.began.Before(to) && h.ended.After(from.Add(-takeover))
	})
}

// measureTakeovers finds for every fault of a leader the term that began next.
func (r *Report) measureTakeovers(w *world, record *record) {
	took := map[string][]time.Duration{}
	for _, h := range w.hits {
		if !h.led {
			continue
		}
		next := slices.IndexFunc(record.terms, func(b began) bool { return b.at.After(h.began) })
		if next < 0 || h.passed(record.terms[next]) {
			r.Kept++
			continue
		}
		why := leaderSilent
		switch h.Kind {
		case Kill:
			why = leaderKilled
		case Terminate:
			why = leaderTold
		case Stop, Cut, Silence, Vanish, Replies, Pause, Drain:
		}
		took[why] = append(took[why], record.terms[next].at.Sub(h.began))
	}
	for _, why := range []string{leaderKilled, leaderTold, leaderSilent} {
		r.time(why+" → the next leader's term begins", took[why])
	}
}

// passed reports whether a leader led on although something was done to him:
// the next term is his own, or began when that had long been over, for another
// reason.
func (h *hit) passed(next began) bool {
	const soon = 3 * time.Second // a takeover that had begun is over by then
	gone := h.Kind == Kill || h.Kind == Terminate
	return "supervisor "+next.leader == h.program.name || !gone && next.at.After(h.ended.Add(soon))
}
