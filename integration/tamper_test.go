package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/audit/audittest"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/integration/redistest"
)

// How often a history is falsified. Each time is some milliseconds.
const (
	tamperEvents    = 120 // of the history
	tamperMutations = 700
	tamperThefts    = 120 // suffixes sealed with a stolen key
	tamperForgeries = 2   // of each kind, sealed with the leader's own key
	tamperClean     = 25  // falsifications between two looks at the clean log
)

// TestATamperedHistoryIsFound falsifies a history on a real Redis in every way
// that package audittest knows, with and without a supervisor's key. An audit
// finds each at the place of what differs first, or at the first event of its
// commit, which is proved as a whole; what was sealed but could not happen, at
// its own event. It never finds anything in the history as it was written. That
// whole commits are missing at the end is found with a remembered head, and
// only so.
func TestATamperedHistoryIsFound(t *testing.T) {
	p := historytest.New("horus")
	p.Live(rand.New(rand.NewPCG(2, 0)).IntN, tamperEvents) // one in which a job waits, too
	clean := p.Raws()
	r := newTamperedRedis(t)
	r.appendAll(clean)
	r.wantClean(clean)

	t.Run("by one who holds no key", func(t *testing.T) { r.mutate(t, clean) })
	t.Run("by one who stole a key", func(t *testing.T) { r.steal(t, clean) })
	t.Run("by the supervisor itself", func(t *testing.T) { r.forge(t, p) })
	t.Run("by a hand that writes what no store wrote", func(t *testing.T) { r.scribble(t, clean) })
}

// tamperedRedis is a Redis with one partition's log, which is written over and
// over.
type tamperedRedis struct {
	t      *testing.T
	client *redis.Client
	store  *redisstore.Store
	key    string
}

func newTamperedRedis(t *testing.T) *tamperedRedis {
	server := redistest.Start(t, redistest.Options{})
	client, keys := server.Client(), redisstore.Keys{Namespace: "horus"}
	return &tamperedRedis{t: t, client: client, store: redisstore.New(client, client, keys), key: keys.Log()}
}

// appendAll writes the log as a leader does: commit by commit.
func (r *tamperedRedis) appendAll(log []history.Raw) {
	r.t.Helper()
	ctx := r.t.Context()
	if err := r.store.Take(ctx, eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "test"}); err != nil {
		r.t.Fatal(err)
	}
	var tip eventstore.Tip
	batch := eventstore.Batch{First: 1}
	for _, raw := range log {
		batch.Events = append(batch.Events, raw.Event)
		if len(raw.Seal) == 0 {
			continue
		}
		batch.Seal = raw.Seal
		if err := r.store.Append(ctx, 1, tip, batch); err != nil {
			r.t.Fatal(err)
		}
		tip = batch.Tip()
		batch = eventstore.Batch{First: tip.Seq + 1}
	}
}

