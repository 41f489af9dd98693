package rpcapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

func (s *server) auditor() *client.Client {
	s.t.Helper()
	c, err := client.New(client.Config{Addresses: []string{s.url}, APIKey: adminSecret})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// remote is a log behind the API.
type remote struct{ c *client.Client }

func (r remote) Tip(ctx context.Context) (eventstore.Tip, error) {
	head, err := r.c.Head(ctx)
	return eventstore.Tip{Seq: head.Seq, Seal: head.Seal}, err
}

func (r remote) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	page, err := r.c.Events(ctx, wire.EventQuery{After: after, Limit: &limit})
	raws := make([]history.Raw, len(page.Events))
	for i, e := range page.Events {
		raws[i] = history.Raw{Seq: e.Seq, Event: e.Bytes(), Seal: []byte(e.Seal)}
	}
	return raws, err
}

// Whoever reads the history over HTTP has every byte of it, and can check it by
// himself.
func TestTheHistoryIsReadAndChecked(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	s.call("jobs.submit", `{"job":{"id":"a","payload":"echo <&> \u00e9\n","executor":"sh"}}`)
	s.call("jobs.submit", `{"job":{"id":"b","payload":"x","executor":"sh"}}`)
	s.Runner("r1", "sh").Complete("a", "hello\n")
	c := s.auditor()
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var after uint64
	for after < head.Seq {
		two := 2
		page, err := c.Events(t.Context(), wire.EventQuery{After: after, Limit: &two})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) > 2 || page.End != head.Seq || page.Next != after+uint64(len(page.Events)) {
			t.Fatalf("%d events, next %d, end %d", len(page.Events), page.Next, page.End)
		}
		for _, e := range page.Events {
			raw, err := s.Store.Read(t.Context(), e.Seq-1, 1)
			if err != nil || string(raw[0].Event) != string(e.Bytes()) || string(raw[0].Seal) != e.Seal {
				t.Errorf("event %d is not as it is stored: %v", e.Seq, err)
			}
			if e.Hash != signing.LeafHash(e.Bytes()).String() {
				t.Errorf("event %d has another hash", e.Seq)
			}
		}
		after = page.Next
	}
	trust, err := signing.ParseHash(head.Founding)
	if err != nil {
		t.Fatal(err)
	}
	source, err := audit.FromLog(t.Context(), remote{c})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := audit.Verify(t.Context(), source, audit.Options{Namespace: rpcapitest.Namespace, Trust: trust})
	if err != nil || verdict.Finding != audit.Valid || verdict.Seq != head.Seq || verdict.Seal.String() != head.SealHash {
		t.Errorf("%v, %s; the head is %+v", err, verdict, head)
	}
}

// An auditor may wait for what comes next, and is told when nothing did.
func TestWaitingForEvents(t *testing.T) {
	s := newServer(t, countersign)
	c := s.auditor()
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	zero, long := int64(0), int64(30)
	page, err := c.Events(t.Context(), wire.EventQuery{After: head.Seq, Wait: &zero})
	if err != nil || len(page.Events) != 0 || page.Next != head.Seq || page.End != head.Seq {
		t.Errorf("without news: %+v, %v", page, err)
	}
	type answer struct {
		wire.EventPage
		error
	}
	answers := make(chan answer)
	go func() {
		page, err := c.Events(t.Context(), wire.EventQuery{After: head.Seq, Wait: &long})
		answers <- answer{page, err}
	}()
	s.Admit(rpcapitest.Key(9), access.Client, "alice", 0)
	if a := <-answers; a.error != nil || len(a.Events) != 1 || a.Events[0].Seq != head.Seq+1 {
		t.Errorf("with news: %+v", a)
	}
}

// Who waits is let go when the supervisor ends.
func TestWaitingForEventsEndsWithTheSupervisor(t *testing.T) {
	stopping := make(chan struct{})
	s := newServer(t, func(c *rpcapi.Config) { c.Stopping = stopping })
	close(stopping)
	long := int64(30)
	began := time.Now()
	head, err := s.auditor().Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if page, err := s.auditor().Events(t.Context(), wire.EventQuery{After: head.Seq, Wait: &long}); err != nil || len(page.Events) > 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// strange is a log with an entry that is no text.
type strange struct{ rpcapi.Log }

func (s strange) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	raws, err := s.Log.Read(ctx, after, limit)
	for i := range raws {
		raws[i].Event = append([]byte{0xff}, raws[i].Event...)
	}
	return raws, err
}

// large is a log whose events have a megabyte each, two when they are escaped.
type large struct{ rpcapi.Log }

func (l large) Read(_ context.Context, after uint64, limit int) ([]history.Raw, error) {
	raws := make([]history.Raw, limit)
	for i := range raws {
		raws[i] = history.Raw{Seq: after + uint64(i) + 1, Event: []byte(strings.Repeat(`"`, 1<<20))}
	}
	return raws, nil
}

func TestEventsThatAreNoTextKeepTheirBytes(t *testing.T) {
	s := newServer(t, func(c *rpcapi.Config) { c.Backend.Log = strange{c.Backend.Log} })
	page, err := s.auditor().Events(t.Context(), wire.EventQuery{})
	if err != nil || len(page.Events) == 0 || page.Events[0].Event != "" || page.Events[0].Bytes()[0] != 0xff {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestAPageOfLargeEventsCanBeRead(t *testing.T) {
	s := newServer(t, func(c *rpcapi.Config) { c.Backend.Log = large{c.Backend.Log} })
	limit := 1000
	page, err := s.auditor().Events(t.Context(), wire.EventQuery{Limit: &limit})
	if err != nil || len(page.Events) != 2 {
		t.Errorf("%d events, %v", len(page.Events), err)
	}
}

func TestBoundsOfEventQueries(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = adminSecret
	for _, params := range []string{`{"limit":0}`, `{"limit":1001}`, `{"wait":31}`, `{"wait":-1}`, `{"after":-1}`, `{"from":1}`} {
		if got := s.call("events.read", params); got.Error.Code != -32602 {
			t.Errorf("%s is answered %s", params, mustJSON(t, got))
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
