package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// ask is a proposal and what it was for. Its trace is on all events that came
// of it.
type ask struct {
	eventstore.Proposal
	trace  string
	id     string
	submit string // payload; empty if it was for something else
}

// world is a house where everything goes wrong.
type world struct {
	*house
	old  []*eventstore.Leader // who does not know that others lead
	open []ask
	done map[string]error // by trace
	asks map[string]ask
	next int
}

func (w *world) propose(t *rapid.T, l *eventstore.Leader, id, payload string, work eventstore.Work) {
	w.next++
	work.Trace = fmt.Sprint("t", w.next)
	a := ask{Proposal: l.Propose(context.Background(), work), trace: work.Trace, id: id, submit: payload}
	w.asks[a.trace] = a
	w.open = append(w.open, a)
	w.settle()
	t.Logf("%s: %s %q", a.trace, id, payload)
}

// settle remembers every answer that is there.
func (w *world) settle() {
	w.open = slices.DeleteFunc(w.open, func(a ask) bool {
		err := now(a.Proposal)
		if domain.CodeOf(err) == domain.Indeterminate && !w.ended(a) {
			return false
		}
		w.done[a.trace] = err
		return true
	})
}

// ended reports whether an ask has an answer: Wait tells one that is not there
// yet from one that nobody will ever know only by its cause.
func (w *world) ended(a ask) bool { return errors.Is(now(a.Proposal), eventstore.ErrConflict) }

// TestWhateverGoesWrongTheHistoryIsWhatWasAnswered interleaves callers, faults
// of the store and changes of leader, with next to no memory. Afterwards the log
// is a good history that says what everybody was told.
func TestWhateverGoesWrongTheHistoryIsWhatWasAnswered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{house: open(t), done: map[string]error{}, asks: map[string]ask{}}
		w.indexed = func() uint64 {
			tip, _ := w.mem.Tip(context.Background())
			return tip.Seq
		}
		limit := rapid.IntRange(4, 40).Draw(t, "limit")
		w.Remember(limit)
		id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		leader := func(t *rapid.T) *eventstore.Leader {
			if i := rapid.IntRange(-3, len(w.old)-1).Draw(t, "leader"); i >= 0 {
				return w.old[i]
			}
			return w.Leader
		}
		fault := rapid.SampledFrom([]func() (bool, error){
			nil, nil, nil,
			func() (bool, error) { return false, errLost },
			func() (bool, error) { return true, errLost },
			func() (bool, error) { return false, eventstore.ErrRefused },
		})
		number := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"submit": func(t *rapid.T) {
				id, payload := id.Draw(t, "id"), rapid.SampledFrom([]string{"x", "x", "y"}).Draw(t, "payload")
				w.propose(t, leader(t), id, payload, submit(id, payload))
			},
			"lose": func(t *rapid.T) {
				id := id.Draw(t, "id")
				w.propose(t, leader(t), id, "", lose(id))
			},
			"report": func(t *rapid.T) {
				id := id.Draw(t, "id")
				number += rapid.Uint64Range(0, 2).Draw(t, "step")
				w.propose(t, leader(t), id, "", complete(number, id))
			},
			"turn": func(t *rapid.T) {
				w.mem.OnAppend = fault.Draw(t, "fault")
				_, _ = leader(t).Turn(context.Background()) // what it means is judged at the end
				w.mem.OnAppend = nil
				w.settle()
			},
			"succeed": func(t *rapid.T) {
				if len(w.old) > 3 {
					t.Skip("enough leaders")
				}
				w.old = append(w.old, w.Leader)
				w.lead()
				w.Remember(limit)
				w.clock.Advance(-1)
				w.begins(t)
			},
			"fail": func(t *rapid.T) {
				if len(w.old) == 0 {
					t.Skip("nobody led before")
				}
				w.old[rapid.IntRange(0, len(w.old)-1).Draw(t, "leader")].Fail(eventstore.ErrConflict)
				w.settle()
			},
		})
		w.turn()
		for _, l := range w.old {
			l.Fail(eventstore.ErrConflict)
		}
		w.settle()
		w.judge()
	})
}

// begins begins the term; whether that is in the log is for later turns.
func (w *world) begins(t *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Begin(ctx, eventstore.Beginning{Founding: founding()}); domain.CodeOf(err) != domain.Indeterminate {
		t.Fatalf("begin: %v", err)
	}
}

