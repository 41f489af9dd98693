package redisstore_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/storetest"
	"github.com/herocode/horus/integration/faultproxy"
	"github.com/herocode/horus/integration/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

func TestStoreOnRedis(t *testing.T) {
	open := func(t *testing.T) storetest.Harness {
		return harness(t, redistest.Shared(t).URL(), redistest.Namespace(t))
	}
	storetest.Run(t, open)
	t.Run("cut", func(t *testing.T) { storetest.RunCut(t, open) }) // miniredis knows no XSETID
}

func TestStoreOnMiniredis(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		return harness(t, "redis://"+miniredis.RunT(t).Addr(), "horus")
	})
}

// harness reaches the store through a proxy that can lose things, and does to
// its keys what a test asks for without it.
func harness(t *testing.T, address, namespace string) storetest.Harness {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.Start(t, u.Host)
	u.Host = proxy.Addr()
	keys := redisstore.Keys{Namespace: domain.Name(namespace), Partition: 7}
	hand := newHand(t, address, keys)
	return storetest.Harness{
		Store:    open(connect(t, u.String()), keys),
		Other:    open(connect(t, address), keys),
		Intrude:  func(c eventstore.Batch) { hand.add(storetest.Raws(c)) },
		Truncate: hand.truncate,
		LoseAppend: func(kept bool) {
			if kept {
				proxy.LoseReply(keys.Log())
			} else {
				proxy.LoseRequest(keys.Log())
			}
		},
		Forget: func() {
			if err := hand.redis.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestSync(t *testing.T) {
	primary, replica := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	replica.Follow(primary)
	storetest.RunSync(t, func(t *testing.T) storetest.SyncHarness {
		keys := redisstore.Keys{Namespace: domain.Name(redistest.Namespace(t))}
		store := open(connect(t, primary.URL()), keys)
		store.Replicas = 1
		return storetest.SyncHarness{
			Harness: storetest.Harness{Store: store, Other: open(connect(t, primary.URL()), keys)}, Syncer: store,
			Lag: func(behind bool) {
				if behind {
					replica.Pause()
				} else {
					replica.Unpause()
				}
			},
		}
	})
}

// A connection that wrote nothing is told by WAIT that all is well, so a Sync
// that did not write would believe a replica that is frozen. And none that is
// asked when the memory is full may go without its write.
func TestSyncIsNotPraisedByANewConnection(t *testing.T) {
	primary, replica := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	replica.Follow(primary)
	keys := redisstore.Keys{Namespace: "horus"}
	store := open(connect(t, primary.URL()), keys)
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	replica.Pause()
	for range 2 { // the second has no script to load
		fresh := open(connect(t, primary.URL()), keys)
		fresh.Replicas = 1
		if err := fresh.Sync(t.Context(), 1, eventstore.Tip{}); !errors.Is(err, eventstore.ErrNotDurable) {
			t.Errorf("Sync: got %v, want ErrNotDurable", err)
		}
		newHand(t, primary.URL(), keys).do("CONFIG", "SET", "maxmemory", "1")
	}
	replica.Unpause()
	store.Replicas = 1
	waitFor(t, func() bool { return store.Sync(t.Context(), 1, eventstore.Tip{}) == nil })
}

func connect(t testing.TB, address string) *redisstore.Server {
	t.Helper()
	server, err := redisstore.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return server
}

func open(server *redisstore.Server, keys redisstore.Keys) *redisstore.Store {
	return redisstore.New(server.Writer(2), server.Reader(2), keys)
}

// hand writes to a log as nobody should.
type hand struct {
	t     testing.TB
	redis redis.UniversalClient
	keys  redisstore.Keys
}

func newHand(t testing.TB, address string, keys redisstore.Keys) *hand {
	t.Helper()
	return &hand{t, connect(t, address).Writer(1), keys}
}

func (h *hand) add(raws []history.Raw) {
	h.t.Helper()
	for _, raw := range raws {
		values := []any{"e", raw.Event}
		if len(raw.Seal) > 0 {
			values = append(values, "s", raw.Seal)
		}
		h.do(append([]any{"XADD", h.keys.Log(), fmt.Sprintf("%d-0", raw.Seq)}, values...)...)
	}
}

func (h *hand) do(args ...any) any {
	h.t.Helper()
	reply, err := h.redis.Do(h.t.Context(), args...).Result()
	if err != nil {
		h.t.Fatalf("%v: %v", args[:2], err)
	}
	return reply
}

// truncate leaves a log as a server has it that lost the tail: the stream ends
// where it ended then, and knows of no higher id.
func (h *hand) truncate(to uint64) {
	h.t.Helper()
	raws, err := redisstore.New(h.redis, h.redis, h.keys).Read(h.t.Context(), 0, int(to))
	if err != nil {
		h.t.Fatal(err)
	}
	h.do("DEL", h.keys.Log())
	h.add(raws)
}
