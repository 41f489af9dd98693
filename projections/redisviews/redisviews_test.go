package redisviews_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/projections/redisviews"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/projections/viewtest"
	"github.com/herocode/horus/runnersdk/queue"
)

func TestMain(m *testing.M) { redistest.Around(m).Run() }

func TestRedis(t *testing.T) {
	viewtest.Run(t, func(t *testing.T) *viewtest.Fixture {
		return fixture(t, redistest.Shared(t).Client(), redistest.Namespace(t))
	})
}

func TestMiniredis(t *testing.T) {
	viewtest.Run(t, func(t *testing.T) *viewtest.Fixture {
		client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), MaxRetries: -1, DisableIdentity: true})
		t.Cleanup(func() { _ = client.Close() }) // before the server
		return fixture(t, client, "horus")
	})
}

// rig is a fixture on Redis, and what it does behind the store's back.
type rig struct {
	t      testing.TB
	client *redis.Client
	ns     string
	wire   queue.Keys
	store  redisstore.Keys
}

func fixture(t testing.TB, client *redis.Client, ns string) *viewtest.Fixture {
	t.Helper()
	r := &rig{t: t, client: client, ns: ns}
	r.wire = queue.Keys{Namespace: domain.Name(ns)}
	r.store = redisstore.Keys{Namespace: r.wire.Namespace}
	store, err := redisviews.New(client, client, r.wire)
	if err != nil {
		t.Fatal(err)
	}
	return &viewtest.Fixture{
		Namespace: r.wire.Namespace, Log: redisstore.New(client, client, r.store), Views: store,
		Append: r.append, Truncate: r.truncate, Fence: r.fence, Lose: r.lose,
		Add: r.add, Deliver: r.deliver, Queued: r.queued, Notices: r.notices,
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) append(c *history.Commit) {
	pipe := r.client.Pipeline()
	for _, raw := range historytest.RawsOf(c) {
		r.put(pipe, raw)
	}
	_, err := pipe.Exec(r.t.Context())
	r.must(err)
}

func (r *rig) put(pipe redis.Pipeliner, raw history.Raw) {
	values := []any{"e", raw.Event}
	if raw.Seal != nil {
		values = append(values, "s", raw.Seal)
	}
	pipe.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.store.Log(), ID: fmt.Sprintf("%d-0", raw.Seq), Values: values})
}

// truncate writes the log again: Redis gives no id twice.
func (r *rig) truncate(seq uint64) {
	kept, err := redisstore.New(r.client, r.client, r.store).Read(r.t.Context(), 0, int(seq)) //nolint:gosec // a short log
	r.must(err)
	pipe := r.client.Pipeline()
	pipe.Del(r.t.Context(), r.store.Log())
	for _, raw := range kept {
		r.put(pipe, raw)
	}
	_, err = pipe.Exec(r.t.Context())
	r.must(err)
}

func (r *rig) fence(term uint64) {
	r.must(r.client.HSet(r.t.Context(), r.store.Position(), redisstore.PositionTerm, term).Err())
}

func (r *rig) lose(what string) {
	ctx := r.t.Context()
	live, err := r.client.HGet(ctx, r.store.Position(), "live").Result()
	r.must(err)
	of := func(name string) string { return fmt.Sprintf("%s:{p000}:v%s:%s", r.ns, live, name) }
	switch kind, name, _ := strings.Cut(what, ":"); kind {
	case "edit":
		r.edit(name, of)
	case "pos", "statements":
		r.must(r.client.Del(ctx, fmt.Sprintf("%s:{p000}:%s", r.ns, what)).Err())
	case "words":
		r.must(r.client.Del(ctx, r.wire.Modes()).Err())
	case "strange words":
		r.must(r.client.Set(ctx, r.wire.Modes(), "no hash", 0).Err())
	case "list":
		r.must(r.client.Del(ctx, of("state:"+name)).Err())
	case "stream":
		r.must(r.client.Del(ctx, r.stream(name)).Err())
	case "group":
		if r.client.Exists(ctx, r.stream(name)).Val() == 1 {
			r.must(r.client.XGroupDestroy(ctx, r.stream(name), queue.Group).Err())
		}
	default:
		r.must(r.client.Del(ctx, of(what)).Err())
	}
}

