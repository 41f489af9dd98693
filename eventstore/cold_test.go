package eventstore_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
)

// succeed makes another leader, whose memory is cold.
func (h *house) succeed() {
	h.Helper()
	h.lead()
	h.must(h.begin())
}

func TestANewLeaderKnowsWhatWasDecided(t *testing.T) {
	h := open(t)
	var news bool
	h.must(h.execute(report("a1", 1, key(5), &news, join(key(5)))))
	h.must(h.execute(bulk("j", 100, 1)))
	h.must(h.execute(report("a1", 4, key(5), &news, completed("j7", h.state("j7")))))
	before := h.state("j7")

	for _, id := range []string{"j0", "j15", "j16", "j50", "j99"} {
		h.succeed()
		length := len(h.entries())
		h.must(h.execute(submit(id, "x")))
		h.want(h.execute(submit(id, "y")), domain.Conflict)
		if got := len(h.entries()); got != length {
			t.Errorf("a repeat of %s added %d events", id, got-length)
		}
	}
	if diff := cmp.Diff(before, h.state("j7"), cmp.AllowUnexported(job.ID{}, job.Queue{})); diff != "" {
		t.Errorf("the job, before and after (-before +after):\n%s", diff)
	}
	h.must(h.execute(report("a1", 4, key(5), &news, completed("j8", h.state("j8")))))
	if news {
		t.Error("bundle 4 was taken again")
	}
	h.want(h.execute(lose("j7")), domain.Stale)
	h.must(h.execute(report("a1", 5, key(5), &news, completed("j8", h.state("j8")))))
	if !news {
		t.Error("bundle 5 was not taken")
	}
	h.entries()
}

func TestANewLeaderKnowsARunnersFirstKey(t *testing.T) {
	h := open(t)
	var news bool
	h.must(h.execute(report("a1", 1, key(5), &news, join(key(5)))))
	h.succeed()
	other := report("b1", 1, key(6), &news, join(key(6)))
	h.want(h.execute(other), domain.Forbidden)
	h.entries()
}

// The jobs of a chain that was checked event by event were folded twice: once
// by the chain, once when they were read back.
func TestAChainThatFoldedJobsIsNoHotterThanAnother(t *testing.T) {
	h := open(t)
	o := opened("j1", "x")
	o.Spec.Policy.MaxAttempts = 3
	h.must(h.execute(submit("j1", "x")))
	h.must(h.execute(lose("j1")))
	chain, tip := h.follow((*history.Chain).Check)
	before := chain.State.Jobs[o.Spec.ID]
	h.terms++
	holder, err := h.mem.Holder(t.Context())
	h.must(err)
	h.must(h.mem.Take(t.Context(), holder, eventstore.Holder{Term: h.terms, Name: "s1"}))
	h.crownWith(h.terms, tip, chain)
	h.must(h.begin())
	if diff := cmp.Diff(before, h.state("j1"), cmp.AllowUnexported(job.ID{}, job.Queue{})); diff != "" {
		t.Errorf("the job, in the chain and in the leader (-chain +leader):\n%s", diff)
	}
}

// spoiled is a store that changes what it is asked for.
type spoiled struct {
	*memstore.Store
	change func([]history.Raw) []history.Raw
}

func (s spoiled) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	raws, err := s.Store.Read(ctx, after, limit)
	return s.change(raws), err
}

