package runnersdk

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/memqueue"
)

const (
	me        = domain.Name("r1")
	myProcess = "a1"
	space     = domain.Name("horus")
)

// world is a namespace with one supervisor, made by hand, and the wire to its
// runners.
type world struct {
	t    testing.TB
	wire *memqueue.Wire
	keys queue.Keys

	supervisor, operator, client, runner signing.PrivateKey

	term, seq  uint64
	statements uint64
	prev       signing.Hash
	versions   map[string]uint64
	heard      int // bundles that were read
}

// key makes the same key for the same name.
func key(t testing.TB, name string) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(strings.NewReader(strings.Repeat(name, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newWorld returns a founded namespace that admits one client, and whose term
// has a queue for the runner.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, wire: memqueue.New(), keys: queue.Keys{Namespace: space}, term: 7,
		supervisor: key(t, "supervisor"), operator: key(t, "operator"), client: key(t, "client"), runner: key(t, "runner"),
		versions: map[string]uint64{},
	}
	w.state(access.Founded{
		Namespace: space, Partitions: 1, Supervisor: "s1",
		Key: w.supervisor.Public(), Operator: w.operator.Public(),
	})
	w.admit(access.Client, "c1", w.client)
	w.wire.MakeQueue(job.RunnerQueue(me))
	return w
}

// admit states that a key may act.
func (w *world) admit(class access.Class, name domain.Name, k signing.PrivateKey) {
	w.t.Helper()
	admitted := access.Key{Class: class, Name: name, Public: k.Public()}
	admitted.Proof = k.Sign(access.AdmissionText(space, admitted))
	w.state(access.Admitted{Key: admitted})
}

func (w *world) state(e access.Event) {
	w.t.Helper()
	proof := w.commit(event.Aggregate{Kind: event.Access}, e)
	w.statements++
	w.wire.State(string(queue.AppendStatement(nil, proof)))
}

// header is what the next event of an aggregate says besides its data.
func (w *world) header(a event.Aggregate) event.Header {
	w.versions[a.String()]++
	return event.Header{
		Namespace: string(space), Aggregate: a, Version: w.versions[a.String()],
		At: event.At(time.Now()), Actor: event.BySystem("test"),
	}
}

// commit seals one event.
func (w *world) commit(a event.Aggregate, d event.Data) signing.Proof {
	return w.commitAll(a, d)[0]
}

// commitAll seals events of an aggregate, or of one each when it has no id.
func (w *world) commitAll(a event.Aggregate, data ...event.Data) []signing.Proof {
	var events [][]byte
	var leaves []signing.Hash
	for _, d := range data {
		encoded := event.Append(nil, w.header(a), d)
		events, leaves = append(events, encoded), append(leaves, signing.LeafHash(encoded))
	}
	return w.seal(events, leaves)
}

func (w *world) seal(events [][]byte, leaves []signing.Hash) []signing.Proof {
	seal := signing.Seal{
		Namespace: string(space), Term: w.term, First: w.seq + 1, Count: uint32(len(events)),
		Root: signing.Root(leaves), Statements: w.statements, Prev: w.prev,
	}.Sign(w.supervisor)
	w.prev = seal.Hash()
	proofs := make([]signing.Proof, len(events))
	for i, path := range signing.Paths(leaves) {
		w.seq++
		proofs[i] = signing.Proof{Event: events[i], Seq: w.seq, Path: path, Seal: seal}
	}
	return proofs
}

// document is a job as a client writes it.
func document(id, payload string) string {
	return fmt.Sprintf(`{"id":%q,"payload":%q,"runner":"r1","timeout":60}`, id, payload)
}

// signed is a job in an envelope of the client's.
func (w *world) signed(doc string, keys ...signing.PrivateKey) job.Submission {
	s := job.Submission{Form: job.FormDSSE, Doc: []byte(doc)}
	for _, k := range keys {
		s.Signatures = append(s.Signatures, job.SubmittedSignature{
			Key: k.Public().ID(), Signature: k.Sign(signing.PAE(job.PayloadType, s.Doc)),
		})
	}
	return s
}

// grantOf is what the supervisor grants for a job's first attempt.
func (w *world) grantOf(s job.Submission) (job.ID, *job.Grant) {
	w.t.Helper()
	opened, err := s.Open()
	if err != nil {
		w.t.Fatalf("open the job: %v", err)
	}
	return opened.Spec.ID, &job.Grant{Attempt: 1, Queue: opened.Spec.Queue(), Job: opened.Hash, Keys: opened.Signers}
}

func jobAggregate(id string) event.Aggregate { return event.Aggregate{Kind: event.Job, ID: id} }

// assign is the queue entry of a job's first attempt.
func (w *world) assign(s job.Submission) queue.Assignment {
	w.t.Helper()
	id, grant := w.grantOf(s)
	return w.assignment(w.commit(jobAggregate(id.String()), job.Submitted{Submission: s, Grant: grant}))
}

func (w *world) assignment(p signing.Proof) queue.Assignment {
	return queue.Assignment{ID: queue.EntryID{Term: p.Seal.Term, Seq: p.Seq}, Grant: p}
}

// fieldMap turns names and values in turn into a map.
func fieldMap(pairs []string) map[string]string {
	fields := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	return fields
}

// put puts an assignment into the runner's queue.
func (w *world) put(a queue.Assignment) queue.EntryID {
	w.wire.Put(job.RunnerQueue(me), a.ID, fieldMap(a.Fields()))
	return a.ID
}

// submit grants and queues a job that the client signed.
func (w *world) submit(id, payload string) queue.EntryID {
	return w.put(w.assign(w.signed(document(id, payload), w.client)))
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
	if len(marks) == 0 {
		marks = []runner.Mark{{Queue: job.RunnerQueue(me), Seq: w.seq + 1}}
	}
	joined := runner.Joined{Process: myProcess, Key: w.runner.Public(), Slots: 4, Marks: marks}
	w.notify(w.commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, joined))
}

func (w *world) notify(p signing.Proof) {
	n := queue.Notice{Kind: queue.NoticeJoined, Process: myProcess, Proof: p}
	w.wire.Notify(me, fieldMap(n.Fields()))
}

// config is that of the runner of the tests.
func (w *world) config(logs *logs) Config {
	return Config{
		Runner: me, Key: w.runner, Wire: w.wire, Slots: 4, Process: myProcess,
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
