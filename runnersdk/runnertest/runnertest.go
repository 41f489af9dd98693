// Package runnertest runs a handler in a test, without Redis and without a
// supervisor.
//
//	func TestShout(t *testing.T) {
//		got := runnertest.Run(t, shout, runnertest.Job{Payload: "hello"})
//		if got.Result != "HELLO" {
//			t.Errorf("%+v", got)
//		}
//	}
//
// The handler runs in a real runner, under a supervisor that grants it this one
// attempt: what is true here is true in production. [Start] hands the attempt
// out while it runs, to be stopped, lost or interrupted. In a bubble of
// testing/synctest no time is lost: an hour's timeout passes in a moment.
package runnertest

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/memqueue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// Job is what the handler is given. Its zero values are defaults; the payload is
// required, as it is of any job.
type Job struct {
	Payload    string // required
	ID         string // job-1 if empty
	Executor   string
	Env        map[string]string
	CallerID   string
	ContextID  string
	Timeout    time.Duration // in whole seconds, 5 minutes if zero
	Attempt    int           // 1 if zero
	Checkpoint []byte        // what the attempt before handed over last; nil if nothing
}

// Run runs one attempt of a job to its end.
func Run(t testing.TB, h runnersdk.Handler, j Job) Outcome {
	t.Helper()
	return Start(t, h, j).Wait()
}

// Attempt is one that runs.
type Attempt struct {
	t     testing.TB
	wire  *memqueue.Wire
	id    string
	entry queue.EntryID
	tries uint32
	hurry chan struct{}
	rush  func()        // has stop not wait
	stop  func()        // ends the runner when what it runs has ended
	gone  chan struct{} // closed when the runner has ended
	began chan struct{} // closed when the handler was called
	ended func()        // closes over, once
	over  chan struct{} // closed when the handler has returned, or will not be called

	mu sync.Mutex

	history *queuetest.History
	reports []runner.Report
}

// The names of the one runner.
const (
	me      = domain.Name("r1")
	process = "a1"
	lease   = 3 * time.Second // the shortest, so that a loss is soon found
)

// Start begins an attempt.
func Start(t testing.TB, h runnersdk.Handler, j Job) *Attempt {
	t.Helper()
	a := &Attempt{
		t: t, wire: memqueue.New(), id: cmp.Or(j.ID, "job-1"), tries: uint32(max(j.Attempt, 1)), //nolint:gosec // a number of a test
		hurry: make(chan struct{}), gone: make(chan struct{}), began: make(chan struct{}), over: make(chan struct{}),
	}
	a.ended = sync.OnceFunc(func() { close(a.over) })
	a.history = queuetest.Found(t, "horus", a.wire.State)
	client := queuetest.Key(t, "client")
	a.history.Admit(access.Client, "client", client)
	a.wire.MakeQueue(job.RunnerQueue(me))
	r, err := runnersdk.New(runnersdk.Config{
		Runner: me, Process: process, Key: queuetest.Key(t, "runner"), Wire: wire{a.wire, a}, Lease: lease, Hurry: a.hurry,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}, a.watched(h))
	if err != nil {
		t.Fatalf("make a runner: %v", err)
	}
	a.grant(queuetest.Sign(a.document(j), client), j)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	a.rush = sync.OnceFunc(func() { close(a.hurry) })
	a.stop = stop
	go func() {
		defer close(a.gone)
		_ = r.Run(ctx) // the reports say what was left undone
	}()
	t.Cleanup(a.end)
	return a
}

// watched is the handler, whose beginning and end are noted.
func (a *Attempt) watched(h runnersdk.Handler) runnersdk.Handler {
	return func(ctx context.Context, j *runnersdk.Job) (string, error) {
		close(a.began)
		defer a.ended()
		return h(ctx, j)
	}
}

