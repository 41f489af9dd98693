package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/storetest"
	"github.com/herocode/horus/integration/redistest"
)

// partition is a partition on the shared Redis, and a hand that can reach
// behind its store.
func partition(t *testing.T) (*redisstore.Store, *hand) {
	t.Helper()
	server := redistest.Shared(t)
	keys := redisstore.Keys{Namespace: ns(redistest.Namespace(t))}
	return open(connect(t, server.URL()), keys), newHand(t, server.URL(), keys)
}

func TestKeys(t *testing.T) {
	tests := []struct {
		keys                  redisstore.Keys
		log, leader, position string
	}{
		{redisstore.Keys{Namespace: "horus"}, "horus:{p000}:log", "horus:{p000}:leader", "horus:{p000}:pos"},
		{redisstore.Keys{Namespace: "a.b", Partition: 42}, "a.b:{p042}:log", "a.b:{p042}:leader", "a.b:{p042}:pos"},
		{redisstore.Keys{Namespace: "x", Partition: 65535}, "x:{p65535}:log", "x:{p65535}:leader", "x:{p65535}:pos"},
	}
	for _, test := range tests {
		if test.keys.Log() != test.log || test.keys.Leader() != test.leader || test.keys.Position() != test.position {
			t.Errorf("%v: got %s, %s, %s", test.keys, test.keys.Log(), test.keys.Leader(), test.keys.Position())
		}
	}
}

// What stands in Redis is read by people and by other programs: it stays.
func TestWhatStandsInRedis(t *testing.T) {
	store, hand := partition(t)
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1_700_000_000, Name: "one", Beat: 3}))
	must(t, store.Append(t.Context(), 1_700_000_000, eventstore.Tip{},
		eventstore.Batch{First: 1, Events: [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)}, Seal: []byte("seal one")}))
	must(t, store.Append(t.Context(), 1_700_000_000, eventstore.Tip{Seq: 2, Seal: "seal one"},
		eventstore.Batch{First: 3, Events: [][]byte{[]byte(`{"c":3}`)}, Seal: []byte("seal two")}))
	must(t, store.Beat(t.Context(), 1_700_000_000))

	wantLog := []any{
		[]any{"1-0", []any{"e", `{"a":1}`}},
		[]any{"2-0", []any{"e", `{"b":2}`, "s", "seal one"}},
		[]any{"3-0", []any{"e", `{"c":3}`, "s", "seal two"}},
	}
	if diff := cmp.Diff(wantLog, hand.do("XRANGE", hand.keys.Log(), "-", "+")); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	wantLeader := map[any]any{"term": "1700000000", "name": "one", "beat": "4"}
	if diff := cmp.Diff(wantLeader, hand.do("HGETALL", hand.keys.Leader())); diff != "" {
		t.Errorf("the lease (-want +got):\n%s", diff)
	}
}

// The fence of the projections moves in the same instant as the lease, and what
// the projections wrote beside it stays.
func TestTakeFencesTheProjections(t *testing.T) {
	store, hand := partition(t)
	hand.do("HSET", hand.keys.Position(), "seq", "12", redisstore.PositionTerm, "5")
	one := eventstore.Holder{Term: 6, Name: "one"}
	must(t, store.Take(t.Context(), eventstore.Holder{}, one))
	want := map[any]any{"seq": "12", "term": "6"}
	if diff := cmp.Diff(want, hand.do("HGETALL", hand.keys.Position())); diff != "" {
		t.Errorf("the position (-want +got):\n%s", diff)
	}
	if err := store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 7, Name: "two"}); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Take of a held lease: got %v, want ErrConflict", err)
	}
	must(t, store.Release(t.Context(), 6))
	if diff := cmp.Diff(want, hand.do("HGETALL", hand.keys.Position())); diff != "" {
		t.Errorf("the position after what took no lease (-want +got):\n%s", diff)
	}
}

// A position or a lease that is none was met again and again for ever. Whoever
// takes the lease removes it, and says so.
func TestKeysOfAnotherType(t *testing.T) {
	store, hand := partition(t)
	mended := 0
	store.Mended = func(context.Context, ...string) { mended++ }
	one := eventstore.Holder{Term: 1, Name: "one"}
	hand.do("SET", hand.keys.Position(), "not a hash")
	must(t, store.Take(t.Context(), eventstore.Holder{}, one))
	hand.do("SET", hand.keys.Leader(), "not a hash")
	if err := store.Beat(t.Context(), 1); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Beat of a lease that is no hash: %v, want ErrConflict", err)
	}
	if err := store.Release(t.Context(), 1); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Release of a lease that is no hash: %v, want ErrConflict", err)
	}
	if holder, err := store.Holder(t.Context()); err != nil || holder != (eventstore.Holder{}) {
		t.Errorf("a lease that is no hash is held by %v, %v", holder, err)
	}
	must(t, store.Take(t.Context(), eventstore.Holder{}, one))
	if holder, err := store.Holder(t.Context()); err != nil || holder != one {
		t.Errorf("the lease after that: %v, %v", holder, err)
	}
	if mended != 2 {
		t.Errorf("%d mends were told of, want 2", mended)
	}
	hand.do("SET", hand.keys.Log(), "not a stream")
	c := storetest.Commit(eventstore.Tip{}, storetest.Events(2, "one")...)
	if err := store.Append(t.Context(), 1, eventstore.Tip{}, c); err == nil {
		t.Error("Append to a log that is no stream: no error")
	}
}

