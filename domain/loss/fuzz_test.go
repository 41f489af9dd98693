package loss_test

import (
	"bytes"
	"testing"

	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

func FuzzDecodeLost(f *testing.F) {
	key, err := signing.GenerateKey(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		f.Fatal(err)
	}
	seal := signing.Seal{Namespace: "horus", Partition: 3, Term: 7, First: 12, Count: 3, Statements: 2}.Sign(key)
	seedtest.Add(f, loss.Lost{From: 12, Seal: seal}.AppendData(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := loss.DecodeLost("horus", 3, data)
		if err != nil {
			return
		}
		if again := e.AppendData(nil); !bytes.Equal(again, data) {
			t.Errorf("%q was read and is written as %q", data, again)
		}
		if e.Seal.Namespace != "horus" || e.Seal.Partition != 3 {
			t.Errorf("the seal is of %s %d", e.Seal.Namespace, e.Seal.Partition)
		}
	})
}
