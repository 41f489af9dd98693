package redisviews_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/projections/viewtest"
)

// An engine whose Redis was killed goes on where it was: its watch went with
// the connection, and the position says what was kept.
func TestAnEngineOutlivesItsRedis(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries, options.DisableIdentity = -1, 1, true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	l := viewtest.NewLeader(t.Context(), t, fixture(t, client, "horus"), historytest.Found("horus"))
	l.Begin()
	for i := range 3 {
		l.History.Commit(func(tx *historytest.Tx) { tx.Submit(string(rune('a'+i)), historytest.Job{}) })
		fresh := l.AppendNew()
		server.Kill()
		for _, c := range fresh {
			l.Engine.Offer(c)
		}
		if _, err := l.Engine.Turn(t.Context()); err == nil {
			t.Fatal("a turn without a Redis went well")
		}
		server.Restart()
		l.Settle()
		l.CheckViews()
		l.CheckQueues()
	}
}