// complete reports the open attempt of a job as completed, with a bundle that
// joins first where the process has not.
func complete(number uint64, id string) eventstore.Work {
	var token job.State
	var news bool
	w := report("a1", max(number, 1), key(5), &news, completed(id, token))
	return eventstore.Work{Aggregates: w.Aggregates, Decide: func(tx *eventstore.Tx) error {
		if tx.Process("r1", "a1").Version == 0 {
			return report("a1", 1, key(5), &news, join(key(5))).Decide(tx)
		}
		return report("a1", max(number, 2), key(5), &news, completed(id, tx.Job(jobID(id)))).Decide(tx)
	}}
}

// judge compares the log with what everybody was told.
func (w *world) judge() {
	byTrace, submits, outcomes := map[string]int{}, map[string]history.Entry{}, map[string]int{}
	versions := map[event.Aggregate]uint64{}
	for _, e := range w.entries() { // proves the log
		byTrace[e.Trace]++
		if versions[e.Aggregate]++; versions[e.Aggregate] != e.Version {
			w.Fatalf("%s has version %d, want %d", &e, e.Version, versions[e.Aggregate])
		}
		switch e.Data.(type) {
		case job.Submitted:
			if _, twice := submits[e.Aggregate.ID]; twice {
				w.Fatalf("%s was submitted twice", e.Aggregate)
			}
			submits[e.Aggregate.ID] = e
		case job.Completed, job.Failed:
			if outcomes[e.Aggregate.ID]++; outcomes[e.Aggregate.ID] > 1 {
				w.Fatalf("%s has two outcomes", e.Aggregate)
			}
		}
	}
	if len(w.open) > 0 {
		w.Fatalf("%d callers were never answered", len(w.open))
	}
	for trace, err := range w.done {
		w.answered(w.asks[trace], err, byTrace[trace], submits)
	}
}

func (w *world) answered(a ask, err error, events int, submits map[string]history.Entry) {
	code := domain.CodeOf(err)
	kept, known := submits[a.id]
	same := false
	if known && a.submit != "" {
		data, ok := kept.Data.(job.Submitted)
		same = ok && string(data.Submission.Doc) == string(opened(a.id, a.submit).Submission.Doc)
	}
	switch {
	case err == nil && a.submit != "" && !same:
		w.Fatalf("%s: submit of %s was acknowledged and is not in the log", a.trace, a.id)
	case err != nil && code != domain.Indeterminate && events > 0:
		w.Fatalf("%s was answered %v, and left %d events", a.trace, err, events)
	case code == domain.Conflict && (!known || same):
		w.Fatalf("%s: submit of %s was refused as another, and the log does not say so", a.trace, a.id)
	case code == domain.Internal && err != nil:
		w.Fatalf("%s was answered %v", a.trace, err)
	}
}

func later() error { return domain.Errorf(domain.Overloaded, "later", "later") }

// TestCallersAtOnce lets callers with few ids run against each other, the
// committer and a store that loses replies.
func TestCallersAtOnce(t *testing.T) {
	h := open(t)
	h.indexed = func() uint64 {
		tip, _ := h.mem.Tip(context.Background())
		return tip.Seq
	}
	h.Remember(8)
	n := 0
	h.mem.OnAppend = func() (bool, error) {
		if n++; n%3 == 0 {
			return n%2 == 0, errLost
		}
		return true, nil
	}
	err := h.do(func(ctx context.Context) error {
		var callers sync.WaitGroup
		var mu sync.Mutex
		var all []error
		for c := range 8 {
			callers.Go(func() {
				for i := range 40 {
					err := later()
					for domain.CodeOf(err) == domain.Overloaded { // what was read is forgotten before it is used
						err = h.Execute(ctx, submit(fmt.Sprint("j", (i*7+c)%23), "x"))
					}
					_ = h.Access()
					mu.Lock()
					all = append(all, err)
					mu.Unlock()
				}
			})
		}
		callers.Wait()
		return errors.Join(all...)
	})
	h.must(err)
	if got := len(h.entries()); got != 2+23 {
		t.Errorf("%d events, want founding, term and each job once", got)
	}
}
