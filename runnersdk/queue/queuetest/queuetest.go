// Package queuetest is the written meaning of [queue.Wire]: every
// implementation runs it.
package queuetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// Supervisor is the other end of a wire under test.
type Supervisor interface {
	MakeQueue(q job.Queue)
	DropQueue(q job.Queue)
	Put(q job.Queue, id queue.EntryID, fields map[string]string)
	Remove(q job.Queue, id queue.EntryID)
	Give(q job.Queue, id queue.EntryID, process string)
	Owner(q job.Queue, id queue.EntryID) string
	Notify(id domain.Name, fields map[string]string)
	State(value string)
	SetMode(field, mode string) // an empty one is removed
	Beats() map[string]string
	Inbox() []runner.Signed
}

const (
	me    = "a1"
	other = "b2"
)

// own and kind are the queues of the tests.
func own() job.Queue  { return job.RunnerQueue("r1") }
func kind() job.Queue { return job.ExecutorQueue("sh") }

func at(seq uint64) queue.EntryID { return queue.EntryID{Term: 7, Seq: seq} }

// Run runs the suite. open returns both ends of a new wire.
func Run(t *testing.T, open func(*testing.T) (queue.Wire, Supervisor)) {
	tests := map[string]func(*testing.T, queue.Wire, Supervisor){
		"entries are delivered once and in order":         deliveredOnce,
		"a claim is bounded":                              bounded,
		"a claim waits for the first entry":               waits,
		"several queues are one claim":                    severalQueues,
		"a queue that is missing is empty":                missingQueue,
		"what was delivered is found":                     pendingIsFound,
		"only what is owned is renewed":                   renewsOwn,
		"a bundle arrives as it was signed":               bundleArrives,
		"notices come after the end that was seen":        noticesFollow,
		"statements come in order and without a gap":      statementsFollow,
		"an entry that was removed is pending for nobody": removedIsGone,
		"a beat takes the place of the one before":        beatsReplace,
		"modes are those that were asked for":             modesOfFields,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			wire, supervisor := open(t)
			test(t, wire, supervisor)
		})
	}
}

// put makes the queue and puts entries with these numbers.
func put(s Supervisor, q job.Queue, seqs ...uint64) {
	s.MakeQueue(q)
	for _, seq := range seqs {
		s.Put(q, at(seq), map[string]string{"grant": at(seq).String()})
	}
}

// ids says which entries of which queues these are.
func ids(t *testing.T, entries []queue.Entry) []string {
	t.Helper()
	var got []string
	for _, e := range entries {
		if e.Fields["grant"] != e.ID {
			t.Errorf("entry %s has the fields %v", e.ID, e.Fields)
		}
		got = append(got, e.Queue.String()+" "+e.ID)
	}
	return got
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func take(t *testing.T, w queue.Wire, process string, limit int, queues ...job.Queue) []string {
	t.Helper()
	entries, err := w.Take(t.Context(), process, queues, limit, 0)
	if err != nil {
		t.Fatalf("take: %v", err)
	}
	return ids(t, entries)
}

func pending(t *testing.T, w queue.Wire, after queue.EntryID, limit int) []string {
	t.Helper()
	entries, err := w.Pending(t.Context(), me, own(), after, limit)
	if err != nil {
		t.Fatalf("pending: %v", err)
	}
	return ids(t, entries)
}

func deliveredOnce(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own(), 1, 2, 3)
	same(t, take(t, w, me, 2, own()), []string{"runner:r1 7-1", "runner:r1 7-2"})
	same(t, take(t, w, other, 2, own()), []string{"runner:r1 7-3"})
	same(t, take(t, w, me, 2, own()), nil)
}

func bounded(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own(), 1, 2, 3)
	put(s, kind(), 4, 5, 6)
	if got := take(t, w, me, 4, own(), kind()); len(got) != 4 {
		t.Errorf("asked for 4, got %v", got)
	}
}

func waits(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own())
	put(s, kind())
	var putting sync.WaitGroup
	putting.Go(func() { s.Put(kind(), at(9), map[string]string{"grant": "7-9"}) })
	defer putting.Wait()
	entries, err := w.Take(t.Context(), me, []job.Queue{own(), kind()}, 1, time.Minute)
	if err != nil {
		t.Fatalf("take: %v", err)
	}
	same(t, ids(t, entries), []string{"executor:sh 7-9"})
}

func severalQueues(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own(), 1)
	put(s, kind(), 2)
	got := take(t, w, me, 10, own(), kind())
	if len(got) != 2 {
		t.Errorf("got %v, want one entry of each queue", got)
	}
}

