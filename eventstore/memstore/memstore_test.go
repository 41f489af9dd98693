package memstore_test

import (
	"errors"
	"testing"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/eventstore/storetest"
)

func TestStore(t *testing.T) {
	open := func(*testing.T) storetest.Harness {
		store := memstore.New()
		return storetest.Harness{
			Store: store, Other: store,
			Intrude: store.Intrude, Truncate: store.Truncate,
			LoseAppend: func(kept bool) {
				store.OnAppend = func() (bool, error) {
					store.OnAppend = nil
					return kept, errors.New("lost")
				}
			},
			Forget: func() {}, // memory forgets nothing
		}
	}
	storetest.Run(t, open)
	t.Run("cut", func(t *testing.T) { storetest.RunCut(t, open) })
	t.Run("sync", func(t *testing.T) {
		storetest.RunSync(t, func(t *testing.T) storetest.SyncHarness {
			store := memstore.New()
			return storetest.SyncHarness{
				Harness: storetest.Harness{Store: store, Other: store}, Syncer: store,
				Lag: func(behind bool) {
					store.OnSync = nil
					if behind {
						store.OnSync = func() error { return eventstore.ErrNotDurable }
					}
				},
			}
		})
	})
}

// A hook that lets an append through changes nothing about it.
func TestOnAppendPasses(t *testing.T) {
	store := memstore.New()
	calls := 0
	store.OnAppend = func() (bool, error) { calls++; return true, nil }
	c := storetest.Commit(eventstore.Tip{}, storetest.Events(1, "one")...)
	if err := store.Append(t.Context(), 1, eventstore.Tip{}, c); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("Append while nobody leads: got %v, want ErrConflict", err)
	}
	if err := store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}); err != nil {
		t.Fatal(err)
	}
	if err := store.Append(t.Context(), 1, eventstore.Tip{}, c); err != nil {
		t.Errorf("Append: %v", err)
	}
	if calls != 2 {
		t.Errorf("OnAppend was called %d times, want 2", calls)
	}
}
