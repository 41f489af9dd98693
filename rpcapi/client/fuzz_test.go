package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// replies answers every request in the same words.
type replies []byte

func (r replies) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(r)),
	}, nil
}

// FuzzAnswer compares with encoding/json: a call went well only if there is a
// result and no error in what was answered, and the result is that one.
func FuzzAnswer(f *testing.F) {
	seedtest.Add(f,
		[]byte(`{"jsonrpc":"2.0","result":{"id":"j1","state":"queued","queue":"runner:r1"},"id":1}`),
		[]byte(`{"jsonrpc":"2.0","error":{"code":-32004,"message":"no such job","data":{"reason":"job","retry":"no"}},"id":1}`))
	f.Fuzz(func(t *testing.T, reply []byte) {
		w := wires{addresses: []string{"http://127.0.0.1"}, http: &http.Client{Transport: replies(reply)}}
		var got wire.Receipt
		if err := w.call(context.Background(), "jobs.submit", nil, &got); err != nil {
			return
		}
		var answer, result map[string]json.RawMessage // exact names, other than a struct's
		if json.Unmarshal(reply, &answer) != nil || answer["result"] == nil || json.Unmarshal(answer["result"], &result) != nil {
			t.Fatalf("%q is read as %+v", reply, got)
		}
		failed := answer["error"] != nil && string(answer["error"]) != "null"
		var id string
		if result["id"] != nil && json.Unmarshal(result["id"], &id) != nil || failed || id != got.ID {
			t.Errorf("%q is read as %+v", reply, got)
		}
	})
}
