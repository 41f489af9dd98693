package jsonrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

func call(method, params string) []byte {
	return []byte(`{"jsonrpc":"2.0","method":"` + method + `","params":` + params + `,"id":1}`)
}

func TestParametersMayBeWrittenInManyWays(t *testing.T) {
	for _, row := range []struct{ name, method, params, result string }{
		{"by name", "subtract", `{"minuend":5,"subtrahend":2}`, `3`},
		{"wrapped", "subtract", `{"params":{"minuend":5,"subtrahend":2}}`, `3`},
		{"one object in an array", "subtract", `[{"minuend":5,"subtrahend":2}]`, `3`},
		{"by position", "subtract", `[5,2]`, `3`},
		{"by position, the last left out", "subtract", `[5]`, `5`},
		{"with space", "subtract", "\n[ 5 ,\t2 ] ", `3`},
		{"none in an array", "get_data", `[]`, `["hello",5]`},
		{"none in an object", "get_data", `{}`, `["hello",5]`},
		{"none, wrapped", "get_data", `{"params":{}}`, `["hello",5]`},
		{"none in an object in an array", "get_data", `[{}]`, `["hello",5]`},
		{"an object in its position", "submit", `["s",{"id":"a"}]`, `"a"`},
		{"a parameter called params", "wrap", `{"params":{"a":1,"b":2}}`, `2`},
		{"a parameter called params by position", "wrap", `[{"a":1,"b":2}]`, `2`},
		{"an empty object in its position", "wrap", `[{}]`, `0`},
		{"a name with escapes", "subtract", `{"minu\u0065nd":5}`, `5`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newServer(t, jsonrpc.Options{})
			same(t, string(s.Handle(t.Context(), call(row.method, row.params))),
				`{"jsonrpc":"2.0","result":`+row.result+`,"id":1}`)
		})
	}
}

func TestParametersMayBeAbsent(t *testing.T) {
	s := newServer(t, jsonrpc.Options{})
	same(t, string(s.Handle(t.Context(), []byte(`{"jsonrpc":"2.0","method":"drop","id":"x"}`))),
		`{"jsonrpc":"2.0","result":null,"id":"x"}`)
}

