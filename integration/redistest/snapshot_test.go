package redistest

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// An older copy takes a server's place: what came later is gone, at the same
// address, and from then on the server keeps what it is given as before.
func TestRestoreBringsOlderDataBack(t *testing.T) {
	for _, aof := range []AOF{NoAOF, EverySecond, Always} {
		t.Run("aof "+string(aof), func(t *testing.T) {
			onEach(t, func(t *testing.T, _ string, b backend) {
				server := startOn(t, b, Options{AOF: aof})
				before := server.URL()
				set(t, server, "k", "old")
				old := server.Snapshot()
				for range 2 { // the second time over files that were restored
					set(t, server, "k", "new")
					set(t, server, "later", "value")
					server.Restore(old)
					if server.URL() != before {
						t.Errorf("after the restore it is at %s, was at %s", server.URL(), before)
					}
					if got := get(t, server, "k"); got != "old" {
						t.Errorf("after the restore k = %q, want %q", got, "old")
					}
					if err := server.Client().Get(t.Context(), "later").Err(); !errors.Is(err, redis.Nil) {
						t.Errorf("what came after the snapshot: %v, want no such key", err)
					}
				}
				if aof == NoAOF {
					return
				}
				set(t, server, "after", "value")
				server.Restart() // kills it first
				if got := get(t, server, "after"); got != "value" {
					t.Errorf("what was set after the restore is %q, want %q", got, "value")
				}
			})
		})
	}
}

// A snapshot is bytes: another server may be the copy.
func TestSnapshotIsRestoredElsewhere(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		first, second := startOn(t, b, Options{}), startOn(t, b, Options{AOF: Always})
		set(t, first, "k", "value")
		second.Restore(first.Snapshot())
		if got := get(t, second, "k"); got != "value" {
			t.Errorf("k = %q, want %q", got, "value")
		}
	})
}
