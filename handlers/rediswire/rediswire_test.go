package rediswire_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/rediswire"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/runnersdk/queue"
)

func TestMain(m *testing.M) { os.Exit(redistest.Around(m).Run()) }

const (
	lease = ":{p000}:leader"
	inbox = ":{p000}:inbox"
)

// desk is the inbox of a leader of term 7.
type desk struct {
	*testing.T
	rediswire.Inbox
	ns     string
	client *redis.Client
}

func open(t *testing.T) *desk {
	t.Helper()
	client := redistest.Shared(t).Client()
	ns := redistest.Namespace(t)
	d := &desk{T: t, ns: ns, client: client, Inbox: rediswire.Inbox{
		Reads: client, Writes: client, Keys: queue.Keys{Namespace: domain.Name(ns)}, Term: 7,
	}}
	d.leads("7")
	return d
}

func (d *desk) leads(term string) {
	d.Helper()
	if err := d.client.HSet(d.Context(), d.ns+lease, "term", term, "name", "s1").Err(); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) put(ids ...string) {
	d.Helper()
	for _, id := range ids {
		args := redis.XAddArgs{Stream: d.ns + inbox, ID: id, Values: []string{"bundle", id}}
		if err := d.client.XAdd(d.Context(), &args).Err(); err != nil {
			d.Fatal(err)
		}
	}
}

// want compares what lies in the inbox.
func (d *desk) want(ids ...string) {
	d.Helper()
	letters, err := d.Read(d.Context(), 10, time.Millisecond)
	if err != nil {
		d.Fatal(err)
	}
	var got []string
	for _, l := range letters {
		got = append(got, l.ID)
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		d.Errorf("the inbox (-want +got):\n%s", diff)
	}
}

func TestDropRemovesWhatWasTaken(t *testing.T) {
	d := open(t)
	d.put("1-1", "1-18446744073709551615", "2-0", "2-1")
	for _, step := range []struct {
		through string
		left    []string
	}{
		{"1-1", []string{"1-18446744073709551615", "2-0", "2-1"}},
		{"1-18446744073709551615", []string{"2-0", "2-1"}},
		{"2-1", nil},
	} {
		if err := d.Drop(t.Context(), step.through); err != nil {
			t.Fatal(err)
		}
		d.want(step.left...)
	}
}

// A leader that was paused may have refused what its successor would take.
func TestALeaderWhoseTermIsOverDropsNothing(t *testing.T) {
	d := open(t)
	d.put("1-1")
	d.leads("8")
	if err := d.Drop(t.Context(), "1-1"); !errors.Is(err, eventstore.ErrConflict) {
		t.Errorf("%v, want a conflict", err)
	}
	d.want("1-1")
}

// Redis gives no id behind the highest one, so that one letter under it would
// close the inbox for ever.
func TestALetterUnderTheHighestIDDoesNotCloseTheInbox(t *testing.T) {
	d := open(t)
	const highest = "18446744073709551615-18446744073709551615"
	d.put(highest)
	if err := d.Drop(t.Context(), highest); err != nil {
		t.Fatal(err)
	}
	d.want()
	d.put("1-1")
	d.want("1-1")
}

