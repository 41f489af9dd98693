package wire_test

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// What a receipt writes by itself is what package json writes.
func TestAReceiptWritesItself(t *testing.T) {
	for _, r := range []wire.Receipt{
		{},
		{ID: "j1", State: job.Waiting, Durability: "everysec"},
		{ID: `a"b\c` + "\n\x00é\u2028<>&\U0001F600", State: job.Done, Durability: "replicated:9", Duplicate: true},
	} {
		want, err := json.Marshal(&r, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.AppendJSON([]byte("x")); string(got) != "x"+string(want) {
			t.Errorf("%s, want %s", got[1:], want)
		}
	}
}
