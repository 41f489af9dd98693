package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// Ten thousand jobs, of which a few are not good, each with a verdict in its
// place; the same again are duplicates.
func TestSubmitMany(t *testing.T) {
	s := newSystem(t)
	key := rpcapitest.Key(3)
	s.Admit(key, access.Client, "alice", 0)
	c := s.client(t, key)
	jobs := make([]client.Job, 10_000)
	for i := range jobs {
		jobs[i] = client.NewJob("date").Executor("sh").ID(fmt.Sprintf("j%d", i))
	}
	verdicts, err := c.SubmitMany(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Err != nil || v.Receipt.ID != fmt.Sprintf("j%d", i) || v.Receipt.Duplicate {
			t.Fatalf("job %d: %+v", i, v)
		}
	}
	view, err := c.Get(t.Context(), "j9999")
	if err != nil || view.Submitter != event.ByClient(string(key.Public().ID())) || view.Audience != rpcapitest.Namespace {
		t.Errorf("%+v, %v", view, err)
	}
	mixed := []client.Job{jobs[0], client.NewJob("date").ID("nowhere"), client.NewJob("date").Executor("sh")}
	verdicts, err = c.SubmitMany(t.Context(), mixed)
	if domain.CodeOf(err) != domain.Invalid || !strings.Contains(err.Error(), "1 of 3 jobs") || !strings.Contains(err.Error(), "number 1") {
		t.Errorf("%v", err)
	}
	if !verdicts[0].Receipt.Duplicate || verdicts[1].Err == nil || verdicts[2].Receipt.ID == "" {
		t.Errorf("%+v", verdicts)
	}
	if verdicts, err = c.SubmitMany(t.Context(), nil); err != nil || len(verdicts) != 0 {
		t.Errorf("of none: %v, %v", verdicts, err)
	}
}

// Who has a wrong API key is told so once, not for each thousand of his jobs:
// ten wrong keys would use up the supervisor's patience.
func TestSubmitManyByNobody(t *testing.T) {
	s := newSystem(t)
	c, err := client.New(client.Config{Addresses: []string{s.url}, APIKey: "wrong", Key: rpcapitest.Key(3)})
	if err != nil {
		t.Fatal(err)
	}
	jobs := make([]client.Job, 2_500)
	for i := range jobs {
		jobs[i] = client.NewJob("date").Executor("sh")
	}
	verdicts, err := c.SubmitMany(t.Context(), jobs)
	if domain.ReasonOf(err) != "secret" || !strings.Contains(err.Error(), "2500 of 2500 jobs") {
		t.Errorf("%v", err)
	}
	if last := verdicts[len(jobs)-1].Err; !errors.Is(last, verdicts[0].Err) {
		t.Errorf("the last was sent: %v", last)
	}
}

// An answer that is lost is asked for again, with the same ids.
func TestSubmitManyAsksAgain(t *testing.T) {
	s := newSystem(t)
	key := rpcapitest.Key(3)
	s.Admit(key, access.Client, "alice", 0)
	c := s.client(t, key)
	var lost sync.Once
	closed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lost.Do(func() { s.door.Store(nil) })
		http.Error(w, "bad gateway", http.StatusBadGateway)
	})
	s.door.Store(&closed)
	verdicts, err := c.SubmitMany(t.Context(), []client.Job{client.NewJob("a").Runner("r1"), client.NewJob("b").Runner("r1")})
	if err != nil || verdicts[0].Receipt.ID == verdicts[1].Receipt.ID {
		t.Errorf("%+v, %v", verdicts, err)
	}
}

// Submits that gather are signed once, and stand in the history as any others.
func TestWhatGathersIsSignedTogether(t *testing.T) {
	s := newSystem(t)
	key := rpcapitest.Key(3)
	s.Admit(key, access.Client, "alice", 0)
	c := s.client(t, key)
	var running sync.WaitGroup
	for i := range 200 {
		running.Go(func() {
			if _, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1").ID(fmt.Sprintf("j%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	raws, err := s.Store.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	bulks := 0
	for _, raw := range raws {
		if strings.Contains(string(raw.Event), `"bulk":{`) {
			bulks++
		}
	}
	if bulks == 0 {
		t.Error("nothing was signed together")
	}
}

// A supervisor that cannot tell its namespace now takes jobs all the same: each
// is signed by itself. It once kept them all out.
func TestSubmitManyWithoutANamespace(t *testing.T) {
	s := newSystem(t)
	key := rpcapitest.Key(3)
	s.Admit(key, access.Client, "alice", 0)
	c := s.client(t, key)
	var failed sync.Once
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		failed.Do(func() { s.door.Store(nil) })
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"internal error"}}`)
	})
	s.door.Store(&broken)
	verdicts, err := c.SubmitMany(t.Context(), []client.Job{client.NewJob("a").Runner("r1"), client.NewJob("b").Runner("r1")})
	if err != nil {
		t.Fatalf("%+v, %v", verdicts, err)
	}
	view, err := c.Get(t.Context(), verdicts[1].Receipt.ID)
	if err != nil || view.Submitter != event.ByClient(string(key.Public().ID())) || view.Audience != "" {
		t.Errorf("%+v, %v", view, err)
	}
}

// Who has an API key that is bound to a runner may not ask for the namespace: each
// of his jobs is signed by itself, those that he may submit are taken in, and the
// others are refused alone.
func TestSubmitManyWithABoundKey(t *testing.T) {
	s := newSystem(t)
	key := rpcapitest.Key(3)
	s.Admit(key, access.Client, "alice", 0)
	admin := s.client(t, signing.PrivateKey{})
	for name, ask := range map[string]wire.AddSecret{
		"runner": {Name: "of-r1", Scope: access.User, Runners: []string{"r1"}},
		"kind":   {Name: "of-sh", Scope: access.User, Kinds: []string{"sh"}},
	} {
		t.Run(name, func(t *testing.T) {
			added, err := admin.AddSecret(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			c, err := client.New(client.Config{Addresses: []string{s.url}, APIKey: added.Key, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Info(t.Context()); domain.CodeOf(err) != domain.Forbidden {
				t.Fatalf("it may ask for the namespace: %v", err)
			}
			mine := func(payload string) client.Job {
				if name == "kind" {
					return client.NewJob(payload).Executor("sh")
				}
				return client.NewJob(payload).Runner("r1")
			}
			verdicts, err := c.SubmitMany(t.Context(), []client.Job{mine("a"), client.NewJob("b").Runner("r2"), mine("c")})
			if domain.CodeOf(err) != domain.Forbidden || domain.CodeOf(verdicts[1].Err) != domain.Forbidden {
				t.Errorf("another runner's job: %v", err)
			}
			for _, i := range []int{0, 2} {
				view, err := c.Get(t.Context(), verdicts[i].Receipt.ID)
				if err != nil || verdicts[i].Err != nil || view.Submitter != event.ByClient(string(key.Public().ID())) {
					t.Errorf("job %d: %+v, %v, %+v", i, verdicts[i], err, view)
				}
			}
		})
	}
}