func TestAColdEntryThatWasChangedHaltsTheLeader(t *testing.T) {
	at := func(seq uint64, change func(*history.Raw)) func([]history.Raw) []history.Raw {
		return func(raws []history.Raw) []history.Raw {
			for i := range raws {
				if raws[i].Seq == seq {
					change(&raws[i])
				}
			}
			return raws
		}
	}
	swap := func(was, is string) func(*history.Raw) {
		return func(r *history.Raw) { r.Event = bytes.ReplaceAll(r.Event, []byte(was), []byte(is)) }
	}
	// Founding and term are 1 and 2, jobs j0 to j39 are 3 to 42 in one commit,
	// and the job last is 43.
	for _, tt := range []struct {
		name   string
		change func([]history.Raw) []history.Raw
	}{
		{"another payload", at(8, swap(`"payload":"x"`, `"payload":"y"`))},
		{"another time", at(8, swap("2026-01-02", "2026-01-03"))},
		{"an event that is none", at(8, func(r *history.Raw) { r.Event = []byte("{}") })},
		{"an entry that is not there", at(8, func(r *history.Raw) { r.Event = nil })},
		{"another event of its commit", at(30, swap(`"payload":"x"`, `"payload":"y"`))},
		{"no seal", at(42, func(r *history.Raw) { r.Seal = nil })},
		{"a seal that is none", at(42, func(r *history.Raw) { r.Seal = []byte("1.2.3") })},
		{"a signature of somebody else", at(42, func(r *history.Raw) { r.Seal[len(r.Seal)-10] ^= 1 })},
		{"a seal too early", func(raws []history.Raw) []history.Raw {
			if i := slices.IndexFunc(raws, func(r history.Raw) bool { return r.Seal != nil }); i >= 0 {
				return at(20, func(r *history.Raw) { r.Seal = raws[i].Seal })(raws)
			}
			return raws
		}},
		{"nothing", func([]history.Raw) []history.Raw { return nil }},
		{"a log that ends before the seal", func(raws []history.Raw) []history.Raw {
			return slices.DeleteFunc(raws, func(r history.Raw) bool { return r.Seq > 41 })
		}},
		{"a log with a hole", func(raws []history.Raw) []history.Raw {
			return slices.DeleteFunc(raws, func(r history.Raw) bool { return r.Seq == 9 })
		}},
	} {
		h := open(t)
		h.must(h.execute(bulk("j", 40, 1)))
		h.must(h.execute(submit("last", "x")))
		h.store = spoiled{h.mem, tt.change}
		h.succeed()
		length := len(h.entries())
		if err := h.execute(submit("j5", "x")); domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v, want halted", tt.name, err)
		}
		if got := len(h.entries()); got != length {
			t.Errorf("%s: %d events were written", tt.name, got-length)
		}
	}
}

// finds is an index that answers what it is told.
type finds func([]event.Aggregate) ([][]uint64, uint64, error)

func (f finds) Find(_ context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	return f(aggregates)
}

func TestAnIndexThatNamesOtherEventsHaltsTheLeader(t *testing.T) {
	for _, tt := range []struct {
		name  string
		found []uint64
	}{
		{"an event of another job", []uint64{4}},
		{"no first event", []uint64{5}},
		{"an event twice", []uint64{3, 3, 5}},
		{"events out of order", []uint64{5, 3}},
		{"an event of another kind", []uint64{1}},
		{"an event behind the log", []uint64{99}},
		{"event 0", []uint64{0}},
	} {
		h := open(t)
		h.must(h.execute(submit("j1", "x"))) // 3
		h.must(h.execute(submit("j2", "x"))) // 4
		h.must(h.execute(lose("j1")))        // 5 and 6
		h.index = finds(func([]event.Aggregate) ([][]uint64, uint64, error) { return [][]uint64{tt.found}, 100, nil })
		h.succeed()
		if err := h.execute(submit("j1", "x")); domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v, want halted", tt.name, err)
		}
	}
}

func TestAnIndexThatCannotAnswerIsAskedAgain(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	trouble := errLost
	good := scan{h.mem, nil}
	h.index = finds(func(aggregates []event.Aggregate) ([][]uint64, uint64, error) {
		if trouble != nil {
			return nil, 0, trouble
		}
		return good.Find(context.Background(), aggregates)
	})
	h.succeed()
	h.want(h.execute(submit("j1", "y")), domain.Overloaded)
	trouble = nil
	h.want(h.execute(submit("j1", "y")), domain.Conflict)
}

// An index that had not reached the leader's first place yet made a known job
// look new.
func TestAnIndexBehindTheLeadersFirstPlaceIsNotBelieved(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x"))) // 3
	passed := uint64(2)
	h.index = scan{h.mem, func() uint64 { return passed }}
	h.lead()
	h.must(h.begin())
	h.want(h.execute(submit("j1", "y")), domain.Overloaded)
	passed = 3
	h.want(h.execute(submit("j1", "y")), domain.Conflict)
}

