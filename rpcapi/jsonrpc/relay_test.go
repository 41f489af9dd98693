package jsonrpc_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// elsewhere is a relay that answers by itself and keeps what it was given, one
// list a message.
type elsewhere struct {
	here   bool
	passed [][]string
	answer func(params string) jsonrpc.Answer
}

func (e *elsewhere) Here() bool { return e.here }

func (e *elsewhere) Pass(_ context.Context, calls []jsonrpc.Outgoing) []jsonrpc.Answer {
	var message []string
	answers := make([]jsonrpc.Answer, len(calls))
	for i, call := range calls {
		message = append(message, call.Method.Name+" "+string(call.Params))
		answers[i] = e.answer(string(call.Params))
	}
	e.passed = append(e.passed, message)
	return answers
}

// Of a batch, what changes something and was found right travels together, word
// for word; the rest is answered as ever.
func TestWhatChangesSomethingIsPassedOnTogether(t *testing.T) {
	other := &elsewhere{answer: func(params string) jsonrpc.Answer {
		switch {
		case strings.Contains(params, "refused"):
			return jsonrpc.Answer{Err: &jsonrpc.Error{Code: -32004, Message: "no", Data: &jsonrpc.Data{Reason: "job", Retry: "no"}}}
		case strings.Contains(params, "nobody"):
			return jsonrpc.Answer{Err: domain.Errorf(domain.TryAgain, "no_leader", "ask again")}
		case strings.Contains(params, "back"):
			return jsonrpc.Answer{Here: true}
		}
		return jsonrpc.Answer{Result: []byte(`{"at":"the leader"}`)}
	}}
	var seen journal
	s := newServer(t, jsonrpc.Options{Relay: other, Observe: seen.observe})
	batch := `[
		{"jsonrpc":"2.0","method":"submit","params":{ "secret":"s", "job":{"id":"a"}},"id":"x"},
		{"jsonrpc":"2.0","method":"subtract","params":[5,2],"id":1},
		{"jsonrpc":"2.0","method":"submit","params":["s",{"id":"refused"}],"id":1},
		{"jsonrpc":"2.0","method":"submit","params":{"job":{"id":"NOT GOOD"}},"id":2},
		{"jsonrpc":"2.0","method":"submit","params":{"job":{"id":"b"}}},
		{"jsonrpc":"2.0","method":"submit","params":{"job":{"id":"nobody"}},"id":null},
		{"jsonrpc":"2.0","method":"submit","params":{"job":{"id":"back"}},"id":5}]`
	answer := string(s.Handle(t.Context(), []byte(batch)))
	same(t, answer, `[
		{"jsonrpc":"2.0","result":{"at":"the leader"},"id":"x"},
		{"jsonrpc":"2.0","result":3,"id":1},
		{"jsonrpc":"2.0","error":{"code":-32004,"message":"no","data":{"reason":"job","retry":"no"}},"id":1},
		{"jsonrpc":"2.0","error":{"code":-32602,"message":"job.id must match ^[a-z0-9]+$","data":{"reason":"pattern","retry":"no","pointer":"/job/id"}},"id":2},
		{"jsonrpc":"2.0","error":{"code":-32011,"message":"ask again","data":{"reason":"no_leader","retry":"later"}},"id":null},
		{"jsonrpc":"2.0","result":"back","id":5}]`)
	want := [][]string{{
		`submit { "secret":"s", "job":{"id":"a"}}`, `submit ["s",{"id":"refused"}]`,
		`submit {"job":{"id":"nobody"}}`, `submit {"job":{"id":"back"}}`,
	}}
	if diff := cmp.Diff(want, other.passed); diff != "" {
		t.Errorf("passed on (-want +got):\n%s", diff)
	}
	var reasons []string
	for _, o := range seen.seen {
		reasons = append(reasons, fmt.Sprint(o.Method, o.Code))
	}
	slices.Sort(reasons)
	if diff := cmp.Diff([]string{"submit-32004", "submit-32011", "submit-32600", "submit-32602", "submit0", "submit0", "subtract0"}, reasons); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

func TestALoneCallIsPassedOn(t *testing.T) {
	other := &elsewhere{answer: func(string) jsonrpc.Answer { return jsonrpc.Answer{Result: []byte(`1`)} }}
	s := newServer(t, jsonrpc.Options{Relay: other})
	for method, want := range map[string]string{"submit": `1`, "drop": `null`} {
		params := map[string]string{"submit": `{"job":{"id":"a"}}`, "drop": `[]`}[method]
		same(t, string(s.Handle(t.Context(), call(method, params))), `{"jsonrpc":"2.0","result":`+want+`,"id":1}`)
	}
	if len(other.passed) != 1 {
		t.Errorf("passed on %q, want one message", other.passed)
	}
	other.here = true
	same(t, string(s.Handle(t.Context(), call("submit", `{"job":{"id":"a"}}`))), `{"jsonrpc":"2.0","result":"a","id":1}`)
	if len(other.passed) != 1 {
		t.Errorf("passed on %q by the one who answers himself", other.passed)
	}
}

// Whoever may not call has nothing passed on, and an answer from elsewhere has
// no more room than one from here.
func TestWhatIsNotPassedOn(t *testing.T) {
	other := &elsewhere{answer: func(string) jsonrpc.Answer {
		return jsonrpc.Answer{Result: []byte(`"` + strings.Repeat("x", 5000) + `"`)}
	}}
	closed := newServer(t, jsonrpc.Options{Relay: other, Before: func(ctx context.Context, _ jsonrpc.Call) (context.Context, error) {
		return ctx, domain.Errorf(domain.Forbidden, "scope", "no")
	}})
	if answer := string(closed.Handle(t.Context(), call("submit", `{"job":{"id":"a"}}`))); !strings.Contains(answer, "-32002") || other.passed != nil {
		t.Errorf("%s, and %q was passed on", answer, other.passed)
	}
	small := newServer(t, jsonrpc.Options{Relay: other, Limits: jsonrpc.Limits{Reply: 4096}})
	if answer := string(small.Handle(t.Context(), call("submit", `{"job":{"id":"a"}}`))); !strings.Contains(answer, `"reason":"reply"`) {
		t.Errorf("a large answer: %.200s", answer)
	}
}
