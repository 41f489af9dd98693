package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

const secret = "secret"

// system is a supervisor behind HTTP, with a door that a test can close.
type system struct {
	*rpcapitest.System
	url  string
	door atomic.Pointer[http.HandlerFunc] // answers instead of the supervisor if it is set
}

func newSystem(t testing.TB) *system {
	t.Helper()
	s := &system{System: rpcapitest.New(t)}
	key, err := rpcapi.NewAPIKey("ci", rpcapi.Admin, secret)
	if err != nil {
		t.Fatal(err)
	}
	api, err := rpcapi.New(rpcapi.Config{
		Backend: s.Backend(), Durability: s.Durability, Unsigned: rpcapi.Countersign, Keys: []rpcapi.APIKey{key}, Clock: s.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := rpcapi.NewHandler(api, rpcapi.HTTPOptions{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if door := s.door.Load(); door != nil {
			(*door)(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

func (s *system) client(t testing.TB, key signing.PrivateKey, addresses ...string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addresses: append(addresses, s.url), APIKey: secret, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	client.WithoutPauses(c)
	return c
}

// A job's way, as a client sees it.
func TestWayOfAJob(t *testing.T) {
	s := newSystem(t)
	ctx := t.Context()
	key := rpcapitest.Key(3)
	c := s.client(t, key)
	added, err := c.AddKey(ctx, client.Admission(rpcapitest.Namespace, access.Client, "alice", key))
	if err != nil || added.KeyID != key.Public().ID() {
		t.Fatal(added, err)
	}
	receipt, err := c.Submit(ctx, client.NewJob("echo hello").Runner("r1").Env("A", "1").Caller("me").MaxAttempts(2))
	if err != nil || receipt.State != job.Waiting || receipt.Durability != "memory" {
		t.Fatal(receipt, err)
	}
	r := s.Runner("r1")
	r.Start(receipt.ID, "one", "two")
	r.Complete(receipt.ID, "hello\n")
	done, err := c.Wait(ctx, receipt.ID)
	if err != nil || done.State != job.Done || *done.Result != "hello\n" || done.EnvVars["A"] != "1" || done.MaxAttempts != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if got, err := c.Get(ctx, receipt.ID); err != nil || got.ID != receipt.ID || got.Submitter != event.ByClient(string(key.Public().ID())) {
		t.Errorf("%+v, %v", got, err)
	}
	var lines []string
	for line, err := range c.Follow(ctx, receipt.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line.Message)
	}
	if diff := cmp.Diff([]string{"one", "two"}, lines); diff != "" {
		t.Error(diff)
	}
	events, err := c.History(ctx, receipt.ID)
	if err != nil || len(events) != 3 || events[2].Type != "job.completed" {
		t.Errorf("%+v, %v", events, err)
	}
	s.Settle()
	page, err := c.List(ctx, wire.JobQuery{States: []job.Status{job.Done}})
	if err != nil || len(page.Jobs) != 1 || page.Jobs[0].ID != receipt.ID {
		t.Errorf("%+v, %v", page, err)
	}
	runners, err := c.Runners(ctx)
	if err != nil || len(runners) != 1 || runners[0].ID != "r1" {
		t.Errorf("%+v, %v", runners, err)
	}
	if r1, err := c.Runner(ctx, "r1"); err != nil || r1.State != "running" {
		t.Errorf("%+v, %v", r1, err)
	}
	keys, err := c.Keys(ctx, wire.KeyQuery{})
	if err != nil || len(keys.Keys) != 3 || keys.Founding == "" {
		t.Errorf("%+v, %v", keys, err)
	}
	if info, err := c.Info(ctx); err != nil || info.Namespace != rpcapitest.Namespace || info.Limits.Batch != 256 {
		t.Errorf("%+v, %v", info, err)
	}
}

// What the supervisor refuses, the client says in the domain's words, once.
func TestErrors(t *testing.T) {
	s := newSystem(t)
	c := s.client(t, signing.PrivateKey{})
	_, err := c.Get(t.Context(), "nowhere")
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Code != domain.NotFound || e.Reason != "job" || domain.CodeOf(err) != domain.NotFound {
		t.Errorf("%#v", err)
	}
	if _, err = c.Submit(t.Context(), client.NewJob("x")); domain.CodeOf(err) != domain.Invalid {
		t.Errorf("a job without a runner: %v", err)
	}
	if _, err = s.client(t, rpcapitest.Key(7)).Submit(t.Context(), client.NewJob("x").Runner("r1")); domain.CodeOf(err) != domain.Forbidden {
		t.Errorf("nobody's key: %v", err)
	}
	if _, err := c.SubmitText(t.Context(), wire.JobText(`{"payload":"x","runner":"r1"}`)); domain.ReasonOf(err) != "id" {
		t.Errorf("a text without an id: %v", err)
	}
	if r, err := c.SubmitText(t.Context(), wire.JobText(`{"id":"mine", "payload":"x","runner":"r1"}`)); err != nil || r.ID != "mine" {
		t.Errorf("a text with an id: %v, %v", r, err)
	}
	err = c.Call(t.Context(), "job.gett", nil, nil)
	if e, _ := errors.AsType[*client.Error](err); e == nil || e.Nearest != "job.get" || err.Error() != "call job.gett: Method not found; did you mean job.get? (unknown_method)" {
		t.Errorf("a method that there is not: %v", err)
	}
	for _, cfg := range []client.Config{{}, {Addresses: []string{"127.0.0.1:3030"}}} {
		if _, err := client.New(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}

// However an answer is lost, the job is there once: what is sent again is the
// very same.
func TestLostAnswers(t *testing.T) {
	s := newSystem(t)
	c := s.client(t, signing.PrivateKey{})
	good := s.door.Load()
	for name, spoil := range map[string]http.HandlerFunc{
		"the connection breaks": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a proxy answers":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"somebody else leads": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"ask again","data":{"reason":"not_leader","retry":"later","after_ms":5}}}`)
		},
		"nobody knows": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32013,"message":"ask again","data":{"reason":"unanswered","retry":"same-id"}}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex // a handler whose connection was cut may still run beside the next
			var sent []string
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				sent = append(sent, string(body))
				if len(sent) == 3 {
					s.door.Store(good)
				}
				mu.Unlock()
				spoil(w, r)
			})
			s.door.Store(&handler)
			receipt, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1"))
			if err != nil || receipt.ID == "" || receipt.Duplicate {
				t.Errorf("%+v, %v", receipt, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(sent) != 3 || sent[0] != sent[1] || sent[1] != sent[2] {
				t.Errorf("sent %q", sent)
			}
			again, err := c.Get(t.Context(), receipt.ID)
			if err != nil || again.Attempt != 1 {
				t.Errorf("%+v, %v", again, err)
			}
		})
	}
}

// A client that is told no gives up at once, and one that is told later gives
// up in the end.
func TestGivingUp(t *testing.T) {
	s := newSystem(t)
	c := s.client(t, signing.PrivateKey{})
	for retry, want := range map[string]int{"no": 1, "later": 6} {
		sent := 0
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			sent++
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32010,"message":"full","data":{"reason":"memory","retry":"`+retry+`"}}}`)
		})
		s.door.Store(&handler)
		_, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1"))
		if domain.CodeOf(err) != domain.Overloaded || sent != want {
			t.Errorf("%s: %v after %d", retry, err, sent)
		}
	}
}

// An address that nobody answers at is passed over, and the next call begins
// with the one that did.
func TestAddresses(t *testing.T) {
	s := newSystem(t)
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	c := s.client(t, signing.PrivateKey{}, dead.URL)
	if _, err := c.Info(t.Context()); err != nil {
		t.Error(err)
	}
	all, err := client.New(client.Config{Addresses: []string{dead.URL}})
	if err != nil {
		t.Fatal(err)
	}
	client.WithoutPauses(all)
	_, err = all.Info(t.Context())
	if _, ok := errors.AsType[*client.UnreachableError](err); !ok {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Info(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A supervisor that stands by answers, but cannot do what it is asked. The client
// once asked it again and again and never the one that led.
func TestStandBys(t *testing.T) {
	s := newSystem(t)
	const refusal = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32011,"message":"ask another","data":{"reason":"no_leader","retry":"later"}}}`
	var asked atomic.Int32
	standBy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		var calls []struct{ ID json.RawMessage }
		body, _ := io.ReadAll(r.Body)
		if json.Unmarshal(body, &calls) != nil {
			_, _ = fmt.Fprintf(w, refusal, "0")
			return
		}
		answers := make([]string, len(calls))
		for i, call := range calls {
			answers[i] = fmt.Sprintf(refusal, call.ID)
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(answers, ","))
	}))
	t.Cleanup(standBy.Close)
	c := s.client(t, rpcapitest.Key(3), standBy.URL)
	key := rpcapitest.Key(3)
	if _, err := c.AddKey(t.Context(), client.Admission(rpcapitest.Namespace, access.Client, "alice", key)); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the stand-by was asked %d times, want once", n)
	}

	c = s.client(t, key, standBy.URL)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Submit(t.Context(), client.NewJob("echo hello").Runner("r1")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// Company travels together, and each gets his own answer.
func TestCompany(t *testing.T) {
	s := newSystem(t)
	c := s.client(t, signing.PrivateKey{})
	const callers, each = 32, 8
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for k := range each {
				id := fmt.Sprintf("j-%d-%d", i, k)
				j := client.NewJob("x").ID(id)
				if k%2 == 0 {
					j = j.Runner("r1")
				}
				receipt, err := c.Submit(t.Context(), j)
				if k%2 == 0 && (err != nil || receipt.ID != id) {
					t.Errorf("%s: %+v, %v", id, receipt, err)
				}
				if k%2 == 1 && domain.CodeOf(err) != domain.Invalid {
					t.Errorf("%s, which names no runner: %v", id, err)
				}
			}
		})
	}
	running.Wait()
}

