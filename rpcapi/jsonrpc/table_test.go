package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type subtraction struct {
	Minuend    int `json:"minuend"`
	Subtrahend int `json:"subtrahend"`
}

type five struct {
	A int `json:"a"`
	B int `json:"b"`
	C int `json:"c"`
	D int `json:"d"`
	E int `json:"e"`
}

type credentials struct {
	Secret string `json:"secret"`
}

type job struct {
	ID      string            `json:"id" validate:"required,max=8,pattern" pattern:"^[a-z0-9]+$"`
	Timeout *int              `json:"timeout" validate:"omitempty,min=1,max=86400"`
	Env     map[string]string `json:"env" validate:"max=2,dive,keys,pattern,endkeys,max=4" pattern:"^[A-Z/~]+$"`
	Tags    []string          `json:"tags" validate:"dive,pattern" pattern:"^[a-z]+$"`
}

type submission struct {
	credentials
	Job job `json:"job" validate:"required"`
}

// methods is the table of the tests: those of the specification's examples,
// and some to be called badly. None of them has a defect.
func methods() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(jsonrpc.Info{Name: "subtract"}, func(_ context.Context, p subtraction) (int, error) {
			return p.Minuend - p.Subtrahend, nil
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "sum"}, sum),
		jsonrpc.Define(jsonrpc.Info{Name: "update"}, sum),
		jsonrpc.Define(jsonrpc.Info{Name: "notify_sum"}, sum),
		jsonrpc.Define(jsonrpc.Info{Name: "notify_hello"}, sum),
		jsonrpc.Define(jsonrpc.Info{Name: "get_data"}, func(context.Context, struct{}) ([]any, error) {
			return []any{"hello", 5}, nil
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "submit", Mutates: true}, func(_ context.Context, p submission) (string, error) {
			return p.Job.ID, nil
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "wrap"}, func(_ context.Context, p struct {
			Params map[string]int `json:"params"`
		},
		) (int, error) {
			return len(p.Params), nil
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "repeat"}, func(_ context.Context, p struct {
			Size int `json:"size"`
		},
		) (string, error) {
			return strings.Repeat("x", p.Size), nil
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "drop"}, func(context.Context, struct{}) (jsonrpc.Null, error) {
			return jsonrpc.Null{}, nil
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "overloaded"}, func(context.Context, struct{}) (int, error) {
			return 0, jsonrpc.RetryAfter(domain.Errorf(domain.Overloaded, "memory", "come back later"), 1500*time.Microsecond)
		}),
	}
}

// defects are methods that go wrong by no fault of the caller.
func defects() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(jsonrpc.Info{Name: "break"}, func(context.Context, struct{}) (int, error) {
			return 0, errors.New("dial 10.0.0.1: secret detail")
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "panic"}, func(context.Context, struct{}) (int, error) {
			panic("secret detail")
		}),
		jsonrpc.Define(jsonrpc.Info{Name: "unmarshallable"}, func(context.Context, struct{}) (any, error) {
			return map[string]any{"a": 1, "b": func() {}}, nil
		}),
	}
}

func sum(_ context.Context, p five) (int, error) { return p.A + p.B + p.C + p.D + p.E, nil }

// newServer makes a server for the table of the tests.
func newServer(t testing.TB, o jsonrpc.Options) *jsonrpc.Server {
	t.Helper()
	s, err := jsonrpc.New(append(methods(), defects()...), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same fails the test unless two JSON texts say the same.
func same(t testing.TB, got, want string) {
	t.Helper()
	if diff := cmp.Diff(parse(t, want), parse(t, got)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func parse(t testing.TB, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return value
}

// journal keeps what a server was observed to do.
type journal struct {
	mu sync.Mutex

	seen []jsonrpc.Observation
}

func (j *journal) observe(o jsonrpc.Observation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	o.Took = 0
	j.seen = append(j.seen, o)
}
