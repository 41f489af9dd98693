package redisreactions_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/poison"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
	"github.com/herocode/horus/handlers/streams"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/projections/proofs"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

func newPoison(t *testing.T) (*redisreactions.Poison, *redis.Client) {
	t.Helper()
	client := redistest.Shared(t).Client()
	keys := redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(t))}
	return &redisreactions.Poison{Client: client, Keys: keys, Handlers: []domain.Name{"mail"}}, client
}

// fields is a message on the wire.
func fields(t *testing.T, id string) map[string]string {
	t.Helper()
	msg := message.NewMessage(id, []byte("payload of "+id))
	msg.Metadata.Set("type", "job.completed")
	values, err := streams.Encode(msg)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range values {
		out[f.Name] = f.Value
	}
	return out
}

// put puts messages m1, m2, … of handler mail into the queue and returns their
// ids there.
func put(t *testing.T, q *redisreactions.Poison, n int) []string {
	t.Helper()
	for i := 1; i <= n; i++ {
		m := poison.Message{Handler: "mail", Topic: "log", Reason: "no such address\nat line 7", Tries: 5, Fields: fields(t, fmt.Sprintf("m%d", i))}
		if err := q.Put(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, m := range list(t, q) {
		ids = append(ids, m.ID)
	}
	return ids
}

func list(t *testing.T, q *redisreactions.Poison) []poison.Message {
	t.Helper()
	messages, err := q.List(t.Context(), "", poison.MaxListed)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func TestAMessageIsListedAsItWasPut(t *testing.T) {
	t.Parallel()
	q, _ := newPoison(t)
	put(t, q, 2)
	got := list(t, q)
	want := poison.Message{
		Handler: "mail", Topic: "log", Reason: "no such address …", Tries: 5, Fields: fields(t, "m1"),
		UUID: "m1", Metadata: map[string]string{"type": "job.completed"}, Payload: []byte("payload of m1"),
	}
	if diff := cmp.Diff(want, got[0], cmpopts.IgnoreFields(poison.Message{}, "ID", "At")); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	if age := time.Since(got[0].At).Abs(); age > time.Hour {
		t.Errorf("it was put there at %s", got[0].At)
	}
	behind, err := q.List(t.Context(), got[0].ID, 10)
	if err != nil || len(behind) != 1 || behind[0].UUID != "m2" {
		t.Errorf("behind the first: %+v, %v; want m2", behind, err)
	}
	if n, err := q.Len(t.Context()); n != 2 || err != nil {
		t.Errorf("there are %d, %v; want 2", n, err)
	}
	for _, bad := range []string{"x", "-", "(1-1", "1-1 ", "$"} {
		if _, err := q.List(t.Context(), bad, 1); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("list behind %q: %v", bad, err)
		}
	}
}

func TestAReplayMovesTheMessageAsItWas(t *testing.T) {
	t.Parallel()
	q, client := newPoison(t)
	ids := put(t, q, 3)
	moved, err := q.Replay(t.Context(), ids[1], "1-1")
	if err != nil || moved != (poison.Moved{Count: 1}) {
		t.Errorf("moved %+v, %v; want one, and none that is not there", moved, err)
	}
	entries, err := client.XRange(t.Context(), q.Keys.Replay("mail"), "-", "+").Result()
	if err != nil || len(entries) != 1 {
		t.Fatalf("to be replayed: %v, %v", entries, err)
	}
	want := map[string]any{}
	for name, value := range fields(t, "m2") {
		want[name] = value
	}
	if !maps.Equal(want, entries[0].Values) {
		t.Errorf("to be replayed: %v, want %v", entries[0].Values, want)
	}
	if moved, err := q.Replay(t.Context()); err != nil || moved.Count != 2 || moved.More {
		t.Errorf("moved %+v, %v; want the other two", moved, err)
	}
	if left := list(t, q); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestNothingIsReplayedForAHandlerThatIsNotThere(t *testing.T) {
	t.Parallel()
	q, client := newPoison(t)
	ids := put(t, q, 1)
	q.Handlers = nil
	if _, err := q.Replay(t.Context(), ids...); domain.ReasonOf(err) != "no_handler" || !strings.Contains(err.Error(), "mail") {
		t.Errorf("replayed: %v", err)
	}
	if n := client.Exists(t.Context(), q.Keys.Replay("mail")).Val(); n != 0 || len(list(t, q)) != 1 {
		t.Error("the message was moved")
	}
}

func TestDropRemovesForGood(t *testing.T) {
	t.Parallel()
	q, _ := newPoison(t)
	ids := put(t, q, 3)
	if moved, err := q.Drop(t.Context(), ids[0], ids[0]); err != nil || moved.Count != 1 {
		t.Errorf("dropped %+v, %v; want one", moved, err)
	}
	if moved, err := q.Drop(t.Context()); err != nil || moved.Count != 2 {
		t.Errorf("dropped %+v, %v; want the other two", moved, err)
	}
	if moved, err := q.Drop(t.Context()); err != nil || moved.Count != 0 {
		t.Errorf("dropped %+v, %v; want none", moved, err)
	}
	if _, err := q.Drop(t.Context(), make([]string, poison.MaxMoved+1)...); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("dropped too many at once: %v", err)
	}
}

// A full queue forgets nothing: whoever would put something there waits.
func TestAFullQueueTakesNoMore(t *testing.T) {
	t.Parallel()
	q, client := newPoison(t)
	pipe := client.Pipeline()
	for range poison.MaxMessages {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: q.Keys.Poison(), Values: []string{"handler", "mail"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(t.Context(), poison.Message{Handler: "mail", Fields: fields(t, "m1")}); !errors.Is(err, poison.ErrFull) {
		t.Errorf("put into a full queue: %v", err)
	}
	if moved, err := q.Drop(t.Context()); err != nil || moved != (poison.Moved{Count: poison.MaxMoved, More: true}) {
		t.Errorf("dropped %+v, %v", moved, err)
	}
	if err := q.Put(t.Context(), poison.Message{Handler: "mail", Fields: fields(t, "m1")}); err != nil {
		t.Errorf("put where there is room: %v", err)
	}
}

func TestCursorsAreKeptInTheirTermAlone(t *testing.T) {
	t.Parallel()
	client := redistest.Shared(t).Client()
	keys := redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(t))}
	cursors := &redisreactions.Cursors{Client: client, Keys: keys}
	p := historytest.Found(keys.Namespace)
	seal := p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) }).Seal
	want := journal.Cursor{Seq: seal.Last(), Seal: seal}
	if err := client.HSet(t.Context(), keys.Lease(), "term", 7).Err(); err != nil {
		t.Fatal(err)
	}
	if _, found, err := cursors.Load(t.Context(), "mail"); found || err != nil {
		t.Errorf("found a cursor before there was one: %v, %v", found, err)
	}
	if err := cursors.Save(t.Context(), 6, "mail", want); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("kept in another term: %v", err)
	}
	if err := cursors.Save(t.Context(), 7, "mail", want); err != nil {
		t.Fatal(err)
	}
	got, found, err := cursors.Load(t.Context(), "mail")
	if !found || err != nil {
		t.Fatalf("no cursor: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cursor (-want +got):\n%s", diff)
	}
	client.HSet(t.Context(), keys.Cursors(), "mail", "nonsense")
	if _, found, err := cursors.Load(t.Context(), "mail"); found || err != nil {
		t.Errorf("read nonsense: %v, %v", found, err)
	}
	client.Set(t.Context(), keys.Cursors(), "no hash", 0)
	if _, found, err := cursors.Load(t.Context(), "mail"); found || err != nil {
		t.Errorf("read what is no hash: %v, %v", found, err)
	}
	if err := cursors.Save(t.Context(), 7, "mail", want); err != nil {
		t.Errorf("kept where something else stood: %v", err)
	}
}