func missingQueue(t *testing.T, w queue.Wire, s Supervisor) {
	if _, err := w.Take(t.Context(), me, []job.Queue{own(), kind()}, 1, 0); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("take from nowhere: %v", err)
	}
	if _, err := w.Pending(t.Context(), me, own(), queue.EntryID{}, 1); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("pending of nowhere: %v", err)
	}
	if _, err := w.Renew(t.Context(), me, own(), []queue.EntryID{at(1)}); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("renew nowhere: %v", err)
	}
	put(s, kind(), 2)
	same(t, take(t, w, me, 1, own(), kind()), []string{"executor:sh 7-2"})
	s.DropQueue(kind())
	if _, err := w.Renew(t.Context(), me, kind(), []queue.EntryID{at(2)}); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("renew in a queue that was dropped: %v", err)
	}
	if _, err := w.Take(t.Context(), me, []job.Queue{own(), kind()}, 1, time.Second); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("take where all queues were dropped: %v", err)
	}
}

func pendingIsFound(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own(), 1, 2, 3, 4)
	take(t, w, me, 2, own())
	take(t, w, other, 1, own())
	take(t, w, me, 1, own())
	same(t, pending(t, w, queue.EntryID{}, 10), []string{"runner:r1 7-1", "runner:r1 7-2", "runner:r1 7-4"})
	same(t, pending(t, w, at(1), 1), []string{"runner:r1 7-2"})
	same(t, pending(t, w, at(4), 10), nil)
}

func renewsOwn(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own(), 1, 2, 3, 4)
	take(t, w, me, 3, own())
	s.Give(own(), at(2), other)
	s.Remove(own(), at(3))
	kept, err := w.Renew(t.Context(), me, own(), []queue.EntryID{at(1), at(2), at(3), at(4)})
	if err != nil {
		t.Fatalf("renew: %v", err)
	}
	if diff := cmp.Diff([]queue.EntryID{at(1)}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if owner := s.Owner(own(), at(2)); owner != other {
		t.Errorf("the renewal took 7-2 back: it is owned by %q", owner)
	}
	if owner := s.Owner(own(), at(4)); owner != "" {
		t.Errorf("the renewal claimed 7-4 for %q", owner)
	}
}

func removedIsGone(t *testing.T, w queue.Wire, s Supervisor) {
	put(s, own(), 1, 2)
	take(t, w, me, 2, own())
	s.Remove(own(), at(1))
	same(t, pending(t, w, queue.EntryID{}, 10), []string{"runner:r1 7-2"})
}

func bundleArrives(t *testing.T, w queue.Wire, s Supervisor) {
	sent := runner.Signed{Doc: []byte(`{"v":1}`), Key: "00112233445566778899aabbccddeeff", Signature: signing.Signature{1, 2, 3}}
	for range 2 {
		if err := w.Send(t.Context(), sent); err != nil {
			t.Fatalf("send: %v", err)
		}
	}
	if diff := cmp.Diff([]runner.Signed{sent, sent}, s.Inbox()); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
}

func noticesFollow(t *testing.T, w queue.Wire, s Supervisor) {
	s.Notify("r1", map[string]string{"kind": "old"})
	end, err := w.ControlEnd(t.Context(), "r1")
	if err != nil {
		t.Fatalf("control end: %v", err)
	}
	s.Notify("r2", map[string]string{"kind": "another's"})
	var notifying sync.WaitGroup
	notifying.Go(func() {
		s.Notify("r1", map[string]string{"kind": "first"})
		s.Notify("r1", map[string]string{"kind": "second"})
	})
	defer notifying.Wait()
	var got []string
	for len(got) < 2 {
		notices, err := w.Control(t.Context(), "r1", end, time.Minute)
		if err != nil {
			t.Fatalf("control: %v", err)
		}
		for _, n := range notices {
			got, end = append(got, n.Fields["kind"]), n.ID
		}
	}
	same(t, got, []string{"first", "second"})
	if empty, err := w.ControlEnd(t.Context(), "r3"); err != nil || empty == "" {
		t.Errorf("the end of a stream that is not there: %q, %v", empty, err)
	}
	if notices, err := w.Control(t.Context(), "r1", end, 0); err != nil || len(notices) > 0 {
		t.Errorf("nothing more was said: %v, %v", notices, err)
	}
}

func statementsFollow(t *testing.T, w queue.Wire, s Supervisor) {
	for _, value := range []string{"one", "two", "three"} {
		s.State(value)
	}
	var got []string
	for {
		more, err := w.Statements(t.Context(), uint64(len(got)))
		if err != nil {
			t.Fatalf("statements: %v", err)
		}
		if len(more) == 0 {
			break
		}
		for _, statement := range more {
			got = append(got, statement.Value)
			if statement.Number != uint64(len(got)) {
				t.Errorf("statement %d has the number %d", len(got), statement.Number)
			}
		}
	}
	same(t, got, []string{"one", "two", "three"})
}
