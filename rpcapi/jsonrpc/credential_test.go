package jsonrpc_test

import (
	"context"
	"testing"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type oldCall struct {
	Secret string `json:"secret"`
	JobID  string `json:"job_id" validate:"required"`
}

// A secret that stands first may be left out by whoever sends it in the header.
func TestCredentialByPosition(t *testing.T) {
	s, err := jsonrpc.New([]jsonrpc.Method{
		jsonrpc.Define(jsonrpc.Info{Name: "start", Credential: "secret"}, func(_ context.Context, p oldCall) (string, error) {
			return p.Secret + "/" + p.JobID, nil
		}),
	}, jsonrpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const missing = `{"jsonrpc":"2.0","error":{"code":-32602,"message":"job_id is required","data":{"reason":"missing","retry":"no","pointer":"/job_id"}},"id":1}`
	for name, c := range map[string]struct{ bearer, params, want string }{
		"both, without a header":        {"", `["s","j"]`, `{"jsonrpc":"2.0","result":"s/j","id":1}`},
		"both, with a header":           {"h", `["s","j"]`, `{"jsonrpc":"2.0","result":"s/j","id":1}`},
		"the second, with a header":     {"h", `["j"]`, `{"jsonrpc":"2.0","result":"/j","id":1}`},
		"one, without a header":         {"", `["s"]`, missing},
		"none, with a header":           {"h", `[]`, missing},
		"by name, with a header":        {"h", `{"job_id":"j"}`, `{"jsonrpc":"2.0","result":"/j","id":1}`},
		"by name in an array":           {"h", `[{"job_id":"j"}]`, `{"jsonrpc":"2.0","result":"/j","id":1}`},
		"by name in an array, a secret": {"", `[{"secret":"s","job_id":"j"}]`, `{"jsonrpc":"2.0","result":"s/j","id":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := jsonrpc.WithCaller(t.Context(), jsonrpc.Caller{Bearer: c.bearer})
			same(t, string(s.Handle(ctx, []byte(`{"jsonrpc":"2.0","method":"start","params":`+c.params+`,"id":1}`))), c.want)
		})
	}
}

func TestCredentialThatIsNotFirst(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Define took a credential that is not the first parameter")
		}
	}()
	jsonrpc.Define(jsonrpc.Info{Name: "start", Credential: "job_id"}, func(context.Context, oldCall) (string, error) { return "", nil })
}
