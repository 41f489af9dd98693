package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/herocode/horus/rpcapi/client"
)

// order is a kind of job, and what becomes of it whatever else happens.
type order struct {
	name   string
	share  int                         // how many of a hundred jobs are of this kind
	script string                      // run after [prelude]
	change func(client.Job) client.Job // what else its document says; nil for nothing
	does   deed                        // its client, when it is acknowledged; [await] if nil
	wants  []outcome                   // one of these
	prints bool                        // that many [lines]
}

// outcome is how a job ends: the type of its last event, and of a failure the
// kind.
type outcome string

// How jobs end.
const (
	completed outcome = "job.completed"
	failed    outcome = "job.failed error"
	timedOut  outcome = "job.failed timeout"
	stopped   outcome = "job.stopped"
)

// event is the type of the last event.
func (o outcome) event() string {
	event, _, _ := strings.Cut(string(o), " ")
	return event
}

// prelude lets a script note what happens to it: one line, in one write to a
// file that is opened for appending, so that lines never mix. Its words are what
// happens, job, attempt, the runner's and the script's process, and the time in
// nanoseconds.
const prelude = `note() { echo "$1 $HORUS_JOB_ID $HORUS_ATTEMPT $PPID $$ $(date +%s%N)" >>"$RUNS"; }
note begun
`

// lines is how many a job prints that prints.
const lines = 40

// orders are all kinds of jobs.
func orders() []order {
	return slices.Concat(ordinary(), demanding(), withdrawn())
}

// ordinary jobs are submitted, run, and have ended.
func ordinary() []order {
	return []order{
		{name: "short", share: 25, script: `note ended`, wants: []outcome{completed}},
		{name: "some hundred milliseconds", share: 20, script: `sleep "$NAP"; note ended`, wants: []outcome{completed}},
		{name: "failing", share: 6, script: `echo no >&2; note ended; exit 3`, wants: []outcome{failed}},
		{
			name: "hanging until its timeout", share: 4, script: `sleep 600`, wants: []outcome{timedOut},
			change: func(j client.Job) client.Job { return j.Timeout(time.Second) },
		},
		{
			name: "printing", share: 10, prints: true, wants: []outcome{completed},
			script: fmt.Sprintf(`i=0; while [ $i -lt %d ]; do i=$((i+1)); echo "$HORUS_ATTEMPT $i"; done; note ended`, lines),
		},
	}
}

// demanding jobs want more than to be run once.
func demanding() []order {
	return []order{
		{
			name: "failing before its third attempt", share: 8, script: `note ended; [ "$HORUS_ATTEMPT" -ge 3 ]`, wants: []outcome{completed},
			change: func(j client.Job) client.Job {
				return j.RetryOn("error").Backoff(200*time.Millisecond, 2, time.Second)
			},
		},
		{
			name: "for later", share: 6, script: `note ended`, wants: []outcome{completed},
			change: func(j client.Job) client.Job { return j.Delay(2 * time.Second) },
		},
		{
			name: "in steps, each of which is kept", share: 5, wants: []outcome{completed},
			script: `i=$(cat "$HORUS_CHECKPOINT" 2>/dev/null || echo 0); [ "$i" = 0 ] || note resumed
while [ "$i" -lt 5 ]; do sleep 0.6; i=$((i+1)); echo $i >"$HORUS_CHECKPOINT.new" && mv "$HORUS_CHECKPOINT.new" "$HORUS_CHECKPOINT"; done; note ended`,
		},
	}
}

// withdrawn jobs are not left alone by their clients.
func withdrawn() []order {
	return []order{
		{name: "stopped", share: 5, script: `sleep 3; note ended`, does: stop, wants: []outcome{stopped, completed}},
		{
			name: "stopped while it waits for its time", share: 2, script: `note ended`, does: stop, wants: []outcome{stopped, completed},
			change: func(j client.Job) client.Job { return j.Delay(2 * time.Second) },
		},
		{name: "deleted when it has ended", share: 3, script: `note ended`, does: remove, wants: []outcome{completed}},
		{name: "failing until it is replayed", share: 4, script: `note ended; [ "$HORUS_ATTEMPT" -ge 2 ]`, does: replay, wants: []outcome{completed}},
		{name: "failing, and dropped", share: 2, script: `note ended; exit 3`, does: drop, wants: []outcome{failed}},
	}
}

// maxAttempts is the most that a job may have: what is done to runners must not
// use them up.
const maxAttempts = 25

// draw draws a kind of job, one of it, and the queue that it goes to, one of
// [queues].
func (w *world) draw(random *rand.Rand, kinds []order, id string) (o order, job client.Job, queue int) {
	total := 0
	for _, kind := range kinds {
		total += kind.share
	}
	i := 0
	for left := random.IntN(total) - kinds[0].share; left >= 0; left -= kinds[i].share {
		i++
	}
	o = kinds[i]
	nap := between(random, 100*time.Millisecond, 800*time.Millisecond)
	job = client.NewJob(prelude+o.script).ID(id).MaxAttempts(maxAttempts).
		Env("RUNS", w.runs).Env("NAP", strconv.FormatFloat(nap.Seconds(), 'f', 3, 64))
	queue = max(random.IntN(4)-1, 0) // the first has twice as many
	if kind, is := strings.CutPrefix(queues()[queue], "executor:"); is {
		job = job.Executor(kind)
	} else {
		job = job.Runner(strings.TrimPrefix(queues()[queue], "runner:"))
	}
	if o.change != nil {
		job = o.change(job)
	}
	return o, job, queue
}
