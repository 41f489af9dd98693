package runnersdk

import (
	"errors"
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
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// outsider is a runner that did not join yet.
func (w *world) outsider(change func(*Config)) *turns {
	w.t.Helper()
	logs := &logs{}
	c := w.config(logs)
	if change != nil {
		change(&c)
	}
	r, err := New(c, echo)
	if err != nil {
		w.t.Fatal(err)
	}
	return &turns{world: w, Runner: r, logs: logs}
}

func TestJoinIsAskedForUntilItIsAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newWorld(t).outsider(nil)
		d.submit("j1", "p")
		for range 40 {
			d.turn()
			time.Sleep(time.Second)
		}
		inbox := d.wire.Inbox()
		if n := len(inbox); n < 3 || n > 6 {
			t.Errorf("asked %d times in 40 seconds", n)
		}
		for _, s := range inbox {
			if string(s.Doc) != string(inbox[0].Doc) {
				t.Error("it asked in other words")
			}
		}
		if owner := d.wire.Owner(job.RunnerQueue(me), queue.EntryID{Term: 7, Seq: 3}); owner != "" {
			t.Error("it took work before it joined")
		}
		d.welcome()
		d.turn()
		d.reports()
		d.turn()
		if !d.joined.Load() {
			t.Error("it did not join")
		}
	})
}

func TestHintsAreLoggedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newWorld(t).outsider(nil)
		d.turn()
		for _, process := range []string{myProcess, myProcess, "another"} {
			n := queue.Notice{Kind: queue.NoticeRefused, Process: process, Reason: "an administrator runs horus for " + process}
			d.wire.Notify(me, queuetest.FieldMap(n.Fields()))
			d.turn()
		}
		if n := d.logs.count("an administrator runs horus"); n != 1 {
			t.Errorf("the hint was logged %d times", n)
		}
	})
}

func TestOnlyAProofOfItsOwnJoiningCounts(t *testing.T) {
	own := runner.Joined{Process: myProcess, Slots: 4, Marks: []runner.Mark{{Queue: job.RunnerQueue(me), Seq: 9}}}
	tests := []struct {
		name string
		make func(*world) signing.Proof
	}{
		{name: "another runner's", make: func(w *world) signing.Proof { return w.Commit(event.Aggregate{Kind: event.Runner, ID: "r2"}, own) }},
		{name: "another process'", make: func(w *world) signing.Proof {
			other := own
			other.Process = "b2"
			return w.Commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, other)
		}},
		{name: "another key's", make: func(w *world) signing.Proof {
			other := own
			other.Key = w.client.Public()
			return w.Commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, other)
		}},
		{name: "another event", make: func(w *world) signing.Proof {
			return w.Commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, runner.Left{Process: myProcess})
		}},
		{name: "sealed by a stranger", make: func(w *world) signing.Proof {
			w.Supervisor = queuetest.Key(w.t, "stranger")
			return w.Commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, own)
		}},
		{name: "with a seal that does not hold", make: func(w *world) signing.Proof {
			p := w.Commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, own)
			p.Seal.Signature[0] ^= 1
			return p
		}},
		{name: "of an event that was not sealed", make: func(w *world) signing.Proof {
			p := w.Commit(event.Aggregate{Kind: event.Runner, ID: string(me)}, runner.Left{Process: myProcess})
			p.Event = event.Append(nil, w.Header(event.Aggregate{Kind: event.Runner, ID: string(me)}), own)
			return p
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				own.Key = w.runner.Public()
				d := w.outsider(nil)
				d.turn()
				d.notify(joinedBy(test.make(w)))
				d.turn()
				if d.joined.Load() || !d.logs.has("passed over a notice") {
					t.Error("it was believed")
				}
			})
		})
	}
}

func TestFoundingIsPinnedAndSaid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var pinned []signing.Hash
		d := newWorld(t).outsider(func(c *Config) {
			c.Pin = func(h signing.Hash) error { pinned = append(pinned, h); return nil }
		})
		d.turn()
		d.welcome()
		d.turn()
		if len(pinned) != 1 || pinned[0] != d.trust.fingerprint() || pinned[0].IsZero() {
			t.Errorf("pinned %v", pinned)
		}
		again := d.world.outsider(func(c *Config) {
			c.Trust, c.Pin = pinned[0], func(signing.Hash) error { t.Error("pinned what was trusted"); return nil }
		})
		again.turn()
	})
}

