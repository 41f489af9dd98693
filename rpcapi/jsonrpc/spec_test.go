package jsonrpc_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Every example of the specification is answered as it is written there.
func TestSpecification(t *testing.T) {
	text, err := os.ReadFile("testdata/jsonrpc2-spec-examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Examples []struct {
			Name     string          `json:"name"`
			Request  string          `json:"request_raw"`
			Response json.RawMessage `json:"response"`
			None     bool            `json:"no_response"`
		} `json:"examples"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Examples) == 0 {
		t.Fatal("no examples")
	}
	s := newServer(t, jsonrpc.Options{})
	for _, example := range file.Examples {
		t.Run(example.Name, func(t *testing.T) {
			want := string(example.Response)
			if example.None {
				want = ""
			}
			same(t, string(s.Handle(t.Context(), []byte(example.Request))), want)
		})
	}
}
