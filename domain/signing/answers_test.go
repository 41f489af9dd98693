package signing

import (
	"bytes"
	"testing"
)

// What many jobs of a bulk ask is asked once, whoever asks; a no is asked again,
// and no answer serves another question.
func TestSharedChecksAreAskedOnce(t *testing.T) {
	k := fromSeed(bytes.Repeat([]byte{1}, 32))
	good := Check{Key: k.Public(), Message: []byte("root"), Signature: k.Sign([]byte("root")), Shared: true}
	asked := 0
	ask := func(c Check) bool { asked++; return Verify(c.Key, c.Message, c.Signature) }
	var a answers
	for range 3 {
		if !a.ask(&good, ask) {
			t.Fatal("a good signature is bad")
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	other := good
	other.Message = []byte("another root")
	for range 2 {
		if a.ask(&other, ask) {
			t.Error("the answer to another question was given")
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var a answers
	for i := range 5 * maxAnswers {
		a.learn(LeafHash([]byte{byte(i), byte(i >> 8)}))
	}
	if n := len(a.young) + len(a.old); n > 2*maxAnswers {
		t.Errorf("%d answers are remembered", n)
	}
}

func TestSharedChecksInABatch(t *testing.T) {
	var checks []Check
	for i := range 100 {
		k := fromSeed(bytes.Repeat([]byte{byte(i % 3)}, 32))
		c := Check{Key: k.Public(), Message: []byte("root"), Signature: k.Sign([]byte("root")), Shared: i%2 == 0}
		if i%11 == 0 {
			c.Message = []byte("other")
		}
		checks = append(checks, c)
	}
	for i, good := range agree(t, checks) {
		if good != (i%11 != 0) {
			t.Errorf("check %d is %v", i, good)
		}
	}
}