// One caller's context ended, and with it the read that others waited for.
func TestAReadIsEverybodys(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	good := scan{h.mem, nil}
	ctx, cancel := context.WithCancel(t.Context())
	h.index = contextual(func(ctx context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
		cancel()
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		return good.Find(ctx, aggregates)
	})
	h.succeed()
	h.want(h.Propose(ctx, submit("j1", "y")).Decided(), domain.Conflict)
}

type contextual func(context.Context, []event.Aggregate) ([][]uint64, uint64, error)

func (f contextual) Find(ctx context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	return f(ctx, aggregates)
}

func TestOnlyWhatWasTouchedLongAgoIsForgotten(t *testing.T) {
	h := open(t)
	passed := uint64(0)
	h.indexed = func() uint64 { return passed }
	h.Remember(3)
	hot := func() (ids []string) {
		for i := range 6 {
			if id := fmt.Sprint("j", i); h.Hot(eventstore.Jobs(jobID(id))[0]) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for i := range 5 { // places 3 to 7
		h.must(h.execute(submit(fmt.Sprint("j", i), "x")))
	}
	if diff := cmp.Diff([]string{"j0", "j1", "j2", "j3", "j4"}, hot()); diff != "" {
		t.Errorf("what the index has not passed (-want +got):\n%s", diff)
	}
	passed = 4
	h.must(h.execute(submit("j5", "x")))
	if diff := cmp.Diff([]string{"j2", "j3", "j4", "j5"}, hot()); diff != "" {
		t.Errorf("what the index has passed is forgotten (-want +got):\n%s", diff)
	}
	h.want(h.execute(submit("j0", "y")), domain.Conflict)
}

// TestForgettingNeverMakesAKnownJobLookUnknown lets a leader with next to no
// memory touch, forget and read back, with reads that were made before other
// things were decided, and an index that lags.
func TestForgettingNeverMakesAKnownJobLookUnknown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := open(t)
		var passed uint64 = 2 // by the index
		h.indexed = func() uint64 { return passed }
		h.index = scan{h.mem, func() uint64 { return passed }}
		h.succeed()
		passed = 3
		h.Remember(rapid.IntRange(0, 4).Draw(t, "limit"))
		known := map[string]job.Status{}
		var learning []func() error
		id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		t.Repeat(map[string]func(*rapid.T){
			"submit": func(t *rapid.T) {
				id := id.Draw(t, "id")
				h.must(h.execute(submit(id, "x")))
				if known[id] == job.None {
					known[id] = job.Waiting
				}
			},
			"conflict": func(t *rapid.T) {
				id := id.Draw(t, "id")
				if known[id] == job.None {
					t.Skip("nobody submitted it")
				}
				h.want(h.execute(submit(id, "y")), domain.Conflict)
			},
			"lose": func(t *rapid.T) {
				id := id.Draw(t, "id")
				err := h.execute(lose(id))
				switch known[id] {
				case job.None:
					h.want(err, domain.NotFound)
				case job.Waiting:
					h.must(err)
					known[id] = job.Broken
				default:
					h.want(err, domain.Stale)
				}
			},
			"look": func(t *rapid.T) {
				id := id.Draw(t, "id")
				if got := h.state(id).Status; got != known[id] {
					t.Fatalf("%s is %s, want %s", id, got, known[id])
				}
			},
			"index": func(t *rapid.T) {
				_, tip := h.commits()
				passed = rapid.Uint64Range(passed, tip.Seq).Draw(t, "passed")
			},
			"read": func(t *rapid.T) {
				learn, err := h.Load(context.Background(), eventstore.Jobs(jobID(id.Draw(t, "id")))...)
				h.must(err)
				learning = append(learning, learn)
			},
			"learn": func(t *rapid.T) {
				if len(learning) == 0 {
					t.Skip("nothing was read")
				}
				i := rapid.IntRange(0, len(learning)-1).Draw(t, "i")
				h.must(learning[i]())
				learning = slices.Delete(learning, i, i+1)
			},
		})
		h.entries()
	})
}