// A caller learns nothing about a defect; the log learns all of it.
func TestDefectsAreHiddenAndLogged(t *testing.T) {
	for _, method := range []string{"break", "panic", "unmarshallable"} {
		t.Run(method, func(t *testing.T) {
			var log bytes.Buffer
			s := newServer(t, jsonrpc.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
			for range 2 { // the server lives on
				same(t, string(s.Handle(t.Context(), call(method, `[]`))),
					`{"jsonrpc":"2.0","error":{"code":-32603,"message":"internal error","data":{"reason":"internal","retry":"no"}},"id":1}`)
			}
			for _, part := range []string{`"method":"` + method + `"`, `"request":1`, `"request":2`} {
				if !strings.Contains(log.String(), part) {
					t.Errorf("log lacks %s: %s", part, &log)
				}
			}
			if method == "panic" && !strings.Contains(log.String(), "table_test.go") {
				t.Errorf("log lacks the stack: %s", &log)
			}
		})
	}
}

func TestUnknownNamesAreCutInTheLog(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, jsonrpc.Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s.Handle(t.Context(), call(strings.Repeat("m", 10_000), `[]`))
	if !strings.Contains(log.String(), "method="+strings.Repeat("m", 64)+"\n") {
		t.Errorf("log: %s", &log)
	}
}

// The specification's words for what is no JSON name no place: the log does.
func TestTheLogSaysWhereAMessageIsNoJSON(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, jsonrpc.Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s.Handle(t.Context(), []byte(` {"id":1,}`))
	if !strings.Contains(log.String(), `error="not JSON at byte 8"`) {
		t.Errorf("log: %s", &log)
	}
}

func TestErrorsOfTheDomainHaveNumbers(t *testing.T) {
	for code, want := range map[domain.Code]string{
		domain.Invalid:         `"code":-32602,"retry":"no"`,
		domain.Unauthenticated: `"code":-32001,"retry":"no"`,
		domain.Forbidden:       `"code":-32002,"retry":"no"`,
		domain.NotFound:        `"code":-32003,"retry":"no"`,
		domain.Conflict:        `"code":-32004,"retry":"no"`,
		domain.Expired:         `"code":-32005,"retry":"no"`,
		domain.TooLarge:        `"code":-32007,"retry":"no"`,
		domain.Stale:           `"code":-32008,"retry":"no"`,
		domain.NotDurable:      `"code":-32009,"retry":"same-id"`,
		domain.Overloaded:      `"code":-32010,"retry":"later"`,
		domain.TryAgain:        `"code":-32011,"retry":"later"`,
		domain.Halted:          `"code":-32012,"retry":"no"`,
		domain.Indeterminate:   `"code":-32013,"retry":"same-id"`,
		domain.Internal:        `"code":-32603,"retry":"no"`,
	} {
		t.Run(code.String(), func(t *testing.T) {
			failure := failWith(t, fmt.Errorf("append: %w", domain.Errorf(code, "word", "sentence")))
			data := failure["data"].(map[string]any)
			if got := fmt.Sprintf(`"code":%v,"retry":"%v"`, failure["code"], data["retry"]); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if code != domain.Internal && (failure["message"] != "sentence" || data["reason"] != "word") {
				t.Errorf("got %v", failure)
			}
		})
	}
}

func TestErrorsSayWhenToComeBack(t *testing.T) {
	s := newServer(t, jsonrpc.Options{})
	same(t, string(s.Handle(t.Context(), call("overloaded", `[]`))), `{"jsonrpc":"2.0","error":{"code":-32010,
		"message":"come back later","data":{"reason":"memory","retry":"later","after_ms":2}},"id":1}`)
	failure := failWith(t, fmt.Errorf("limit: %w", jsonrpc.RateLimited(time.Second)))
	if failure["code"] != -32006.0 || failure["data"].(map[string]any)["after_ms"] != 1000.0 {
		t.Errorf("got %v", failure)
	}
}

// A call that was cut off has failed for certain only when it changes nothing.
func TestCallsThatAreCutOff(t *testing.T) {
	for mutates, want := range map[bool]float64{false: -32011, true: -32013} {
		m := jsonrpc.Define(jsonrpc.Info{Name: "m", Mutates: mutates},
			func(context.Context, struct{}) (int, error) { return 0, fmt.Errorf("wait: %w", context.Canceled) })
		if failure := answerOf(t, m); failure["code"] != want {
			t.Errorf("mutates %v: got %v", mutates, failure)
		}
	}
}

func failWith(t *testing.T, err error) map[string]any {
	t.Helper()
	return answerOf(t, jsonrpc.Define(jsonrpc.Info{Name: "m"},
		func(context.Context, struct{}) (int, error) { return 0, err }))
}

// answerOf calls the method m and returns the error that it must give.
func answerOf(t *testing.T, m jsonrpc.Method) map[string]any {
	t.Helper()
	s, err := jsonrpc.New([]jsonrpc.Method{m}, jsonrpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(s.Handle(t.Context(), call("m", `[]`)))).(map[string]any)["error"].(map[string]any)
}

// Before sees the decoded parameters, may change them, and decides before
// their values are judged.
func TestBefore(t *testing.T) {
	type key struct{}
	var got any
	who := jsonrpc.Define(jsonrpc.Info{Name: "who"}, func(ctx context.Context, p submission) (string, error) {
		got = ctx.Value(key{})
		return p.Secret, nil
	})
	s, err := jsonrpc.New([]jsonrpc.Method{who}, jsonrpc.Options{
		Before: func(ctx context.Context, c jsonrpc.Call) (context.Context, error) {
			p := c.Params.(*submission)
			if p.Secret != "open" || c.Method.Name != "who" {
				return nil, domain.Errorf(domain.Unauthenticated, "secret", "who are you?")
			}
			p.Secret = ""
			return context.WithValue(ctx, key{}, "admin"), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, string(s.Handle(t.Context(), call("who", `["open",{"id":"a"}]`))), `{"jsonrpc":"2.0","result":"","id":1}`)
	if got != "admin" {
		t.Errorf("the method got %v", got)
	}
	same(t, string(s.Handle(t.Context(), call("who", `["shut",{"id":"WRONG"}]`))),
		`{"jsonrpc":"2.0","error":{"code":-32001,"message":"who are you?","data":{"reason":"secret","retry":"no"}},"id":1}`)
}

func TestObserve(t *testing.T) {
	var j journal
	s := newServer(t, jsonrpc.Options{Observe: j.observe, Limits: jsonrpc.Limits{Parallel: 1}})
	s.Handle(t.Context(), []byte(`[`+withID("1")+`,{"jsonrpc":"2.0","method":"nope"},1]`))
	s.Handle(t.Context(), []byte(`[`))
	want := []jsonrpc.Observation{
		{Method: "subtract"},
		{Method: "unknown", Code: -32601, Notification: true},
		{Method: "unknown", Code: -32600},
		{Method: "unknown", Code: -32700},
	}
	if diff := cmp.Diff(want, j.seen); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// All calls of a batch are under way at once, and are answered in order.
func TestBatchRunsTogether(t *testing.T) {
	const n = 256
	var everyone sync.WaitGroup
	everyone.Add(n)
	meet := jsonrpc.Define(jsonrpc.Info{Name: "meet"}, func(_ context.Context, p struct {
		N int `json:"n"`
	},
	) (int, error) {
		everyone.Done()
		everyone.Wait() // blocks for ever unless all are here
		return p.N, nil
	})
	s, err := jsonrpc.New([]jsonrpc.Method{meet}, jsonrpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var batch, want []string
	for i := range n {
		batch = append(batch, fmt.Sprintf(`{"jsonrpc":"2.0","method":"meet","params":[%d],"id":%d}`, i, i))
		want = append(want, fmt.Sprintf(`{"jsonrpc":"2.0","result":%d,"id":%d}`, i, i))
	}
	same(t, string(s.Handle(t.Context(), []byte(`[`+strings.Join(batch, ",")+`]`))), `[`+strings.Join(want, ",")+`]`)
}

func TestReplyHasALimit(t *testing.T) {
	s := newServer(t, jsonrpc.Options{Limits: jsonrpc.Limits{Reply: 16 << 10, Parallel: 1}})
	tooMuch := `{"jsonrpc":"2.0","error":{"code":-32007,"message":"the reply would be too large; ask for less at once",` +
		`"data":{"reason":"reply","retry":"no"}},"id":1}`
	same(t, string(s.Handle(t.Context(), call("repeat", `[20000]`))), tooMuch)

	half := string(call("repeat", `[5000]`))
	reply := string(s.Handle(t.Context(), []byte(`[`+half+`,`+half+`,`+half+`,`+string(call("repeat", `[3]`))+`]`)))
	fits := `{"jsonrpc":"2.0","result":"` + strings.Repeat("x", 5000) + `","id":1}`
	same(t, reply, `[`+fits+`,`+tooMuch+`,`+tooMuch+`,{"jsonrpc":"2.0","result":"xxx","id":1}]`)
}

func TestMessageHasALimit(t *testing.T) {
	s := newServer(t, jsonrpc.Options{Limits: jsonrpc.Limits{Message: 10}})
	same(t, string(s.Handle(t.Context(), []byte(`[1,2,3,4,5]`))),
		`{"jsonrpc":"2.0","error":{"code":-32007,"message":"a message may have 10 bytes","data":{"reason":"size","retry":"no"}},"id":null}`)
}

func TestTablesThatAreWrong(t *testing.T) {
	noop := func(context.Context, struct{}) (int, error) { return 0, nil }
	twice := jsonrpc.Define(jsonrpc.Info{Name: "twice"}, noop)
	for name, methods := range map[string][]jsonrpc.Method{
		"the same name twice": {twice, twice},
		"a bad rule": {defineWith[struct {
			A int `json:"a" validate:"nonsense"`
		}]()},
		"a rule without its pattern": {defineWith[struct {
			A string `json:"a" validate:"pattern"`
		}]()},
		"a bad pattern": {defineWith[struct {
			A string `json:"a" validate:"pattern" pattern:"("`
		}]()},
		"made by hand": {{}},
	} {
		if _, err := jsonrpc.New(methods, jsonrpc.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, define := range map[string]func(){
		"no name": func() { jsonrpc.Define(jsonrpc.Info{}, noop) },
		"no struct": func() {
			jsonrpc.Define(jsonrpc.Info{Name: "m"}, func(context.Context, int) (int, error) { return 0, nil })
		},
		"a name twice": func() {
			defineWith[struct {
				A int `json:"B"`
				B int
			}]()
		},
		"another type in an example": func() {
			jsonrpc.Define(jsonrpc.Info{Name: "m", Examples: []jsonrpc.Example{{Params: 1}}}, noop)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			define()
		}()
	}
}

func defineWith[P any]() jsonrpc.Method {
	return jsonrpc.Define(jsonrpc.Info{Name: "m"}, func(context.Context, P) (int, error) { return 0, nil })
}