func TestAnotherFoundingIsFatal(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.config(&logs{})
		c.Trust = signing.Hash{1}
		err := Serve(t.Context(), c, echo)
		if domain.CodeOf(err) != domain.Forbidden || domain.ReasonOf(err) != "trust" {
			t.Errorf("serve: %v", err)
		}
	})
}

func TestPinThatFailsIsFatal(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		noDisk := errors.New("no disk")
		c := newWorld(t).config(&logs{})
		c.Pin = func(signing.Hash) error { return noDisk }
		if err := Serve(t.Context(), c, echo); !errors.Is(err, noDisk) {
			t.Errorf("serve: %v", err)
		}
	})
}

// Nothing was founded, then a supervisor comes.
func TestWaitsForAFounding(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := newWorld(t).outsider(nil)
		d.trust.line = beforeTheFounding{d.wire}
		for range 5 {
			d.turn()
			time.Sleep(time.Second)
		}
		if n := len(d.wire.Inbox()); n != 0 {
			t.Errorf("it asked %d times where nobody is", n)
		}
		if n := d.logs.count("nobody founded"); n != 1 {
			t.Errorf("it was said %d times", n)
		}
		d.trust.line = d.wire
		d.turn()
		if n := len(d.wire.Inbox()); n != 1 {
			t.Errorf("then it asked %d times", n)
		}
	})
}

func TestForgedStatementIsNotBelieved(t *testing.T) {
	tests := []struct {
		name  string
		forge func(*world) string
	}{
		{name: "of no form", forge: func(*world) string { return "rubbish" }},
		{name: "another event", forge: func(w *world) string {
			return statement(w.Commit(event.Aggregate{Kind: event.Runner, ID: "r1"}, runner.Left{Process: "a1"}))
		}},
		{name: "sealed by the key that it admits", forge: func(w *world) string {
			w.Supervisor = queuetest.Key(w.t, "evil")
			k := access.Key{Class: access.Supervisor, Name: "s2", Public: w.Supervisor.Public()}
			k.Proof = w.Supervisor.Sign(access.AdmissionText(space, k))
			return statement(w.Commit(event.Aggregate{Kind: event.Access}, access.Admitted{Key: k}))
		}},
		{name: "out of turn", forge: func(w *world) string {
			w.Header(event.Aggregate{Kind: event.Access}) // a version that is left out
			k := access.Key{Class: access.Client, Name: "c9", Public: w.Operator.Public()}
			return statement(w.Commit(event.Aggregate{Kind: event.Access}, access.Admitted{Key: k}))
		}},
		{name: "with another event than was sealed", forge: func(w *world) string {
			k := queuetest.Key(w.t, "victim")
			admitted := access.Key{Class: access.Client, Name: "c9", Public: k.Public()}
			admitted.Proof = k.Sign(access.AdmissionText(space, admitted))
			h := w.Header(event.Aggregate{Kind: event.Access})
			p := w.Seal(event.Append(nil, h, access.Admitted{Key: admitted}))[0]
			admitted.Class = access.Supervisor
			admitted.Proof = k.Sign(access.AdmissionText(space, admitted))
			p.Event = event.Append(nil, h, access.Admitted{Key: admitted})
			return statement(p)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				d := w.outsider(nil)
				d.turn()
				value := test.forge(w)
				w.wire.State(value)
				w.Statements++
				w.Supervisor = queuetest.Key(t, "supervisor")
				w.welcome()
				if _, err := d.Turn(t.Context()); err == nil || d.joined.Load() {
					t.Errorf("joined: %v, error: %v", d.joined.Load(), err)
				}
				if known := d.trust.known(); known != 2 {
					t.Errorf("%d statements are believed", known)
				}
				synctest.Wait()
			})
		})
	}
}

func statement(p signing.Proof) string { return string(queue.AppendStatement(nil, p)) }

// joinedBy is the notice of a joining.
func joinedBy(p signing.Proof) queue.Notice {
	return queue.Notice{Kind: queue.NoticeJoined, Process: myProcess, Proof: p}
}
