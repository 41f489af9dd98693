package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/reactions"
	"github.com/herocode/horus/handlers/redisreactions"
)

func (w *world) reactionKeys() redisreactions.Keys { return redisreactions.Keys{Namespace: w.ns} }

// listen subscribes to a topic as any service can that knows Watermill and
// nothing of us.
func (w *world) listen(topic string) <-chan *message.Message {
	w.t.Helper()
	options, err := redis.ParseURL(w.redis.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{
		Client: redis.NewClient(options), ConsumerGroup: "accounts", Consumer: "a", DisableIndefiniteInitialBlock: true,
	}, watermill.NopLogger{})
	if err != nil {
		w.t.Fatal(err)
	}
	messages, err := subscriber.Subscribe(context.Background(), w.reactionKeys().Topic(domain.Name(topic)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { subscriber.Close() })
	return messages
}

// logged returns the events of the log.
func (w *world) logged() []history.Entry {
	w.t.Helper()
	store := redisstore.New(w.hand, w.hand, redisstore.Keys{Namespace: w.ns})
	var entries []history.Entry
	for {
		raws, err := store.Read(w.t.Context(), uint64(len(entries)), 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, raw := range raws {
			e, err := history.ParseEntry(raw.Seq, raw.Event)
			if err != nil {
				w.t.Fatal(err)
			}
			entries = append(entries, e)
		}
		if len(raws) < 1000 {
			return entries
		}
	}
}

// wantTold reads a topic that is for everything and has all of it: each event of
// the log at least once, for the first time in the order of the log, and proved.
func (w *world) wantTold(topic string) {
	w.t.Helper()
	entries := w.logged()
	founded, ok := entries[0].Data.(access.Founded)
	if !ok {
		w.t.Fatalf("the log begins with %s", &entries[0])
	}
	messages := w.listen(topic)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := 0
	for told := uint64(0); told < uint64(len(entries)); {
		select {
		case msg := <-messages:
			seq := w.wantProved(msg, entries, founded.Key)
			if seq > told+1 {
				w.t.Fatalf("event %d was told behind event %d", seq, told)
			}
			if seq <= told {
				again++
			}
			told = max(told, seq)
			msg.Ack()
		case <-deadline.C:
			w.t.Fatalf("others were told of %d events; there are %d", told, len(entries))
		}
	}
	w.t.Logf("others were told of %d events, of %d of them again", len(entries), again)
}

// wantProved checks a message and returns the place of its event.
func (w *world) wantProved(msg *message.Message, entries []history.Entry, key signing.PublicKey) (seq uint64) {
	w.t.Helper()
	e, err := events.Parse(msg.Payload)
	if err == nil {
		err = e.Verify(key)
	}
	if err != nil {
		w.t.Fatalf("message %s: %v", msg.UUID, err)
	}
	seq = e.Proof.Seq
	if seq > uint64(len(entries)) { // of what happened since
		return seq
	}
	in := &entries[seq-1]
	if !bytes.Equal(e.Proof.Event, in.Bytes) || msg.UUID != events.ID(string(w.ns), 0, seq, in.Hash) ||
		msg.Metadata.Get(events.Type) != in.Type || msg.Metadata.Get(events.Aggregate) != in.Aggregate.String() ||
		msg.Metadata.Get(events.Seq) != strconv.FormatUint(seq, 10) || msg.Metadata.Get("correlation_id") == "" {
		w.t.Errorf("message %s with %v tells of another event than %s", msg.UUID, msg.Metadata, in)
	}
	return seq
}

// A topic tells of the events that it is for, from the moment on that a leader
// was told to fill it, and goes on where it was when the leader is another one.
func TestATopicTellsOfWhatItIsFor(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.topic = "jobs=job.completed,job.failed"
	supervisor, _ := w.up()
	messages := w.listen("jobs")
	shown := start(t, nil, "listen", "-redis", w.redis.Addr(), "-topic", w.reactionKeys().Topic("jobs")) // as the page shows
	var want []string
	for round := range 3 {
		for range 4 {
			receipt, err := w.Submit(w.ctx(), w.note())
			if err != nil {
				t.Fatal(err)
			}
			w.wantOneOutcome(receipt.ID)
			want = append(want, "job.completed job/"+receipt.ID)
		}
		supervisor.signal(syscall.SIGTERM)
		supervisor.wait(patience)
		if round == 1 { // what was told last says how far it came
			w.hand.Del(t.Context(), w.reactionKeys().Cursors())
		}
		supervisor = w.supervisor()
	}
	var got []string
	for len(got) < len(want) {
		select {
		case msg := <-messages:
			if line := msg.Metadata.Get(events.Type) + " " + msg.Metadata.Get(events.Aggregate); !slices.Contains(got, line) {
				got = append(got, line)
			}
			msg.Ack()
		case <-w.ctx().Done():
			t.Fatalf("told of %v, want %v", got, want)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	w.waitForLog(shown, want[len(want)-1]+"\n")
	w.wantTrue()
}

// A leader that is frozen while another one takes over tells nobody anything any
// more when it wakes up: what it would tell was told long ago.
func TestAFrozenLeaderTellsNobody(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.topic = "everything=*;from=start"
	first, _ := w.up()
	submit := func(n int) {
		t.Helper()
		w.take(n, w.submitting(n, w.note()))
	}
	submit(100) // most of their events are yet to come
	first.signal(syscall.SIGSTOP)
	port := freePort(t)
	second := w.standBy(port, "--name", "s2")
	w.ready(port, patience)
	w.connect(urlOf(port))
	submit(20)
	first.signal(syscall.SIGCONT)
	w.waitForLog(first, "another supervisor leads")
	submit(20)
	receipt, err := w.Submit(w.ctx(), w.note())
	if err != nil {
		t.Fatal(err)
	}
	w.wantOneOutcome(receipt.ID)
	code, _ := second.terminate(patience)
	if code != 0 {
		t.Errorf("the second one ended with %d", code)
	}
	w.ready(w.port, patience)
	w.wantTold("everything")
}

// A program that runs a supervisor brings a reaction of its own. It cannot cope
// with one event; a person finds that, and has it handled once more.
func TestAReactionOfAnotherProgram(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	types, err := events.ParseTypes("job.completed")
	if err != nil {
		t.Fatal(err)
	}
	var repaired atomic.Bool
	handled := make(chan string, 100)
	state := w.state()
	cfg := node.Config{
		RedisURL: w.redis.URL(), Namespace: w.ns, State: state, Name: "embedded", Port: w.port, Lease: lease,
		Reactions: []reactions.Reaction{{
			Name: "mail", Types: types,
			Handle: func(msg *message.Message) ([]*message.Message, error) {
				e, err := events.Parse(msg.Payload)
				if err != nil {
					return nil, err
				}
				if e.Aggregate.ID == "j2" && !repaired.Load() {
					return nil, errors.New("no such address")
				}
				handled <- e.Aggregate.ID
				return nil, nil
			},
		}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx, cfg) }()
	w.ready(w.port, patience)
	w.runner("r1")
	w.admit()
	for i := range 4 {
		id := fmt.Sprintf("j%d", i)
		if _, err := w.Submit(w.ctx(), w.note().ID(id)); err != nil {
			t.Fatal(err)
		}
		w.wantOneOutcome(id)
	}
	want := func(id string) {
		t.Helper()
		select {
		case got := <-handled:
			if got != id {
				t.Errorf("handled %s, want %s", got, id)
			}
		case <-w.ctx().Done():
			t.Fatalf("%s is not handled", id)
		}
	}
	want("j0")
	want("j1")
	want("j3")
	queue := &redisreactions.Poison{Client: w.hand, Keys: w.reactionKeys(), Handlers: []domain.Name{"mail"}}
	waiting, err := queue.List(t.Context(), "", 10)
	if err != nil || len(waiting) != 1 || waiting[0].Metadata[events.Aggregate] != "job/j2" {
		t.Fatalf("put aside: %+v, %v", waiting, err)
	}
	repaired.Store(true)
	if _, err := queue.Replay(t.Context(), waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	want("j2")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
