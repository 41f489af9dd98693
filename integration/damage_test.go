package integration

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// damage is something that a person can do to the keys of a system with
// redis-cli. The log is not among them.
type damage struct {
	name string
	do   func(w *world)
	// quiet damage ends no term: nobody needs what is gone, or whoever meets it
	// makes it good.
	quiet bool
	// alike damage is noticed as other damage here is. It is done to a system
	// that is down, and one by one by the tests of the engine.
	alike bool
}

// damages are all kinds of keys, and all that can be done to each.
func damages() []damage {
	alike := []string{
		"table open deleted", "table logs deleted", "table tips deleted", "table runners deleted", "table open edited",
		"table logs edited", "table tips edited", "table runners edited", "list of jobs that ended deleted",
		"position's seq edited", "position's statements edited", "position's term edited",
	}
	var all []damage
	table := func(t views.Table) func(*world) string {
		return func(w *world) string { return w.live(t.String()) }
	}
	list := func(s job.Status) func(*world) string {
		return func(w *world) string { return w.live("state:" + s.String()) }
	}
	name := func(rest string) func(*world) string { return func(w *world) string { return w.key(rest) } }
	jobs := name("runner:r1:jobs:5")
	add := func(what string, quiet bool, do func(w *world)) {
		all = append(all, damage{name: what, do: do, quiet: quiet, alike: slices.Contains(alike, what)})
	}
	gone := func(what string, quiet bool, key func(*world) string) {
		add(what+" deleted", quiet, func(w *world) { w.do("DEL", key(w)) })
	}
	strange := func(what string, quiet bool, key func(*world) string) {
		add(what+" of another type", quiet, func(w *world) { w.do("SET", key(w), "x") })
	}
	for _, do := range []func(string, bool, func(*world) string){gone, strange} {
		do("lease", false, name("leader"))
		do("position", false, name("pos"))
		do("statements", false, name("statements"))
		do("inbox", true, name("inbox"))
		do("queue", false, jobs)
		do("list of jobs that wait", false, list(job.Waiting))
	}
	gone("control stream", true, name("control:r1"))
	strange("control stream", false, name("control:r1"))
	strange("table jobs", false, table(views.Jobs))
	gone("list of jobs that ended", false, list(job.Done))
	for _, t := range views.Tables() {
		gone("table "+t.String(), false, table(t))
		add("table "+t.String()+" edited", false, func(w *world) { w.editOne(table(t)(w)) })
	}
	due := func(w *world) string { return w.live("due") }
	gone("due times", false, due)
	strange("due times", false, due)
	add("due time edited", false, func(w *world) { w.putOff(due(w)) })
	gone("modes for runners", true, name("modes"))
	add("statement edited", false, func(w *world) { w.editOne(w.key("statements")) })
	add("list edited", false, (*world).relist)
	for _, edit := range [][2]string{
		{"seq", "1"},
		{"seal", strings.Repeat("0", 64)},
		{"latest", "7"},
		{"live", "99"},
		{"filling", "98"},
		{"statements", "1"},
		{"census", "1,2,3,4,5,6,7,8,9,10"},
		{"term", "1"},
	} {
		quiet := edit[0] == "latest" || edit[0] == "filling" // the next turn writes another, and a start finds it
		add("position's "+edit[0]+" edited", quiet, func(w *world) { w.do("HSET", w.key("pos"), edit[0], edit[1]) })
	}
	for _, edit := range [][2]string{{"term", "many"}, {"name", "nobody"}, {"beat", "many"}} {
		quiet := edit[0] != "term" // a name is only told, and a beat begins anew
		add("lease's "+edit[0]+" edited", quiet, func(w *world) { w.do("HSET", w.key("leader"), edit[0], edit[1]) })
	}
	add("group deleted", false, func(w *world) { w.do("XGROUP", "DESTROY", jobs(w), queue.Group) })
	add("consumers deleted", true, func(w *world) { w.deleteConsumers(jobs(w)) })
	add("entries acknowledged", true, func(w *world) { w.acknowledge(jobs(w)) })
	add("entry removed", false, func(w *world) { w.do("XDEL", jobs(w), w.standing(jobs(w))[0].ID) })
	add("entry added twice", false, func(w *world) { w.repeat(jobs(w)) })
	add("entry exchanged", false, func(w *world) {
		w.repeat(jobs(w))
		w.do("XDEL", jobs(w), w.standing(jobs(w))[0].ID)
	})
	return all
}

func (w *world) key(rest string) string { return string(w.ns) + ":{p000}:" + rest }

// live names a key of the views that are read.
func (w *world) live(name string) string {
	w.t.Helper()
	return w.key("v" + fmt.Sprint(w.do("HGET", w.key("pos"), "live")) + ":" + name)
}

// do sends a command to Redis.
func (w *world) do(args ...any) any {
	w.t.Helper()
	reply, err := w.hand.Do(w.t.Context(), args...).Result()
	if err != nil {
		w.t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// editOne changes a value of a hash.
func (w *world) editOne(key string) {
	w.t.Helper()
	fields, err := w.hand.HGetAll(w.t.Context(), key).Result()
	if err != nil || len(fields) == 0 {
		w.t.Fatalf("there is nothing in %s to edit: %v", key, err)
	}
	name := slices.Min(slices.Collect(maps.Keys(fields)))
	digit := strings.IndexAny(fields[name], "0123456789")
	edited := []byte(fields[name])
	edited[digit] = '0' + (edited[digit]-'0'+1)%10
	w.do("HSET", key, name, edited)
}

// putOff has something be due in a job a second later, if anything is.
func (w *world) putOff(key string) {
	w.t.Helper()
	for _, member := range w.hand.ZRange(w.t.Context(), key, 0, 0).Val() {
		w.do("ZINCRBY", key, 1_000_000, member)
	}
}

// relist has the read models say that a job which ended waits.
func (w *world) relist() {
	w.t.Helper()
	from, to := w.live("state:"+job.Done.String()), w.live("state:"+job.Waiting.String())
	member := w.hand.ZRange(w.t.Context(), from, 0, 0).Val()[0]
	seq, err := strconv.Atoi(member)
	if err != nil {
		w.t.Fatal(err)
	}
	w.do("ZREM", from, member)
	w.do("ZADD", to, seq, member)
}

func (w *world) standing(key string) []redis.XMessage {
	w.t.Helper()
	entries, err := w.hand.XRange(w.t.Context(), key, "-", "+").Result()
	if err != nil || len(entries) == 0 {
		w.t.Fatalf("there is nothing in %s: %v", key, err)
	}
	return entries
}

// repeat adds an entry again, under the next id. The supervisor, which may be
// healing what was done before, adds some too: then it is tried again.
func (w *world) repeat(key string) {
	w.t.Helper()
	eventually(w.t, patience, func(ctx context.Context) error {
		entries := w.standing(key)
		last, err := queue.ParseEntryID(entries[len(entries)-1].ID)
		if err != nil {
			w.t.Fatal(err)
		}
		last.Seq++
		return w.hand.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: last.String(), Values: entries[0].Values}).Err()
	})
}

func (w *world) deleteConsumers(key string) {
	w.t.Helper()
	consumers, err := w.hand.XInfoConsumers(w.t.Context(), key, queue.Group).Result()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range consumers {
		w.do("XGROUP", "DELCONSUMER", key, queue.Group, c.Name)
	}
}

func (w *world) acknowledge(key string) {
	w.t.Helper()
	for _, e := range w.standing(key) {
		w.do("XACK", key, queue.Group, e.ID)
	}
}
