package rpcapi_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/jhttp"
)

// bearerOf adds an API key to each message of a library that knows nothing of it.
type bearerOf struct{ secret string }

func (b bearerOf) Do(req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer "+b.secret)
	return http.DefaultClient.Do(req)
}

// Whoever has a library for JSON-RPC 2.0 needs none of ours: calls, batches and
// errors are what it expects.
func TestALibraryOfSomebodyElseIsAnswered(t *testing.T) {
	s := newServer(t, countersign)
	channel := jhttp.NewChannel(s.url, &jhttp.ChannelOptions{Client: bearerOf{userSecret}})
	c := jrpc2.NewClient(channel, nil)
	defer func() { _ = c.Close() }()

	job := map[string]any{"id": "theirs", "payload": "echo hello", "runner": "r1"}
	var receipt struct{ ID, State string }
	if err := c.CallResult(t.Context(), "jobs.submit", map[string]any{"job": job}, &receipt); err != nil || receipt.ID != "theirs" {
		t.Fatalf("jobs.submit: %+v, %v", receipt, err)
	}
	var id string
	if err := c.CallResult(t.Context(), "create_job", []any{"", job}, &id); err != nil || id != "theirs" {
		t.Errorf("create_job by position: %q, %v", id, err)
	}
	answers, err := c.Batch(t.Context(), []jrpc2.Spec{
		{Method: "job.get", Params: map[string]any{"id": "theirs"}},
		{Method: "job.get", Params: map[string]any{"id": "nobody's"}},
		{Method: "no.such"},
	})
	if err != nil || len(answers) != 3 {
		t.Fatalf("a batch: %d answers, %v", len(answers), err)
	}
	for i, want := range []jrpc2.Code{0, -32602, -32601} {
		if e := answers[i].Error(); want == 0 && e != nil || want != 0 && (e == nil || e.Code != want) {
			t.Errorf("answer %d: %v, want %d", i, e, want)
		}
	}
	err = c.CallResult(t.Context(), "job.get", map[string]any{"id": "nobody"}, nil)
	if e, ok := errors.AsType[*jrpc2.Error](err); !ok || e.Code != -32003 || len(e.Data) == 0 {
		t.Errorf("no such job: %v", err)
	}
}
