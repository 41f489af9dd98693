package redisreactions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/reactions"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
)

// heard is what a handler has handled.
type heard struct {
	mu sync.Mutex

	jobs []string
}

func (h *heard) add(job string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs = append(h.jobs, job)
}

// wait returns once n jobs were handled.
func (h *heard) wait(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		h.mu.Lock()
		jobs := slices.Clone(h.jobs)
		h.mu.Unlock()
		if len(jobs) >= n {
			return jobs
		}
		if time.Now().After(deadline) {
			t.Fatalf("handled %v, want %d jobs", jobs, n)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// A handler fails for one message only: the others go on, the message stands in
// the list with its reason, and comes once more when somebody has repaired the
// handler and replays it.
func TestTheStoryOfAPoisonedMessage(t *testing.T) {
	t.Parallel()
	q, client := newPoison(t)
	p := historytest.Found(q.Keys.Namespace)
	client.HSet(t.Context(), q.Keys.Lease(), "term", 1)
	told := journal.New(journal.Config{
		Namespace: q.Keys.Namespace, Term: 1, Keys: func() access.State { return p.State.Access },
		Cursors: &redisreactions.Cursors{Client: client, Keys: q.Keys},
	})
	told.Offer(p.Commits[len(p.Commits)-1])
	types, err := events.ParseTypes("job.submitted")
	if err != nil {
		t.Fatal(err)
	}
	var repaired atomic.Bool
	handled := &heard{}
	mail := reactions.Reaction{
		Name: "mail", Types: types,
		Handle: func(msg *message.Message) ([]*message.Message, error) {
			e, err := events.Parse(msg.Payload)
			if err != nil {
				return nil, err
			}
			if e.Aggregate.ID == "j3" && !repaired.Load() {
				return nil, errors.New("no such address")
			}
			handled.add(e.Aggregate.ID)
			return nil, nil
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- reactions.Run(ctx, reactions.Config{
			Journal: told, Reactions: []reactions.Reaction{mail}, Poison: q,
			Replays: func(name domain.Name) (reactions.Replays, error) {
				sub, err := redisstreams.NewSubscriber(redisstreams.Config{
					Client: client, Group: "reactions", Consumer: "leader", Handler: string(name), Poison: q,
					Block: 20 * time.Millisecond, Delete: true,
				})
				return reactions.Replays{Subscriber: sub, Stream: q.Keys.Replay(name)}, err
			},
		})
	}()
	var want []string
	for i := range 6 {
		id := fmt.Sprintf("j%d", i)
		told.Offer(p.Commit(func(tx *historytest.Tx) { tx.Submit(id, historytest.Job{}) }))
		if id != "j3" {
			want = append(want, id)
		}
	}
	if diff := cmp.Diff(want, handled.wait(t, 5)); diff != "" {
		t.Errorf("handled (-want +got):\n%s", diff)
	}
	waiting := list(t, q)
	if len(waiting) != 1 || waiting[0].Metadata[events.Aggregate] != "job/j3" || waiting[0].Reason != "no such address" ||
		waiting[0].Handler != "mail" || waiting[0].Tries != reactions.Tries {
		t.Fatalf("put aside: %+v", waiting)
	}

	if moved, err := q.Replay(t.Context(), waiting[0].ID); err != nil || moved.Count != 1 {
		t.Fatalf("replayed %+v, %v", moved, err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for len(list(t, q)) == 0 && time.Now().Before(deadline) { // it fails once more
		<-time.After(10 * time.Millisecond)
	}
	repaired.Store(true)
	if moved, err := q.Replay(t.Context()); err != nil || moved.Count != 1 {
		t.Fatalf("replayed %+v, %v", moved, err)
	}
	if diff := cmp.Diff(append(want, "j3"), handled.wait(t, 6)); diff != "" {
		t.Errorf("handled when it was repaired (-want +got):\n%s", diff)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := client.XLen(t.Context(), q.Keys.Replay("mail")).Val(); n != 0 || len(list(t, q)) != 0 {
		t.Errorf("%d messages are left to be replayed, and %d put aside", n, len(list(t, q)))
	}
}