func TestLeaseThatIsNoLease(t *testing.T) {
	store, hand := partition(t)
	one := eventstore.Holder{Term: 7, Name: "one", Beat: 3}
	for _, text := range []string{"many", "-1", "007", "1e3", "", "18446744073709551616", "99999999999999999999999"} {
		for _, field := range []string{"term", "beat"} {
			hand.do("HSET", hand.keys.Leader(), "term", "7", "name", "one", "beat", "3")
			hand.do("HSET", hand.keys.Leader(), field, text)
			if holder, err := store.Holder(t.Context()); err != nil || holder != (eventstore.Holder{}) {
				t.Errorf("Holder with %s %q: got %v, %v; want nobody", field, text, holder, err)
			}
			must(t, store.Take(t.Context(), eventstore.Holder{}, one))
			if holder, err := store.Holder(t.Context()); err != nil || holder != one {
				t.Errorf("taken where the %s was %q: %v, %v", field, text, holder, err)
			}
		}
		hand.do("HSET", hand.keys.Leader(), "beat", text)
		must(t, store.Beat(t.Context(), 7))
		if holder, err := store.Holder(t.Context()); err != nil || holder.Beat != 1 {
			t.Errorf("behind a beat of %q: %v, %v; want 1", text, holder, err)
		}
	}
}

// Whoever can write to Redis can put anything into a log. A reader learns where
// it is, and gets what stands before it.
func TestStrangeEntriesAreFaults(t *testing.T) {
	strange := map[string][]any{
		"an id that is not a number alone": {"3-1", "e", "event"},
		"an id between two numbers":        {"2-1", "e", "event"},
		"no event":                         {"3-0", "s", "seal"},
		"an empty event":                   {"3-0", "e", ""},
		"an empty seal":                    {"3-0", "e", "event", "s", ""},
		"a field too many":                 {"3-0", "e", "event", "s", "seal", "x", "more"},
		"another field":                    {"3-0", "e", "event", "x", "more"},
		"another order":                    {"3-0", "s", "seal", "e", "event"},
	}
	for name, entry := range strange {
		t.Run(name, func(t *testing.T) {
			store, hand := partition(t)
			c := storetest.Commit(eventstore.Tip{}, storetest.Events(2, "good")...)
			hand.add(storetest.Raws(c))
			hand.do(append([]any{"XADD", hand.keys.Log()}, entry...)...)

			got, err := store.Read(t.Context(), 0, 10)
			if _, ok := history.IsFault(err); !ok {
				t.Errorf("Read: got %v, want a fault", err)
			}
			// A page that ends before it must not hide it from the next one.
			if _, err := store.Read(t.Context(), 2, 10); !isFault(err) {
				t.Errorf("Read after 2: got %v, want a fault", err)
			}
			if diff := cmp.Diff(storetest.Raws(c), got); diff != "" {
				t.Errorf("what stands before it (-want +got):\n%s", diff)
			}
			if _, err := store.Tip(t.Context()); !isFault(err) {
				t.Errorf("Tip: got %v, want a fault", err)
			}
			if _, err := store.Get(t.Context(), []uint64{3}); entry[0] == "3-0" && !isFault(err) {
				t.Errorf("Get: got %v, want a fault", err)
			}
		})
	}
}

func isFault(err error) bool { _, ok := history.IsFault(err); return ok }

// Redis gives no id twice. Where somebody deleted the tail, instead of Redis
// having lost it, the next leader cannot write, and says what helps.
func TestTailThatSomebodyDeleted(t *testing.T) {
	store, hand := partition(t)
	one := storetest.Commit(eventstore.Tip{}, storetest.Events(2, "one")...)
	two := storetest.Commit(one.Tip(), storetest.Events(2, "two")...)
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	must(t, store.Append(t.Context(), 1, eventstore.Tip{}, one))
	must(t, store.Append(t.Context(), 1, one.Tip(), two))
	hand.do("XDEL", hand.keys.Log(), "3-0", "4-0")

	three := storetest.Commit(two.Tip(), storetest.Events(1, "three")...)
	if err := store.Append(t.Context(), 1, two.Tip(), three); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Append behind what was deleted: got %v, want ErrConflict", err)
	}
	other := storetest.Commit(one.Tip(), storetest.Events(1, "other")...)
	err := store.Append(t.Context(), 1, one.Tip(), other)
	if !errors.Is(err, eventstore.ErrRefused) || !strings.Contains(err.Error(), "deleted from the end") {
		t.Errorf("Append in its place: got %v, want ErrRefused and why", err)
	}
	if tip, err := store.Tip(t.Context()); err != nil || tip != one.Tip() {
		t.Errorf("Tip: got %v, %v; want %v", tip, err, one.Tip())
	}

	// What the error says helps.
	hand.truncate(one.Tip().Seq)
	must(t, store.Append(t.Context(), 1, one.Tip(), other))
}

// XTRIM takes from the beginning; a log without its end is an empty one.
func TestLogThatSomebodyTrimmed(t *testing.T) {
	store, hand := partition(t)
	one := storetest.Commit(eventstore.Tip{}, storetest.Events(2, "one")...)
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	must(t, store.Append(t.Context(), 1, eventstore.Tip{}, one))
	hand.do("XTRIM", hand.keys.Log(), "MAXLEN", "0")
	two := storetest.Commit(one.Tip(), storetest.Events(1, "two")...)
	if err := store.Append(t.Context(), 1, one.Tip(), two); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Append: got %v, want ErrConflict", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