// replace makes the stream hold other entries.
func (r *tamperedRedis) replace(t *testing.T, log []history.Raw) {
	t.Helper()
	_, err := r.client.TxPipelined(t.Context(), func(pipe redis.Pipeliner) error {
		pipe.Del(t.Context(), r.key)
		for _, raw := range log {
			fields := []any{"e", raw.Event}
			if len(raw.Seal) > 0 {
				fields = append(fields, "s", raw.Seal)
			}
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: r.key, ID: fmt.Sprintf("%d-0", raw.Seq), Values: fields})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *tamperedRedis) audit(t *testing.T, head *audit.Head) audit.Verdict {
	t.Helper()
	source, err := audit.FromLog(t.Context(), r.store)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := audit.Verify(t.Context(), source, audit.Options{Namespace: "horus", Head: head})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// wantClean audits the log that was written.
func (r *tamperedRedis) wantClean(clean []history.Raw) {
	r.t.Helper()
	head := audittest.Head(clean)
	if verdict := r.audit(r.t, &head); !verdict.Finding.Proved() || verdict.Seq != uint64(len(clean)) {
		r.t.Fatalf("the log as it was written: %s", verdict)
	}
}

func (r *tamperedRedis) mutate(t *testing.T, clean []history.Raw) {
	kinds := audittest.Mutations()
	found := map[string]int{}
	for round, done := 0, 0; done < tamperMutations; round++ {
		kind := kinds[round%len(kinds)]
		falsified := kind.Do(rand.New(rand.NewPCG(uint64(round), 0)), clean)
		r.replace(t, falsified)
		changed, err := audittest.Judge(clean, falsified, func(head *audit.Head) audit.Verdict { return r.audit(t, head) })
		if err != nil {
			t.Fatalf("%s, with dice %d: %v", kind.Name, round, err)
		}
		if changed {
			found[kind.Name]++
			done++
		}
		if round%tamperClean == 0 {
			r.replace(t, clean)
			r.wantClean(clean)
		}
	}
	for _, kind := range kinds {
		if found[kind.Name] == 0 {
			t.Errorf("it never changed anything that %s", kind.Name)
		}
	}
}

func (r *tamperedRedis) steal(t *testing.T, clean []history.Raw) {
	dice := rand.New(rand.NewPCG(1, 0))
	starts, thieves := historytest.Starts(clean), audittest.Thieves()
	for i := range tamperThefts {
		name, from := thieves[i%len(thieves)], starts[dice.IntN(len(starts))]
		r.wantForged(t, historytest.Reseal(clean, from, historytest.Key(name)), uint64(from)+1, "sealed again with the key "+name)
	}
	r.replace(t, clean)
	r.wantClean(clean)
}

func (r *tamperedRedis) forge(t *testing.T, p *historytest.Partition) {
	const settled = 5 // commits; all keys are known then
	dice, clean := rand.New(rand.NewPCG(2, 0)), p.Raws()
	for _, kind := range audittest.Forgeries() {
		for range tamperForgeries {
			prefix := p.Fork(settled + dice.IntN(len(p.Commits)-settled))
			r.replace(t, prefix.Raws())
			if verdict := r.audit(t, nil); !verdict.Finding.Proved() {
				t.Fatalf("the first %d events: %s", prefix.Seq(), verdict)
			}
			forged, wrong := kind.Forge(prefix)
			r.wantForged(t, forged, wrong, kind.Name)
		}
	}
	r.replace(t, clean)
	r.wantClean(clean)
}

// wantForged writes a forged log and audits it.
func (r *tamperedRedis) wantForged(t *testing.T, forged []history.Raw, wrong uint64, name string) {
	t.Helper()
	r.replace(t, forged)
	if verdict := r.audit(t, nil); verdict.Finding != audit.Tampered || verdict.Seq != wrong {
		t.Errorf("%s: want tampered at seq %d, not: %s", name, wrong, verdict)
	}
}

// scribble does by hand what is no list of events.
func (r *tamperedRedis) scribble(t *testing.T, clean []history.Raw) {
	ctx, end := t.Context(), uint64(len(clean))
	add := func(id string, values ...any) func() error {
		return func() error {
			return r.client.XAdd(ctx, &redis.XAddArgs{Stream: r.key, ID: id, Values: values}).Err()
		}
	}
	event := clean[end-1].Event
	for _, c := range []struct {
		name    string
		do      func() error
		finding audit.Finding
		wrong   uint64
	}{
		{"an entry between two numbers", add(fmt.Sprintf("%d-1", end), "e", event), audit.Tampered, end + 1},
		{"an entry far behind", add("99999999999-0", "e", event), audit.Tampered, end + 1},
		{"an entry with the last number of all", add("18446744073709551615-18446744073709551615", "e", event), audit.Tampered, end + 1},
		{"an entry with another field", add(fmt.Sprintf("%d-0", end+1), "event", event), audit.Tampered, end + 1},
		{"an entry with one field too many", add(fmt.Sprintf("%d-0", end+1), "e", event, "s", "seal", "x", "y"), audit.Tampered, end + 1},
		{"an entry in the middle is deleted", func() error { return r.client.XDel(ctx, r.key, "7-0").Err() }, audit.Tampered, 7},
		{"old entries are trimmed", func() error { return r.client.XTrimMaxLen(ctx, r.key, 10).Err() }, audit.Tampered, 1},
		{"everything is deleted", func() error { return r.client.Del(ctx, r.key).Err() }, audit.CannotTell, 0},
	} {
		r.replace(t, clean)
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if verdict := r.audit(t, nil); verdict.Finding != c.finding || verdict.Seq != c.wrong {
			t.Errorf("%s: want %s at seq %d, not: %s", c.name, c.finding, c.wrong, verdict)
		}
	}
	head := audittest.Head(clean)
	if verdict := r.audit(t, &head); verdict.Finding != audit.Tampered || verdict.Seq != 1 {
		t.Errorf("everything is deleted and the head is remembered: %s", verdict)
	}
	r.replaceWithString(ctx, t)
	if _, err := audit.FromLog(ctx, r.store); err == nil || domain.CodeOf(err) == domain.Halted {
		t.Errorf("the log is no stream: got %v, want an error that accuses nobody", err)
	}
}

func (r *tamperedRedis) replaceWithString(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := r.client.Set(ctx, r.key, "not a log", 0).Err(); err != nil {
		t.Fatal(err)
	}
}
