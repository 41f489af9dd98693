package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/storetest"
	"github.com/herocode/horus/integration/redistest"
)

func ns(name string) domain.Name { return domain.Name(name) }

// A Redis that cannot take writes says so, and has written nothing.
func TestRefusedByRedis(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	keys := redisstore.Keys{Namespace: "horus"}
	store, hand := open(connect(t, server.URL()), keys), newHand(t, server.URL(), keys)
	holder := eventstore.Holder{Term: 1, Name: "one"}
	must(t, store.Take(t.Context(), eventstore.Holder{}, holder))
	one := storetest.Commit(eventstore.Tip{}, storetest.Events(2, "one")...)
	must(t, store.Append(t.Context(), 1, eventstore.Tip{}, one))
	two := storetest.Commit(one.Tip(), storetest.Events(3, "two")...)

	ways := []struct{ word, setting, bad, good string }{
		{"OOM", "maxmemory", "1", "0"},
		{"NOREPLICAS", "min-replicas-to-write", "1", "0"},
	}
	for _, way := range ways {
		t.Run(way.word, func(t *testing.T) {
			hand.do("CONFIG", "SET", way.setting, way.bad)
			calls := map[string]error{
				"Append":  store.Append(t.Context(), 1, one.Tip(), two),
				"Take":    store.Take(t.Context(), holder, eventstore.Holder{Term: 2, Name: "two"}),
				"Release": store.Release(t.Context(), 1),
			}
			for name, err := range calls {
				if !errors.Is(err, eventstore.ErrRefused) || !strings.Contains(fmt.Sprint(err), way.word) {
					t.Errorf("%s: got %v, want ErrRefused with %s", name, err, way.word)
				}
			}
			if tip, err := store.Tip(t.Context()); err != nil || tip != one.Tip() {
				t.Errorf("Tip: got %v, %v; want %v", tip, err, one.Tip())
			}
			// A leader that is well must not look dead when the memory is full.
			switch err := store.Beat(t.Context(), 1); {
			case way.word == "OOM" && err == nil:
				holder.Beat++
			case way.word == "OOM" || !errors.Is(err, eventstore.ErrRefused):
				t.Errorf("Beat: got %v", err)
			}
			if got, err := store.Holder(t.Context()); err != nil || got != holder {
				t.Errorf("Holder: got %v, %v; want %v", got, err, holder)
			}
			hand.do("CONFIG", "SET", way.setting, way.good)
		})
	}
	must(t, store.Append(t.Context(), 1, one.Tip(), two))
}

func TestRefusedByReplica(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	keys := redisstore.Keys{Namespace: "horus"}
	store, hand := open(connect(t, server.URL()), keys), newHand(t, server.URL(), keys)
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	hand.do("REPLICAOF", "127.0.0.1", "1")
	c := storetest.Commit(eventstore.Tip{}, storetest.Events(1, "one")...)
	if err := store.Append(t.Context(), 1, eventstore.Tip{}, c); !errors.Is(err, eventstore.ErrRefused) {
		t.Errorf("Append to a replica: got %v, want ErrRefused", err)
	}
	hand.do("REPLICAOF", "NO", "ONE")
	must(t, store.Append(t.Context(), 1, eventstore.Tip{}, c))
}

// A user who may not write gets nothing done, and nothing half.
func TestRefusedByPermission(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	keys := redisstore.Keys{Namespace: "horus"}
	hand := newHand(t, server.URL(), keys)
	hand.do("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@all", "-xadd", "-hset")
	store := open(connect(t, strings.Replace(server.URL(), "redis://", "redis://reader:secret@", 1)), keys)
	err := store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"})
	if err == nil || errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Take without the right to: got %v", err)
	}
	if holder, err := store.Holder(t.Context()); err != nil || holder != (eventstore.Holder{}) {
		t.Errorf("Holder: got %v, %v", holder, err)
	}
}

// A killed Redis that kept its file comes back with every commit that it
// acknowledged, and the store goes on where it stood.
func TestRestart(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
	keys := redisstore.Keys{Namespace: "horus"}
	store := open(connect(t, server.URL()), keys)
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	one := storetest.Commit(eventstore.Tip{}, storetest.Events(2, "one")...)
	must(t, store.Append(t.Context(), 1, eventstore.Tip{}, one))
	two := storetest.Commit(one.Tip(), storetest.Events(2, "two")...)

	server.Kill()
	err := store.Append(t.Context(), 1, one.Tip(), two)
	if err == nil || errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Append while Redis is down: got %v", err)
	}
	server.Restart()
	must(t, store.Append(t.Context(), 1, one.Tip(), two))
	if tip, err := store.Tip(t.Context()); err != nil || tip != two.Tip() {
		t.Errorf("Tip: got %v, %v; want %v", tip, err, two.Tip())
	}
}
