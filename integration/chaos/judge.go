package chaos

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/redisviews"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/runnersdk/queue"
)

// judge checks everything that is promised, once all is calm and every client
// has what he waited for, and ends the programs. What is wrong is in the
// report, a sentence each.
func (w *world) judge(p Plan, l *load) *Report {
	w.t.Helper()
	r := newReport(p, w, l)
	for _, failure := range l.failures {
		r.wrong("%s", failure)
	}
	record := w.proved(r)
	runs, err := readRuns(w.runs)
	if err != nil {
		r.wrong("the file of runs: %v", err)
	}
	r.judgeJobs(l.acked, record)
	r.judgeRuns(runs, l.acked, record)
	queue := map[string]int{}
	for _, a := range l.acked {
		queue[a.id] = a.queue
	}
	for _, run := range runs {
		if w.wasPaused(run, queue[run.job]) {
			r.BegunPaused++
		}
	}
	w.askAgain(r, l.acked)
	w.wantDead(r, record)
	w.wantCalm(r)
	w.stopAll(r)
	if left := leftovers(w.runs); len(left) > 0 {
		r.wrong("when no runner is there any more, these processes of scripts are: %v", left)
	}
	r.measure(w, l.acked, record, runs)
	return r
}

// proved reads the log as an auditor does, and has the read models built again
// from it.
func (w *world) proved(r *Report) *record {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*patience)
	defer cancel()
	server, err := redisstore.Connect(ctx, w.redis.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = server.Close() }() // everything was answered
	writer, reader := server.Writer(3), server.Reader(2)
	log := redisstore.New(writer, reader, redisstore.Keys{Namespace: namespace})
	record, err := readRecord(ctx, log, w.founding)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Events, r.Terms, r.Verdict = record.events, len(record.terms), record.verdict.Finding.String()
	if record.verdict.Finding != audit.Valid {
		r.wrong("audit: %s", record.verdict)
	}
	views, err := redisviews.New(writer, reader, queue.Keys{Namespace: namespace})
	if err != nil {
		w.t.Fatal(err)
	}
	rebuilt, err := engine.Rebuild(ctx, engine.Config{
		Namespace: namespace, Log: log, Views: views, Verifier: signing.NewVerifier(64), Founding: w.founding,
	}, nil)
	switch {
	case err != nil:
		r.wrong("build the read models again: %v", err)
	case rebuilt.Difference != nil:
		r.wrong("the read models are not what follows from the log: %s", rebuilt.Difference)
	}
	return record
}

// judgeJobs compares what clients were told with what the log says.
func (r *Report) judgeJobs(acked []*ack, record *record) {
	known := map[string]bool{}
	for _, a := range acked {
		known[a.id] = true
		job := record.jobs[a.id]
		switch {
		case job == nil:
			r.Lost++
			r.wrong("job %s (%s) was acknowledged and is not in the log", a.id, a.order.name)
			continue
		case len(job.outcomes) == 0:
			r.Lost++
			r.wrong("job %s (%s) has no outcome: %s", a.id, a.order.name, strings.Join(job.types, " "))
			continue
		case len(job.outcomes) > 1:
			r.Doubled++
			r.wrong("job %s (%s) has several outcomes: %s", a.id, a.order.name, strings.Join(job.types, " "))
		}
		r.count(job)
		if why := a.contradicts(job); why != "" {
			r.wrong("job %s (%s): %s: %s", a.id, a.order.name, why, strings.Join(job.types, " "))
		}
	}
	for id := range record.jobs {
		if !known[id] {
			r.wrong("job %s is in the log, and its client was never answered", id)
		}
	}
}

// count adds what the log says of a job.
func (r *Report) count(job *account) {
	r.Outcomes[string(job.outcomes[0])]++
	for _, lost := range job.lost {
		r.AttemptsLost[lost.reason]++
	}
	for _, said := range job.late {
		r.Late[said]++
	}
	r.Retried += job.retried
	r.Replayed += job.replayed
	if job.deleted {
		r.Deleted++
	}
	if job.dropped {
		r.Dropped++
	}
}

// contradicts says what the log says otherwise than the job's script or its
// client; nothing if all agree.
func (a *ack) contradicts(job *account) string {
	end := job.outcomes[0]
	switch {
	case !slices.Contains(a.order.wants, end):
		return fmt.Sprintf("it ended with %s, which it cannot by itself", end)
	case "job."+a.state != end.event():
		return fmt.Sprintf("its client was told %q, and the log says %s", a.state, end)
	case a.deleted != job.deleted || a.dropped != job.dropped:
		return fmt.Sprintf("its client had it deleted: %v, dropped: %v; the log says %v, %v", a.deleted, a.dropped, job.deleted, job.dropped)
	case job.forgotten > 0:
		return fmt.Sprintf("%d attempts were not given the last checkpoint", job.forgotten)
	}
	return ""
}

