package integration

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// TestEverythingButTheLogIsDeleted deletes every key but the log while the
// supervisor is down: views, queues, groups, inbox, lease and position. The next
// supervisor makes all of them again. What had ended does not run again; what
// waited runs once.
func TestEverythingButTheLogIsDeleted(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, runner := w.up()
	const ended, waiting = 30, 20
	acked := w.take(ended, w.submitting(ended, w.note()))
	for _, a := range acked {
		w.wantOneOutcome(a.ID)
	}
	if code, _ := runner.terminate(patience); code != 0 {
		t.Fatalf("the runner ended with exit code %d", code)
	}
	acked = append(acked, w.take(waiting, w.submitting(waiting, w.note()))...)
	supervisor.kill()

	log := string(w.ns) + ":{p000}:log"
	var deleted []string
	for _, key := range w.keys() {
		if key != log {
			deleted = append(deleted, key)
		}
	}
	if err := w.hand.Del(t.Context(), deleted...).Err(); err != nil {
		t.Fatal(err)
	}
	if left := w.keys(); !slices.Equal(left, []string{log}) {
		t.Fatalf("the keys are %v, want the log alone", left)
	}

	w.supervisor()
	page, err := w.List(w.ctx(), wire.JobQuery{})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for _, j := range page.Jobs {
		states[j.State.String()]++
	}
	if states["completed"] != ended || states["queued"] != waiting {
		t.Errorf("after the rebuild there are jobs in the states %v, want %d completed and %d queued", states, ended, waiting)
	}
	w.runner("r1")
	w.wantAll(acked)
	w.wantRunOnce(acked)
}

// keys returns the keys of the world's namespace.
func (w *world) keys() []string {
	w.t.Helper()
	var keys []string
	iterator := w.hand.Scan(w.t.Context(), 0, string(w.ns)+":*", 1000).Iterator()
	for iterator.Next(w.t.Context()) {
		keys = append(keys, iterator.Val())
	}
	if err := iterator.Err(); err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// TestARedisThatIsFrozenGoesOn freezes Redis for longer than a leader may be
// silent and an attempt may be without a renewal: a stand-by may take over, and
// the leader finds that out; runners give up what they could not renew. Calls
// wait or are told to ask again, and nothing is lost.
func TestARedisThatIsFrozenGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{}))
	supervisor, _ := w.up()
	port := freePort(t)
	w.waitForLog(w.standBy(port, "--name", "stand-by"), "standing by")
	w.connect(w.url(), urlOf(port))
	load := w.begin(12, w.note())
	load.goOn()
	w.redis.Pause()
	w.waitForLog(supervisor, "loop=beat")
	outlast(t)
	w.redis.Unpause()
	load.goOn()
	load.wantPromises()
}

// values returns everything that a key holds, as text.
func values(t *testing.T, c *redis.Client, key string) string {
	t.Helper()
	ctx := t.Context()
	kind, err := c.Type(ctx, key).Result()
	if err != nil {
		t.Fatal(err)
	}
	var value any
	switch kind {
	case "string":
		value, err = c.Get(ctx, key).Result()
	case "hash":
		value, err = c.HGetAll(ctx, key).Result()
	case "stream":
		value, err = c.XRange(ctx, key, "-", "+").Result()
	case "zset":
		value, err = c.ZRangeWithScores(ctx, key, 0, -1).Result()
	case "set":
		value, err = c.SMembers(ctx, key).Result()
	case "list":
		value, err = c.LRange(ctx, key, 0, -1).Result()
	default:
		t.Fatalf("the key %s is a %s", key, kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(key, value)
}
