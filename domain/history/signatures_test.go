package history_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

func TestTheFirstSignatureThatDoesNotHoldIsTheFault(t *testing.T) {
	key, err := signing.GenerateKey(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(signed string) signing.Check {
		return signing.Check{Key: key.Public(), Message: []byte("said"), Signature: key.Sign([]byte(signed))}
	}
	good := history.Signatures{Checks: []signing.Check{check("said"), check("said")}, Seqs: []uint64{1, 2}}
	bad := history.Signatures{Checks: []signing.Check{check("said"), check("other"), check("other")}, Seqs: []uint64{3, 5, 6}}
	verifier := signing.NewVerifier(1)

	var all history.Signatures
	all.Append(good)
	if err := all.Verify(verifier); err != nil {
		t.Errorf("signatures that hold: %v", err)
	}
	all.Append(bad)
	if seq, ok := history.IsFault(all.Verify(verifier)); !ok || seq != 5 {
		t.Errorf("found at %d, want 5", seq)
	}
	all.Reset()
	if err := all.Verify(verifier); err != nil {
		t.Errorf("no signatures: %v", err)
	}
}

func TestTheEarlierFaultIsTold(t *testing.T) {
	at3, at4 := &history.Fault{Seq: 3}, &history.Fault{Seq: 4}
	also3, unreadable := &history.Fault{Seq: 3}, errors.New("unreadable")
	for _, c := range []struct{ first, second, want error }{
		{nil, nil, nil},
		{at3, nil, at3},
		{nil, at3, at3},
		{at3, at4, at3},
		{at4, at3, at3},
		{at3, also3, at3},
		{at3, unreadable, unreadable},
		{unreadable, at3, unreadable},
	} {
		//nolint:errorlint // which of them, not of which kind
		if got := history.Earlier(c.first, c.second); got != c.want {
			t.Errorf("Earlier(%v, %v) = %v, want %v", c.first, c.second, got, c.want)
		}
	}
}