// edit changes one thing without changing how many there are.
func (r *rig) edit(what string, of func(string) string) {
	ctx := r.t.Context()
	switch {
	case what == "list":
		for _, from := range job.Statuses() {
			members := r.client.ZRange(ctx, of("state:"+from.String()), 0, 0).Val()
			if len(members) == 0 {
				continue
			}
			to := job.Created
			if from == to {
				to = job.Done
			}
			seq, err := strconv.ParseFloat(members[0], 64)
			r.must(err)
			r.must(r.client.ZRem(ctx, of("state:"+from.String()), members[0]).Err())
			r.must(r.client.ZAdd(ctx, of("state:"+to.String()), redis.Z{Score: seq, Member: members[0]}).Err())
			return
		}
	case what == "words":
		for field := range r.client.HGetAll(ctx, r.wire.Modes()).Val() {
			r.must(r.client.HSet(ctx, r.wire.Modes(), field, "asleep").Err())
		}
		r.must(r.client.HSet(ctx, r.wire.Modes(), "runner:nobody", "drained").Err())
	case what == "due":
		for _, z := range r.client.ZRangeWithScores(ctx, of(what), 0, 0).Val() {
			r.must(r.client.ZAdd(ctx, of(what), redis.Z{Score: z.Score + 1, Member: z.Member}).Err())
		}
	case strings.Contains(what, ":"):
		entries, err := r.client.XRevRangeN(ctx, r.stream(what), "+", "-", 1).Result()
		r.must(err)
		if len(entries) == 0 {
			return
		}
		id, err := queue.ParseEntryID(r.client.XInfoStream(ctx, r.stream(what)).Val().LastGeneratedID)
		r.must(err)
		id.Seq++
		r.must(r.client.XAdd(ctx, &redis.XAddArgs{Stream: r.stream(what), ID: id.String(), Values: entries[0].Values}).Err())
		r.must(r.client.XDel(ctx, r.stream(what), entries[0].ID).Err())
	default:
		key := of(what)
		if what == "statements" {
			key = fmt.Sprintf("%s:{p000}:statements", r.ns)
		}
		fields := r.client.HGetAll(ctx, key).Val()
		for _, name := range slices.Sorted(maps.Keys(fields))[:min(1, len(fields))] {
			r.must(r.client.HSet(ctx, key, name, "x"+fields[name][1:]).Err())
		}
	}
}

func (r *rig) stream(name string) string {
	q, err := job.ParseQueue(name)
	r.must(err)
	return r.wire.Jobs(q)
}

func (r *rig) add(q job.Queue, id queue.EntryID) {
	r.must(r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.wire.Jobs(q), ID: id.String(), Values: []any{"grant", "none"}}).Err())
}

func (r *rig) deliver(q job.Queue, through queue.EntryID) {
	for {
		streams, err := r.client.XReadGroup(r.t.Context(), &redis.XReadGroupArgs{
			Group: queue.Group, Consumer: "c", Streams: []string{r.wire.Jobs(q), ">"}, Count: 1,
		}).Result()
		r.must(err)
		if streams[0].Messages[0].ID == through.String() {
			return
		}
	}
}

func (r *rig) queued(q job.Queue) []queue.Entry {
	return r.entries(r.wire.Jobs(q), q)
}

func (r *rig) entries(key string, q job.Queue) []queue.Entry {
	messages, err := r.client.XRange(r.t.Context(), key, "-", "+").Result()
	r.must(err)
	var found []queue.Entry
	for _, m := range messages {
		e := queue.Entry{Queue: q, ID: m.ID, Fields: map[string]string{}}
		for name, value := range m.Values {
			e.Fields[name], _ = value.(string)
		}
		found = append(found, e)
	}
	return found
}

func (r *rig) notices(id domain.Name) []map[string]string {
	var told []map[string]string
	for _, e := range r.entries(r.wire.Control(id), job.Queue{}) {
		told = append(told, e.Fields)
	}
	return told
}

func TestAClientThatRepeatsIsRefused(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	if _, err := redisviews.New(client, client, queue.Keys{Namespace: "horus"}); err == nil {
		t.Error("a client that sends a transaction twice was taken")
	}
}

