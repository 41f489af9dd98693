package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
)

// copied returns a house whose store has copies, which have all that there is:
// its leader has begun.
func copied(t rapid.TB) *house {
	h := build(t)
	h.syncer = h.mem
	h.crown(h.terms)
	h.must(h.begin())
	_, err := h.Assure(context.Background())
	h.must(err)
	return h
}

// durably asks the same so that its caller is answered when it is durable.
func durably(w eventstore.Work) eventstore.Work {
	w.Durable = true
	return w
}

// lag makes the copies stand still, or go on.
func (h *house) lag(behind bool) {
	h.mem.OnSync = nil
	if behind {
		h.mem.OnSync = func() error { return eventstore.ErrNotDurable }
	}
}

// ends fails the test unless the log ends with a place and is durable up to
// another.
func (h *house) ends(end, durable uint64) {
	h.Helper()
	_, tip := h.commits()
	if tip.Seq != end || h.Durable() != durable || h.Undurable() != end-durable {
		h.Errorf("the log ends with %d and is durable up to %d (%d are not), want %d and %d", tip.Seq, h.Durable(), h.Undurable(), end, durable)
	}
}

func TestWithoutCopiesWhatIsAppendedIsDurable(t *testing.T) {
	h := open(t)
	h.ends(2, 2)
	h.must(h.execute(durably(submit("j1", "x"))))
	h.ends(3, 3)
	if busy, err := h.Assure(t.Context()); busy || err != nil {
		t.Errorf("Assure with nothing to ask = %v, %v", busy, err)
	}
	h.lead()
	if got := h.Durable(); got != 3 {
		t.Errorf("a new leader knows %d to be durable, want all 3", got)
	}
}