// judgeRuns compares what scripts noted with what the log says.
func (r *Report) judgeRuns(runs []*run, acked []*ack, record *record) {
	begun, ended := map[attempt]int{}, map[string]int{}
	r.begun = map[string]int{}
	for _, run := range runs {
		r.Executions++
		if run.resumed {
			r.Resumed++
		}
		job := record.jobs[run.job]
		if job == nil || !job.granted[run.attempt] {
			r.wrong("job %s ran as attempt %d, which nobody granted", run.job, run.attempt)
			continue
		}
		if run.began.Before(job.due[run.attempt]) {
			r.wrong("job %s: attempt %d began %s before it was due", run.job, run.attempt, job.due[run.attempt].Sub(run.began))
		}
		at := attempt{run.job, run.attempt}
		if begun[at]++; begun[at] == 2 {
			r.BegunTwice++
			r.wrong("job %s: attempt %d began twice", run.job, run.attempt)
		}
		asked := 1 + job.retried + job.replayed // that nothing went wrong for
		if r.begun[run.job]++; r.begun[run.job] == asked+1 {
			r.RunAgain++
		}
		if !run.ended.IsZero() {
			if ended[run.job]++; ended[run.job] == asked+1 {
				r.EndedAgain++
			}
		}
	}
	for _, a := range acked {
		if a.state == "completed" && ended[a.id] == 0 {
			r.wrong("job %s (%s) completed, and never came to its end", a.id, a.order.name)
		}
	}
}

// askAgain submits some jobs a second time, and reads some that were deleted: the
// very same are known again, also of those that are gone.
func (w *world) askAgain(r *Report, acked []*ack) {
	w.t.Helper()
	const some = 50
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	c := w.client(w.addresses...)
	for i := range min(some, len(acked)) {
		a := acked[i*len(acked)/some%len(acked)]
		receipt, err := c.Submit(ctx, a.job)
		if err != nil || !receipt.Duplicate || receipt.ID != a.id {
			r.wrong("job %s again: %+v, %v; want the answer of the first time", a.id, receipt, err)
		}
		view, err := c.Get(ctx, a.id)
		if gone := domain.CodeOf(err) == domain.NotFound; gone != a.deleted || !gone && view.ID != a.id {
			r.wrong("job %s, deleted: %v, is read: %+v, %v", a.id, a.deleted, view, err)
		}
	}
}

// wantDead checks that the dead-letter list is all that failed and that nobody
// replayed, dropped or deleted.
func (w *world) wantDead(r *Report, record *record) {
	w.t.Helper()
	want := map[string]bool{}
	for id, job := range record.jobs {
		if len(job.outcomes) == 1 && job.outcomes[0].event() == "job.failed" && !job.dropped && !job.deleted {
			want[id] = true
		}
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	c, limit, got := w.client(w.addresses...), 1000, map[string]bool{}
	for q := (wire.DeadQuery{Limit: &limit}); ; {
		page, err := c.Dead(ctx, q)
		if err != nil {
			r.wrong("the dead-letter list: %v", err)
			return
		}
		for _, j := range page.Jobs {
			got[j.ID] = true
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if !maps.Equal(want, got) {
		r.wrong("the dead-letter list has %d jobs; %d failed and were left there", len(got), len(want))
	}
}

// wantCalm checks that queues are empty, and that nobody holds anything.
func (w *world) wantCalm(r *Report) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	keys, err := w.hand.Keys(ctx, string(namespace)+":{p000}:*:jobs:*").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	queues := slices.DeleteFunc(keys, func(key string) bool { return w.hand.Type(ctx, key).Val() != "stream" })
	if len(queues) == 0 {
		r.wrong("there is no queue to look at among %v", keys)
	}
	for _, key := range append(queues, string(namespace)+":{p000}:inbox") {
		if n, err := w.hand.XLen(ctx, key).Result(); err != nil || n != 0 {
			r.wrong("%s holds %d entries: %v", key, n, err)
		}
	}
	for _, key := range queues {
		pending, err := w.hand.XPending(ctx, key, queue.Group).Result()
		if err != nil || pending.Count != 0 {
			r.wrong("%s: %+v are held: %v", key, pending, err)
		}
	}
}

// stopAll ends all programs as one does who shuts a system down: first those
// that run jobs.
func (w *world) stopAll(r *Report) {
	w.t.Helper()
	for _, group := range [][]*program{w.runners, w.supervisors} {
		for _, p := range group {
			p.tell(syscall.SIGTERM)
		}
		for _, p := range group {
			if code, err := p.wait(grace + mendTime); err != nil || code != 0 {
				r.wrong("%s ended with exit code %d: %v", p.name, code, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	name, err := w.hand.HGet(ctx, redisstore.Keys{Namespace: namespace}.Leader(), "name").Result()
	if err != nil && err != redis.Nil || name != "" { //nolint:errorlint // it is never wrapped
		r.wrong("%q holds the lead when nobody is there: %v", name, err)
	}
	for _, p := range slices.Concat(w.runners, w.supervisors) {
		for _, life := range p.past() {
			if syscall.Kill(life.pid, 0) == nil && isOurs(life.pid) {
				r.wrong("%s still runs as process %d", p.name, life.pid)
			}
		}
	}
}

// isOurs reports whether a process is one of this world's programs: numbers are
// given away again.
func isOurs(pid int) bool {
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && strings.Contains(string(environment), "HORUS_NAMESPACE="+string(namespace))
}