// While messages are under way, submits gather in one.
func TestGathering(t *testing.T) {
	s := newSystem(t)
	c := s.client(t, signing.PrivateKey{})
	var (
		mu    sync.Mutex
		sizes []int
	)
	arrived, release := make(chan struct{}, 64), make(chan struct{})
	good := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		var call struct {
			Method string
			Params struct{ Jobs []json.RawMessage }
		}
		if err := json.Unmarshal(body, &call); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, max(len(call.Params.Jobs), 1))
		mu.Unlock()
		arrived <- struct{}{}
		<-release
		const receipt = `{"id":"j","state":"queued","durability":"memory","duplicate":false}`
		text := `{"jsonrpc":"2.0","id":1,"result":` + receipt + `}`
		if call.Method == "jobs.submit_many" {
			verdicts := strings.Repeat(`,{"receipt":`+receipt+`}`, len(call.Params.Jobs))[1:]
			text = `{"jsonrpc":"2.0","id":1,"result":{"verdicts":[` + verdicts + `]}}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	})
	s.door.Store(&good)
	var running sync.WaitGroup
	submit := func() {
		running.Go(func() {
			if _, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1")); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 { // two lone ones go at once
		submit()
		<-arrived
	}
	for range 10 {
		submit()
	}
	client.AwaitGathered(c, 10)
	close(release)
	running.Wait()
	if diff := cmp.Diff([]int{1, 1, 10}, sizes); diff != "" {
		t.Error(diff)
	}
}

// A wait that is in vain goes on until its context ends.
func TestWaitEnds(t *testing.T) {
	s := newSystem(t)
	c := s.client(t, signing.PrivateKey{})
	ctx, cancel := context.WithCancel(t.Context())
	polls := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if polls++; polls == 3 {
			cancel()
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"ask again","data":{"reason":"still_running","retry":"later"}}}`)
	})
	s.door.Store(&handler)
	if _, err := c.Wait(ctx, "j1"); !errors.Is(err, context.Canceled) || polls != 3 {
		t.Errorf("%v after %d polls", err, polls)
	}
}
