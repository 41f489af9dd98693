package jsonrpc_test

import (
	"encoding/json"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// response is an answer as the standard library reads it.
type response struct {
	Version string          `json:"jsonrpc"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	ID json.RawMessage `json:"id"`
}

// FuzzHandle compares the server with encoding/json: what that cannot read is
// never more than a parse error, what is answered well was a request in its
// eyes too, every answer is JSON-RPC, and none is an internal error.
func FuzzHandle(f *testing.F) {
	whole := `[{"jsonrpc":"2.0","method":"submit","params":["s",{"id":"a","env":{"A":"\u00e9"}}],"id":"x"},` + withID("-1.5e3") + `]`
	seedtest.Add(f, []byte(whole))
	f.Add([]byte(`{"jsonrpc":"2.0","method":"sum","params":[1e400],"id":1e5e5}`))
	f.Add([]byte(`{"jsonrpc":"2.0","method":"drop"}`))

	s, err := jsonrpc.New(methods(), jsonrpc.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		reply := s.Handle(t.Context(), message)
		if reply == nil {
			if !json.Valid(message) {
				t.Fatal("no answer to what is not JSON")
			}
			return
		}
		answers := answersIn(t, reply)
		for _, a := range answers {
			judge(t, a)
		}
		if !json.Valid(message) && (len(answers) != 1 || answers[0].Error == nil || answers[0].Error.Code != -32700) {
			t.Fatalf("not JSON, but the answer is %s", reply)
		}
		if answers[0].Result != nil && !asksFor(message, answers[0].ID) {
			t.Fatalf("%s to what asked for nothing like it", reply)
		}
	})
}

func answersIn(t *testing.T, reply []byte) []response {
	t.Helper()
	answers := make([]response, 1)
	var err error
	if reply[0] == '[' {
		err = json.Unmarshal(reply, &answers)
	} else {
		err = json.Unmarshal(reply, &answers[0])
	}
	if err != nil || len(answers) == 0 {
		t.Fatalf("%v in %s", err, reply)
	}
	return answers
}

func judge(t *testing.T, a response) {
	t.Helper()
	if a.Version != "2.0" || a.ID == nil || (a.Result == nil) == (a.Error == nil) {
		t.Fatalf("not an answer: %+v", a)
	}
	if a.Error != nil && a.Error.Code == -32603 {
		t.Fatalf("input caused an internal error: %+v", a)
	}
}

// asksFor reports whether the standard library finds a request with this id.
func asksFor(message []byte, id json.RawMessage) bool {
	var batch []json.RawMessage
	if json.Unmarshal(message, &batch) != nil {
		batch = []json.RawMessage{message}
	}
	for _, item := range batch {
		var request map[string]json.RawMessage
		if json.Unmarshal(item, &request) == nil && string(request["id"]) == string(id) && request["method"] != nil {
			return true
		}
	}
	return false
}
