package relay

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// FuzzTake holds that what a leader answers leaves no call without an answer:
// each has a result that stands in the message, or an error, and never both; and
// whoever is to be asked again was told that nothing was done.
func FuzzTake(f *testing.F) {
	seedtest.Add(f,
		[]byte(`[{"jsonrpc":"2.0","result":{"id":"j1"},"id":0},{"jsonrpc":"2.0","error":{"code":-32004,"message":"no such job"},"id":1}]`),
		[]byte(`[{"id":1,"error":{"code":-32011,"message":"x","data":{"reason":"not_leader","retry":"later"}}},{"id":0,"result":null}]`),
		[]byte(`{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}`))
	f.Fuzz(func(t *testing.T, reply []byte) {
		p := passage{calls: make([]jsonrpc.Outgoing, 2), answers: make([]jsonrpc.Answer, 2), pending: []int{0, 1}}
		if p.take(reply) != nil {
			return
		}
		if !json.Valid(reply) {
			t.Fatalf("%q is no JSON", reply)
		}
		for i, a := range p.answers {
			if (a.Result == nil) == (a.Err == nil) {
				t.Errorf("call %d got %+v of %q", i, a, reply)
			}
			if a.Result != nil && (!json.Valid(a.Result) || !bytes.Contains(reply, a.Result)) {
				t.Errorf("call %d got a result that is not in %q: %s", i, reply, a.Result)
			}
		}
		for _, i := range p.pending {
			if p.answers[i].Err == nil {
				t.Errorf("call %d is asked again after %+v", i, p.answers[i])
			}
		}
	})
}