func TestWhoeverWantsItDurableWaitsForTheCopies(t *testing.T) {
	h := copied(t)
	asked := h.Propose(t.Context(), durably(submit("j1", "x")))
	other := h.Propose(t.Context(), submit("j2", "x"))
	h.turn()
	h.must(now(other)) // the log is enough for it
	h.want(now(asked), domain.NotDurable)
	if _, err := h.Assure(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.must(now(asked))
	h.ends(4, 4)
}

// What was answered -32009 is in the log: the same again must not say that all
// is well before it is.
func TestTheSameAgainTellsTheTruth(t *testing.T) {
	h := copied(t)
	h.must(h.execute(durably(submit("old", "x"))))
	h.lag(true)
	for range 3 {
		h.want(h.execute(durably(submit("j1", "x"))), domain.NotDurable)
		h.ends(4, 3)
	}
	h.want(h.execute(durably(submit("j1", "another"))), domain.NotDurable) // a conflict, with what may be gone tomorrow
	h.must(h.execute(durably(submit("old", "x"))))                         // rests on nothing that is not durable
	h.want(h.execute(durably(submit("old", "another"))), domain.Conflict)
	h.lag(false)
	h.must(h.execute(durably(submit("j1", "x"))))
	h.ends(4, 4)
	h.want(h.execute(durably(submit("j1", "another"))), domain.Conflict)
}

// Copies follow in order: whoever waits for an old place is content with a new
// one, and a question that is on its way is good for all that it is about.
func TestALaterAnswerMakesWhatWasBeforeItDurable(t *testing.T) {
	h := copied(t)
	h.lag(true)
	h.want(h.execute(durably(submit("j1", "x"))), domain.NotDurable)
	h.lag(false)
	h.must(h.execute(durably(submit("j2", "x"))))
	h.ends(4, 4)
	h.must(h.Propose(t.Context(), durably(submit("j1", "x"))).Wait(t.Context())) // and asks nobody
}

// A question must not be believed about what was appended while it was on its
// way.
func TestAnAnswerIsAboutWhatWasThereWhenItWasAsked(t *testing.T) {
	h := copied(t)
	h.Propose(t.Context(), submit("j1", "x"))
	h.turn()
	var late eventstore.Proposal
	h.mem.OnSync = func() error {
		h.mem.OnSync = nil
		late = h.Propose(t.Context(), durably(submit("j2", "x")))
		_, err := h.Turn(t.Context())
		return err
	}
	_, err := h.Assure(t.Context())
	h.must(err)
	h.ends(4, 3)
	h.want(now(late), domain.NotDurable)
	select {
	case <-h.AssureWake():
	default:
		t.Error("nobody is woken to ask about the rest")
	}
	_, err = h.Assure(t.Context())
	h.must(err)
	h.must(now(late))
}

// What acts on the outside is fed with what is durable, and with nothing else.
func TestWhatIsDurableIsFedOnceAndInOrder(t *testing.T) {
	h := copied(t)
	places := func() (all []uint64) {
		for _, c := range h.assured {
			all = append(all, c.Seal.Last())
		}
		return all
	}
	if diff := cmp.Diff([]uint64{2}, places()); diff != "" {
		t.Fatalf("fed at the beginning (-want +got):\n%s", diff)
	}
	h.lag(true)
	for _, id := range []string{"j1", "j2"} {
		h.Propose(t.Context(), submit(id, "x"))
		h.turn()
		_, err := h.Assure(t.Context())
		if !errors.Is(err, eventstore.ErrNotDurable) {
			t.Fatal(err)
		}
	}
	if len(h.assured) > 1 || len(h.fed) != 3 {
		t.Fatalf("fed %v while the copies stand still, views %d commits", places(), len(h.fed))
	}
	h.lag(false)
	_, err := h.Assure(t.Context())
	h.must(err)
	if diff := cmp.Diff([]uint64{2, 3, 4}, places()); diff != "" {
		t.Errorf("fed afterwards (-want +got):\n%s", diff)
	}
}

// Copies that are gone for long must not fill the memory with what waits for
// them: what is left out is in the log, and the end is told all the same.
func TestWhatWaitsToBeDurableIsBounded(t *testing.T) {
	h := copied(t)
	h.lag(true)
	const commits = 1100
	for i := range commits {
		h.Propose(t.Context(), submit(fmt.Sprint("j", i), "x"))
		h.turn()
	}
	h.lag(false)
	_, err := h.Assure(t.Context())
	h.must(err)
	last := h.assured[len(h.assured)-1].Seal.Last()
	if n := len(h.assured); n != 1025 || h.assured[1].Seal.First != 3 || last != h.Durable() {
		t.Errorf("%d commits were fed, the last at %d of %d", n, last, h.Durable())
	}
}

// An answer that did not come says nothing: the same is asked again.
func TestAnAnswerThatIsLostIsAskedForAgain(t *testing.T) {
	h := copied(t)
	asked := h.Propose(t.Context(), durably(submit("j1", "x")))
	h.turn()
	h.mem.OnSync = func() error { h.mem.OnSync = nil; return errLost }
	if _, err := h.Assure(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("Assure = %v", err)
	}
	h.ends(3, 2)
	h.want(now(asked), domain.NotDurable) // its patience is over
	_, err := h.Assure(t.Context())
	h.must(err)
	h.must(now(asked))
}

func TestATermBeginsWithoutCopies(t *testing.T) {
	h := copied(t)
	h.must(h.execute(durably(submit("j1", "x"))))
	h.lag(true)
	h.lead()
	h.ends(3, 0) // how should it know
	h.must(h.begin())
	h.want(h.execute(durably(submit("j1", "x"))), domain.NotDurable)
	h.lag(false)
	h.must(h.execute(durably(submit("j1", "x"))))
	h.ends(4, 4)
}

func TestWhoWaitsForCopiesIsToldWhenTheTermIsOver(t *testing.T) {
	h := copied(t)
	early := h.Propose(t.Context(), durably(submit("j1", "x")))
	h.turn()
	waiting := make(chan error)
	go func() { waiting <- early.Wait(context.Background()) }()
	h.Leader.Fail(errLost)
	h.want(<-waiting, domain.NotDurable)
	h.want(early.Wait(context.Background()), domain.NotDurable)
	if _, err := h.Assure(t.Context()); err != nil {
		t.Errorf("Assure of a leader that failed = %v", err)
	}

	h.lead()
	h.must(h.begin())
	holder, err := h.mem.Holder(t.Context())
	h.must(err)
	h.must(h.mem.Take(t.Context(), holder, eventstore.Holder{Term: h.terms + 1, Name: "s2"}))
	if _, err := h.Assure(t.Context()); h.Undurable() > 0 && !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Assure of a term that is over = %v, want ErrConflict", err)
	}
}