// Something else under the key of a stream was met again and again for ever,
// and no runner was heard meanwhile.
func TestWhatIsNoStreamIsRemoved(t *testing.T) {
	d := open(t)
	notice := queue.Notice{Kind: queue.NoticeRefused, Process: "p", Reason: "x"}
	for key, use := range map[string]func() error{
		inbox:                func() error { _, err := d.Read(t.Context(), 1, 0); return err },
		":{p000}:control:r1": func() error { return d.Hint(t.Context(), "r1", notice) },
	} {
		if err := d.client.Set(t.Context(), d.ns+key, "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
		d.leads("8")
		if err := use(); !errors.Is(err, eventstore.ErrConflict) {
			t.Errorf("%s under another leader: %v, want a conflict", key, err)
		}
		d.leads("7")
		if err := use(); err == nil || !strings.Contains(err.Error(), "is removed") {
			t.Errorf("%s: %v, want the word that it is removed", key, err)
		}
		if err := use(); err != nil {
			t.Errorf("%s, once it is removed: %v", key, err)
		}
	}
	if err := d.client.Set(t.Context(), d.ns+inbox, "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Last(t.Context()); err == nil {
		t.Error("the last letter of what is no inbox")
	}
	d.put("1-1")
	d.want("1-1")
}

// Ids begin anew in an inbox that somebody deleted. Everything is read from the
// oldest letter on, so none of them is passed over.
func TestAnInboxThatWasDeletedIsReadFromItsBeginning(t *testing.T) {
	d := open(t)
	d.put("9-1", "9-2")
	d.want("9-1", "9-2")
	if err := d.Drop(t.Context(), "9-1"); err != nil {
		t.Fatal(err)
	}
	if err := d.client.Del(t.Context(), d.ns+inbox).Err(); err != nil {
		t.Fatal(err)
	}
	d.put("1-1", "1-2")
	d.want("1-1", "1-2")
	if err := d.Drop(t.Context(), "1-2"); err != nil {
		t.Fatal(err)
	}
	d.want()
}

// deliveries is a queue of five entries, the first four of which process a holds.
func deliveries(d *desk) (rediswire.Deliveries, job.Queue, string) {
	d.Helper()
	q := job.RunnerQueue("r1")
	key := d.Keys.Jobs(q)
	must := func(err error) {
		d.Helper()
		if err != nil {
			d.Fatal(err)
		}
	}
	must(d.client.XGroupCreateMkStream(d.Context(), key, queue.Group, "0").Err())
	for _, id := range []string{"7-1", "7-2", "7-3", "7-4", "7-5"} {
		must(d.client.XAdd(d.Context(), &redis.XAddArgs{Stream: key, ID: id, Values: []string{"grant", "x"}}).Err())
	}
	must(d.client.XReadGroup(d.Context(), &redis.XReadGroupArgs{Group: queue.Group, Consumer: "a", Streams: []string{key, ">"}, Count: 4}).Err())
	return rediswire.Deliveries{Reads: d.client, Writes: d.client, Keys: d.Keys}, q, key
}

// An entry that was acknowledged by hand is shown by nothing that shows what
// consumers hold.
func TestEntriesThatNobodyHoldsAreFound(t *testing.T) {
	d := open(t)
	look, q, key := deliveries(d)
	want := func(what string, seqs ...uint64) {
		t.Helper()
		ids, err := look.Adrift(t.Context(), []job.Queue{job.RunnerQueue("other"), q})
		if err != nil || len(ids[0]) > 0 {
			t.Fatalf("%s: %v, %v of another queue", what, err, ids)
		}
		var got []uint64
		for _, id := range ids[1] {
			got = append(got, id.Seq)
		}
		if diff := cmp.Diff(seqs, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	want("all are held or wait")
	if err := d.client.XAck(t.Context(), key, queue.Group, "7-2").Err(); err != nil {
		t.Fatal(err)
	}
	want("one is acknowledged", 2)
	if err := d.client.XGroupDelConsumer(t.Context(), key, queue.Group, "a").Err(); err != nil {
		t.Fatal(err)
	}
	want("the consumer is removed", 1, 2, 3, 4)
	for i := range 250 {
		id := fmt.Sprintf("8-%d", i+1)
		if err := d.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: id, Values: []string{"grant", "x"}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.client.XGroupSetID(t.Context(), key, queue.Group, "$").Err(); err != nil {
		t.Fatal(err)
	}
	if ids, err := look.Adrift(t.Context(), []job.Queue{q}); err != nil || len(ids[0]) != 255 {
		t.Errorf("behind a group that was set to the end %d are found, %v; want all 255", len(ids[0]), err)
	}
	if err := d.client.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	want("the queue is gone")
}

func TestProcessesThatHoldNothingAreForgotten(t *testing.T) {
	d := open(t)
	look, q, key := deliveries(d)
	if err := d.client.XGroupCreateConsumer(t.Context(), key, queue.Group, "b").Err(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		silent time.Duration
		left   []string
	}{{time.Hour, []string{"a", "b"}}, {0, []string{"a"}}} {
		if err := look.Retire(t.Context(), []job.Queue{q}, step.silent); err != nil {
			t.Fatal(err)
		}
		consumers, err := d.client.XInfoConsumers(t.Context(), key, queue.Group).Result()
		var left []string
		for _, c := range consumers {
			left = append(left, c.Name)
		}
		if diff := cmp.Diff(step.left, left); diff != "" || err != nil {
			t.Errorf("silent for %v (-want +got, %v):\n%s", step.silent, err, diff)
		}
	}
	pending, err := look.Pending(t.Context(), []job.Queue{q, q})
	if err != nil || len(pending) != 2 || len(pending[0]) != 4 || len(pending[1]) != 4 {
		t.Errorf("%v is held, %v; want 4 entries, twice", pending, err)
	}
	lost := []job.Queue{q, job.RunnerQueue("lost")}
	if _, err := look.Pending(t.Context(), lost); domain.ReasonOf(err) != "group_lost" || !strings.Contains(err.Error(), "lost") {
		t.Errorf("a queue without a group: %v", err)
	}
	if err := look.Retire(t.Context(), lost, 0); err == nil {
		t.Error("nothing is wrong with a queue without a group")
	}
}
