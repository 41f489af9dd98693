package redistest

import (
	"testing"
	"time"
)

func TestAReplicaFollowsAndIsPromoted(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		primary, replica := startOn(t, b, Options{}), startOn(t, b, Options{})
		set(t, primary, "before", "value")
		replica.Follow(primary)
		if got := get(t, replica, "before"); got != "value" {
			t.Errorf("before = %q at the replica, want %q", got, "value")
		}
		if err := replica.Client().Set(t.Context(), "k", "v", 0).Err(); err == nil {
			t.Error("a replica takes writes")
		}
		reached := func(within time.Duration) int64 {
			conn := primary.Client().Conn()
			defer conn.Close()
			if err := conn.Incr(t.Context(), "n").Err(); err != nil {
				t.Fatal(err)
			}
			n, err := conn.Wait(t.Context(), 1, within).Result()
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if got := reached(10 * time.Second); got != 1 {
			t.Errorf("%d replicas have a write, want 1", got)
		}
		replica.Pause()
		if got := reached(100 * time.Millisecond); got != 0 {
			t.Errorf("%d replicas have a write while the only one is frozen", got)
		}
		replica.Unpause()
		primary.Kill()
		replica.Promote()
		set(t, replica, "after", "value")
	})
}
