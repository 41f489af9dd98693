package runnersdk

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/memqueue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

const (
	me        = domain.Name("r1")
	myProcess = "a1"
	space     = domain.Name("horus")
)

// world is a namespace with one supervisor, made by hand, and the wire to its
// runners.
type world struct {
	*queuetest.History
	t              testing.TB
	wire           *memqueue.Wire
	client, runner signing.PrivateKey
	slots          uint32 // of the runner
	heard          int    // bundles that were read
}

// newWorld returns a founded namespace that admits one client, and has a queue
// for the runner.
func newWorld(t testing.TB) *world {
	t.Helper()
	wire := memqueue.New()
	w := &world{
		History: queuetest.Found(t, space, wire.State), t: t, wire: wire, slots: 4,
		client: queuetest.Key(t, "client"), runner: queuetest.Key(t, "runner"),
	}
	w.Admit(access.Client, "c1", w.client)
	w.wire.MakeQueue(job.RunnerQueue(me))
	return w
}

// put puts an assignment into the runner's queue.
func (w *world) put(a queue.Assignment) queue.EntryID {
	w.wire.Put(job.RunnerQueue(me), a.ID, queuetest.FieldMap(a.Fields()))
	return a.ID
}

// submit grants and queues a job that the client signed.
func (w *world) submit(id, payload string) queue.EntryID {
	return w.put(w.Assign(queuetest.Sign(queuetest.Document(id, payload), w.client)))
}

// reports returns the reports that came since the last time, having checked every
// bundle as an intake does.
func (w *world) reports() []runner.Report {
	w.t.Helper()
	var reports []runner.Report
	inbox := w.wire.Inbox()
	for _, s := range inbox[w.heard:] {
		b, err := runner.ParseBundle(s.Doc)
		if err != nil {
			w.t.Fatalf("bundle: %v", err)
		}
		check := s.Check(w.runner.Public())
		if !signing.Verify(check.Key, check.Message, check.Signature) || b.Runner != me || b.Process != myProcess {
			w.t.Fatalf("bundle %d is not signed by its runner", b.Number)
		}
		reports = append(reports, b.Reports...)
	}
	w.heard = len(inbox)
	return reports
}

// welcome answers a join.
func (w *world) welcome(marks ...runner.Mark) {
	w.notify(w.Welcome(me, myProcess, runner.Join{Key: w.runner.Public(), Slots: w.slots}, marks...))
}

func (w *world) notify(n queue.Notice) { w.wire.Notify(me, queuetest.FieldMap(n.Fields())) }

// config is that of the runner of the tests.
func (w *world) config(logs *logs) Config {
	return Config{
		Runner: me, Key: w.runner, Wire: w.wire, Slots: int(w.slots), Process: myProcess,
		Logger: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// logs keeps what was logged.
type logs struct {
	mu sync.Mutex

	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) has(words string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), words)
}

// count returns how often words were logged.
func (l *logs) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

// turns drives a runner in the test's own goroutine.
type turns struct {
	*world
	*Runner
	logs *logs
}

// begin returns a runner that joined.
func begin(t testing.TB, h Handler) *turns {
	t.Helper()
	w := newWorld(t)
	return w.begin(h)
}

func (w *world) begin(h Handler) *turns { w.t.Helper(); return w.beginWith(h, 0) }

// beginWith is begin when the lowest open grant of the queue is known.
func (w *world) beginWith(h Handler, lowest uint64) *turns {
	w.t.Helper()
	logs := &logs{}
	r, err := New(w.config(logs), h)
	if err != nil {
		w.t.Fatalf("new: %v", err)
	}
	d := &turns{world: w, Runner: r, logs: logs}
	w.t.Cleanup(func() {
		for _, a := range r.hands.all() {
			a.stop(ErrStopping)
		}
		r.handlers.Wait()
	})
	d.turn()
	if got := w.reports(); len(got) != 1 {
		w.t.Fatalf("to join it reported %v", got)
	}
	if lowest == 0 {
		w.welcome()
	} else {
		w.welcome(runner.Mark{Queue: job.RunnerQueue(me), Seq: lowest})
	}
	d.turn()
	if !r.joined.Load() {
		w.t.Fatalf("it did not join:\n%s", logs.text.String())
	}
	return d
}

// turn takes turns until nothing is left to do.
func (d *turns) turn() {
	d.t.Helper()
	for busy := true; busy; {
		var err error
		busy, err = d.Turn(context.Background())
		if err != nil {
			d.t.Fatalf("turn: %v", err)
		}
		synctest.Wait()
	}
}

// echo is a handler that returns its payload.
func echo(_ context.Context, j *Job) (string, error) { return j.Payload, nil }

// leafOf names the event that grants an assignment.
func leafOf(a queue.Assignment) signing.Hash { return signing.LeafHash(a.Grant.Event) }

// beforeTheFounding is a wire on which no supervisor came yet.
type beforeTheFounding struct{ *memqueue.Wire }

// Statements implements [queue.Line].
func (beforeTheFounding) Statements(context.Context, uint64) ([]queue.Statement, error) {
	return nil, nil
}