func (a *Attempt) document(j Job) string {
	doc := job.Document{
		ID: a.id, Payload: j.Payload, Runner: string(me), Executor: j.Executor,
		EnvVars: j.Env, CallerID: j.CallerID, ContextID: j.ContextID,
	}
	if j.Timeout > 0 {
		seconds := int64(math.Ceil(j.Timeout.Seconds()))
		doc.Timeout = &seconds
	}
	text, err := json.Marshal(doc)
	if err != nil {
		a.t.Fatalf("write the job: %v", err)
	}
	return string(text)
}

// grant queues the attempt. It waits there until the runner has joined.
func (a *Attempt) grant(s job.Submission, j Job) {
	a.t.Helper()
	_, grant := a.history.GrantOf(s)
	grant.Attempt = a.tries
	if j.Checkpoint != nil {
		grant.Checkpoint = (&runner.Checkpoint{Data: j.Checkpoint}).Hash()
	}
	entry := queuetest.Assignment(a.history.Commit(queuetest.JobAggregate(a.id), job.Queued{Grant: *grant}))
	entry.Submission, entry.Checkpoint = &s, j.Checkpoint
	a.entry = entry.ID
	a.wire.Put(job.RunnerQueue(me), entry.ID, queuetest.FieldMap(entry.Fields()))
}

// Stop has somebody ask for the job to be stopped, once the handler runs: its
// context ends with [runnersdk.ErrStopped].
func (a *Attempt) Stop() {
	a.awaitBegin()
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.history.Commit(queuetest.JobAggregate(a.id), job.Stopping{Attempt: a.tries})
	a.notify(queue.Notice{Kind: queue.NoticeStop, Proof: p})
}

// Lose gives the attempt to somebody else, once the handler runs, as a supervisor
// does when its lease is over: its context ends with [runnersdk.ErrLost] about a
// second later.
func (a *Attempt) Lose() {
	a.awaitBegin()
	a.wire.Give(job.RunnerQueue(me), a.entry, "somebody else")
}

// Interrupt stops the runner without any grace, once the handler runs: its context
// ends with [runnersdk.ErrStopping]. It returns when the runner has ended.
func (a *Attempt) Interrupt() {
	a.awaitBegin()
	a.end()
}

// awaitBegin returns when the handler runs, or will not.
func (a *Attempt) awaitBegin() {
	select {
	case <-a.began:
	case <-a.over:
	case <-a.gone:
	}
}

// end ends the runner at once.
func (a *Attempt) end() {
	a.rush()
	a.stop()
	<-a.gone
}

// Wait returns how the attempt ended, when it has.
func (a *Attempt) Wait() Outcome {
	select {
	case <-a.over: // and the runner is about to see it
	case <-a.gone:
	}
	a.stop()
	<-a.gone
	a.mu.Lock()
	defer a.mu.Unlock()
	return outcomeOf(a.reports)
}

func (a *Attempt) notify(n queue.Notice) { a.wire.Notify(me, queuetest.FieldMap(n.Fields())) }

// hear does with a bundle what a supervisor does.
func (a *Attempt) hear(s runner.Signed) error {
	b, err := runner.ParseBundle(s.Doc)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range b.Reports {
		a.reports = append(a.reports, r)
		switch r := r.(type) {
		case runner.Join:
			a.notify(a.history.Welcome(me, process, r, runner.Mark{Queue: job.RunnerQueue(me), Seq: a.entry.Seq}))
		case runner.Refused:
			a.t.Errorf("the runner refused the job: %s", r.Reason)
			a.ended()
			a.ended()
		case runner.Leave, runner.Started, runner.Log, runner.Progress, runner.Checkpoint, runner.Completed, runner.Failed, runner.Stopped:
		}
	}
	return nil
}

// wire is the runner's end, whose bundles are heard at once.
type wire struct {
	*memqueue.Wire
	attempt *Attempt
}

// Send implements [queue.Line].
func (w wire) Send(_ context.Context, s runner.Signed) error { return w.attempt.hear(s) }

var _ queue.Wire = wire{}
