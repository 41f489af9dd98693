package redisstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/storetest"
	"github.com/herocode/horus/integration/redistest"
)

// Whatever is asked of them in whatever order, Redis and memory answer alike:
// so what the simulator finds over memory is true of Redis.
func TestRedisAndMemoryAreTwins(t *testing.T) {
	server := redistest.Shared(t)
	clients := connect(t, server.URL())
	write, read := clients.Writer(1), clients.Reader(1)
	rapid.Check(t, func(rt *rapid.T) {
		keys := redisstore.Keys{Namespace: ns(redistest.Namespace(t))}
		tw := &twins{
			t: t, redis: redisstore.New(write, read, keys), memory: memstore.New(),
			hand: &hand{t, write, keys}, holder: []eventstore.Holder{{}},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"take": tw.take, "beat": tw.beat, "release": tw.release,
			"append": tw.append, "repeat": tw.repeat, "intrude": tw.intrude, "truncate": tw.truncate,
			"": tw.compareEnds,
		})
		tw.compareLogs(rt)
	})
}

// twins are two stores that are asked the same.
type twins struct {
	t      *testing.T
	redis  *redisstore.Store
	memory *memstore.Store
	hand   *hand

	holder []eventstore.Holder // all that there were
	asked  []ask               // all appends
}

type ask struct {
	term  uint64
	after eventstore.Tip
	c     eventstore.Batch
}

// same asks both stores and requires the same class of answer.
func (tw *twins) same(rt *rapid.T, call func(eventstore.Store) error) {
	class := func(err error) string {
		switch {
		case err == nil:
			return "ok"
		case errors.Is(err, eventstore.ErrConflict):
			return "conflict"
		}
		return err.Error()
	}
	redis, memory := class(call(tw.redis)), class(call(tw.memory))
	if redis != memory {
		rt.Fatalf("Redis answers %s, memory %s", redis, memory)
	}
}

func (tw *twins) term(rt *rapid.T) uint64 { return uint64(rapid.IntRange(0, 6).Draw(rt, "term")) }

func (tw *twins) take(rt *rapid.T) {
	seen := rapid.SampledFrom(tw.holder).Draw(rt, "seen")
	next := eventstore.Holder{Term: tw.term(rt), Name: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "name")}
	tw.same(rt, func(s eventstore.Store) error { return s.Take(tw.t.Context(), seen, next) })
}

func (tw *twins) beat(rt *rapid.T) {
	term := tw.term(rt)
	tw.same(rt, func(s eventstore.Store) error { return s.Beat(tw.t.Context(), term) })
}

func (tw *twins) release(rt *rapid.T) {
	term := tw.term(rt)
	tw.same(rt, func(s eventstore.Store) error { return s.Release(tw.t.Context(), term) })
}

func (tw *twins) tip(rt *rapid.T) eventstore.Tip {
	tip, err := tw.memory.Tip(tw.t.Context())
	if err != nil {
		rt.Fatal(err)
	}
	return tip
}

func (tw *twins) append(rt *rapid.T) {
	a := ask{term: tw.term(rt), after: tw.tip(rt)}
	if rapid.IntRange(0, 3).Draw(rt, "stale") == 0 && len(tw.asked) > 0 {
		a.after = rapid.SampledFrom(tw.asked).Draw(rt, "after").after
	}
	a.c = storetest.Commit(a.after, storetest.Events(rapid.IntRange(0, 3).Draw(rt, "events"), fmt.Sprint(len(tw.asked)))...)
	tw.asked = append(tw.asked, a)
	tw.ask(rt, a)
}

func (tw *twins) repeat(rt *rapid.T) {
	if len(tw.asked) == 0 {
		rt.Skip("nothing was asked")
	}
	tw.ask(rt, rapid.SampledFrom(tw.asked[max(0, len(tw.asked)-3):]).Draw(rt, "again"))
}

func (tw *twins) ask(rt *rapid.T, a ask) {
	tw.same(rt, func(s eventstore.Store) error { return s.Append(tw.t.Context(), a.term, a.after, a.c) })
}

func (tw *twins) intrude(rt *rapid.T) {
	c := storetest.Commit(tw.tip(rt), storetest.Events(rapid.IntRange(1, 2).Draw(rt, "events"), "intruder")...)
	tw.memory.Intrude(c)
	tw.hand.add(storetest.Raws(c))
}

func (tw *twins) truncate(rt *rapid.T) {
	to := uint64(rapid.IntRange(0, int(tw.tip(rt).Seq)).Draw(rt, "to"))
	tw.memory.Truncate(to)
	tw.hand.truncate(to)
}

// compareEnds compares what changes with every step.
func (tw *twins) compareEnds(rt *rapid.T) {
	tw.compare(rt, func(s eventstore.Store) (any, error) { return s.Tip(tw.t.Context()) })
	tw.compare(rt, func(s eventstore.Store) (any, error) { return s.Holder(tw.t.Context()) })
	holder, err := tw.memory.Holder(tw.t.Context())
	if err != nil {
		rt.Fatal(err)
	}
	if last := tw.holder[len(tw.holder)-1]; last != holder {
		tw.holder = append(tw.holder, holder)
	}
}

// compareLogs compares all that was kept.
func (tw *twins) compareLogs(rt *rapid.T) {
	last := tw.tip(rt).Seq
	tw.compare(rt, func(s eventstore.Store) (any, error) { return s.Read(tw.t.Context(), 0, int(last)+1) })
	tw.compare(rt, func(s eventstore.Store) (any, error) { return s.Get(tw.t.Context(), []uint64{last + 1, last, 1, 0}) })
}

func (tw *twins) compare(rt *rapid.T, read func(eventstore.Store) (any, error)) {
	memory, memoryErr := read(tw.memory)
	redis, redisErr := read(tw.redis)
	if err := errors.Join(memoryErr, redisErr); err != nil {
		rt.Fatal(err)
	}
	if diff := cmp.Diff(memory, redis, cmpopts.EquateEmpty()); diff != "" {
		rt.Fatalf("-memory +Redis:\n%s", diff)
	}
}
