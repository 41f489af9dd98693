package signing_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/signing"
)

// A base64 decoder that skips line breaks finds one byte less in a text that has
// one, and the text has the right length nevertheless.
func TestASealWithALineBreakIsNoSeal(t *testing.T) {
	key, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	root := signing.Hash(bytes.Repeat([]byte{0}, 32)) // "AAAA…": what is left over is zero
	wire := string(signing.Seal{Namespace: "horus", Term: 1, First: 1, Count: 1, Root: root}.Sign(key).Append(nil))
	for _, linebreak := range []string{"\n", "\r"} {
		broken := strings.Replace(wire, "AAAAAAAA", "AAAA"+linebreak+"AAA", 1)
		if _, err := signing.ParseSeal("horus", 0, []byte(broken)); err == nil {
			t.Errorf("read %q", broken)
		}
	}
}