// A key of another type made every read fail with words of Redis that nobody
// treated as damage.
func TestAKeyOfAnotherTypeIsDamage(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	f := fixture(t, client, "horus")
	l := viewtest.NewLeader(t.Context(), t, f, historytest.Found("horus"))
	l.Begin()
	live := fmt.Sprint(l.Live())
	for _, key := range []string{"horus:{p000}:v" + live + ":jobs", "horus:{p000}:runner:r1:jobs:5"} {
		if err := client.Set(t.Context(), key, "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Views.Look(t.Context(), views.Query{Count: true}); domain.ReasonOf(err) != "views_damaged" {
		t.Errorf("a look answers %v, want damage", err)
	}
	l.Crash()
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Crash()
	l.Begin()
	l.CheckViews()
	l.CheckQueues()
}

// Redis serves nobody while it looks at a page, and an engine looks all the time.
func TestAPageOfALargeTableIsSmall(t *testing.T) {
	f := fixture(t, redistest.Shared(t).Client(), redistest.Namespace(t))
	writer := f.Views.Writer(0)
	position, err := writer.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const fields = 3000
	tx := &views.Tx{Generation: 1, Position: position}
	for i := range fields {
		tx.Put(views.Jobs, strconv.Itoa(i), []byte(strings.Repeat("x", 200)))
	}
	if _, err := writer.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	pages, seen := 0, map[string]bool{}
	err = views.Walk(t.Context(), f.Views, 1, views.Jobs, func(page []views.Value) error {
		pages++
		if len(page) > 500 { // some more than it was asked for: chains are not cut
			t.Errorf("a page holds %d fields", len(page))
		}
		for _, v := range page {
			seen[v.Name] = true
		}
		return nil
	})
	if err != nil || len(seen) != fields || pages < fields/500 {
		t.Errorf("%d fields on %d pages, %v; want %d", len(seen), pages, err, fields)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
}

// A Redis whose memory is full refuses whatever stands in a MULTI, reads too:
// nobody could read what became of a job until there was room again. The script
// that Redis forgot meanwhile is sent anew.
func TestAFullRedisIsRead(t *testing.T) {
	client := redistest.Start(t, redistest.Options{}).Client()
	f := fixture(t, client, redistest.Namespace(t))
	l := viewtest.NewLeader(t.Context(), t, f, historytest.Found(f.Namespace))
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	l.Feed()
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	look, err := f.Views.Look(t.Context(), views.Query{States: true, End: true})
	if err != nil {
		t.Fatal(err)
	}
	if look.States[job.Waiting] != 1 || look.Position.Seq != l.History.Seq() || look.End != l.History.Seq() {
		t.Errorf("%d jobs wait, position %d, end %d; want 1 and twice %d", look.States[job.Waiting], look.Position.Seq, look.End, l.History.Seq())
	}
}

// What stands among the due times and is none makes a reader tell the engine,
// which finds it whatever the counts say: a leader that only met it began term
// after term.
func TestWhatIsNoDueTimeIsLookedAt(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	f := fixture(t, client, "horus")
	l := viewtest.NewLeader(t.Context(), t, f, historytest.Found("horus"))
	l.Begin()
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{More: `"delay":60`})
	})
	l.Feed()
	for _, z := range []redis.Z{{Score: 1.5, Member: "j1"}, {Score: 0, Member: "j1"}, {Score: 7, Member: "no job"}, {Score: 7, Member: "j2"}} {
		key := fmt.Sprintf("horus:{p000}:v%d:due", l.Live())
		for _, err := range []error{client.ZRem(t.Context(), key, "j1").Err(), client.ZAdd(t.Context(), key, z).Err()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := f.Views.Look(t.Context(), views.Query{Due: &views.DueQuery{Until: views.MaxDue, Limit: 9}})
		if _, strange := errors.AsType[*views.Edited](err); !strange && z.Member != "j2" {
			t.Errorf("%v is read as %v", z, err)
		}
		if err := l.Engine.Confirm(t.Context(), err); !errors.Is(err, views.ErrDamaged) && z.Member != "j2" {
			t.Errorf("%v is confirmed as %v", z, err)
		}
		if err := l.Engine.Inspect(t.Context()); !errors.Is(err, views.ErrDamaged) {
			t.Errorf("%v is inspected as %v", z, err)
		}
		l.Crash()
		l.Begin()
		l.CheckViews()
	}
}
