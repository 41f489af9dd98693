package rediswire_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
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