// The last message of a topic holds the seal around its event, so it is a cursor.
func TestATopicTellsHowFarItCame(t *testing.T) {
	t.Parallel()
	client := redistest.Shared(t).Client()
	keys := redisreactions.Keys{Namespace: domain.Name(redistest.Namespace(t))}
	cursors := &redisreactions.Cursors{Client: client, Keys: keys}
	told := func() (journal.Cursor, bool) {
		t.Helper()
		c, found, err := cursors.Told(t.Context(), "jobs")
		if err != nil {
			t.Fatal(err)
		}
		return c, found
	}
	if _, found := told(); found {
		t.Error("a topic that is not there tells something")
	}
	p := historytest.Found(keys.Namespace)
	commit := p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Submit("j2", historytest.Job{})
	})
	pub, err := redisstreams.NewPublisher(redisstreams.PublisherConfig{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	proof := proofs.Of(commit, commit.Seal.First)
	if err := pub.Publish(keys.Topic("jobs"), events.Message(&commit.Entries[0].Recorded, &proof)); err != nil {
		t.Fatal(err)
	}
	if c, found := told(); !found || c != (journal.Cursor{Seq: commit.Seal.First, Seal: commit.Seal}) {
		t.Errorf("it tells of %v, %v", c, found)
	}
	client.XAdd(t.Context(), &redis.XAddArgs{Stream: keys.Topic("jobs"), Values: []string{"not", "ours"}})
	if _, found := told(); found {
		t.Error("what somebody else wrote tells something")
	}
	client.Set(t.Context(), keys.Topic("jobs"), "no stream", 0)
	if _, found := told(); found {
		t.Error("what is no stream tells something")
	}
}