// Whatever happens in whatever order: what a caller was told to be durable is
// there when the store is lost and a copy takes over.
func TestWhatIsDurableSurvivesTheStore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := copied(rt)
		_, tip := h.commits()
		copiedTo, behind := tip.Seq, false
		follow := func() error {
			if behind {
				return eventstore.ErrNotDurable
			}
			_, tip := h.commits()
			copiedTo = tip.Seq
			return nil
		}
		h.mem.OnSync = follow
		told, n := map[string]bool{}, 0
		rt.Repeat(map[string]func(*rapid.T){
			"submit": func(rt *rapid.T) {
				id := fmt.Sprint("j", rapid.IntRange(0, n).Draw(rt, "job"))
				n++
				switch err := h.execute(durably(submit(id, "x"))); {
				case err == nil:
					told[id] = true
				case domain.CodeOf(err) == domain.TryAgain: // what it remembers is gone
					h.lead()
					h.must(h.begin())
				case domain.CodeOf(err) != domain.NotDurable:
					rt.Fatalf("submit %s: %v", id, err)
				}
			},
			"work within": func(*rapid.T) { n++; _ = h.execute(submit(fmt.Sprint("j", n), "x")) },
			"lag":         func(*rapid.T) { behind = !behind },
			"fail over": func(rt *rapid.T) {
				h.mem.Truncate(copiedTo)
				if rapid.Bool().Draw(rt, "noticed") { // else the lease is as it was
					h.lead()
					h.must(h.begin())
				}
				lost := maps.Clone(told)
				for _, e := range h.entries() {
					delete(lost, e.Aggregate.ID)
				}
				if len(lost) > 0 {
					rt.Fatalf("lost: %v", lost)
				}
			},
			"": func(rt *rapid.T) {
				if d := h.Durable(); d > copiedTo {
					rt.Fatalf("%d is said to be durable, the copy has %d", d, copiedTo)
				}
			},
		})
	})
}

// A log that the index lags far behind takes nothing new, since what the index
// lacks stays in memory; it goes on with what there is.
func TestNothingNewIsBegunWithoutRoom(t *testing.T) {
	h := open(t)
	pressed := func(id string, ask eventstore.Work) eventstore.Work {
		return eventstore.Work{Aggregates: ask.Aggregates, Decide: func(tx *eventstore.Tx) error {
			if err := tx.Room(); err != nil && tx.Job(jobID(id)).Version == 0 {
				return err
			}
			return ask.Decide(tx)
		}}
	}
	new1 := func(id string) error { return h.execute(pressed(id, submit(id, "x"))) }
	h.must(new1("j1"))
	h.press = errors.New("full")
	if err := new1("j2"); !errors.Is(err, h.press) {
		t.Errorf("under pressure: %v", err)
	}
	h.must(new1("j1"))
	h.press = nil
	h.must(new1("j2"))

	h.indexed = func() uint64 { _, tip := h.commits(); return tip.Seq }
	chain, tip := h.follow((*history.Chain).Follow)
	head := chain.Head()
	head.Seq += 60_000 // of which the index has none
	chain.SetHead(head)
	h.terms++
	h.crownWith(h.terms, eventstore.Tip{Seq: head.Seq, Seal: tip.Seal}, chain)
	err := h.Propose(t.Context(), eventstore.Work{Decide: func(tx *eventstore.Tx) error { return tx.Room() }}).Decided()
	if domain.CodeOf(err) != domain.Overloaded || domain.ReasonOf(err) != "lagging" {
		t.Errorf("60,000 events behind: %v, want lagging", err)
	}
}
