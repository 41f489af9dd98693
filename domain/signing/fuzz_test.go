package signing_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

// FuzzTexts holds that keys, key ids, hashes and signatures have one spelling,
// and that no key is read under which a signature of all zeros is good, as
// those of small order allow.
func FuzzTexts(f *testing.F) {
	k := keyOf(f, 1)
	seedtest.Add(f, k.Public().String(), string(k.Public().ID()), k.Sign(nil).String())
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := signing.ParsePublicKey(text); err == nil {
			if key.String() != text || key.IsZero() || signing.Verify(key, nil, signing.Signature{}) {
				t.Errorf("%q is read as the key %s", text, key)
			}
			if id, err := signing.ParseKeyID(string(key.ID())); err != nil || id != key.ID() {
				t.Errorf("the id of %q is %q, %v", text, id, err)
			}
		}
		if id, err := signing.ParseKeyID(text); err == nil && (string(id) != text || len(id) != 32) {
			t.Errorf("%q is read as the key id %q", text, id)
		}
		if hash, err := signing.ParseHash(text); err == nil && hash.String() != text {
			t.Errorf("%q is read as the hash %s", text, hash)
		}
		if s, err := signing.ParseSignature(text); err == nil && s.String() != text {
			t.Errorf("%q is read as the signature %s", text, s)
		}
	})
}

// FuzzParsePrivateKey compares with the standard library: what is read is a key
// that signs, and comes back from its own file.
func FuzzParsePrivateKey(f *testing.F) {
	file, err := keyOf(f, 1).MarshalPEM()
	if err != nil {
		f.Fatal(err)
	}
	seedtest.Add(f, file)
	ec, err := signing.GenerateSecp256k1(bytes.NewReader(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		f.Fatal(err)
	}
	if file, err = ec.MarshalPEM(); err != nil {
		f.Fatal(err)
	}
	seedtest.Add(f, file)
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := signing.ParsePrivateKey(file)
		if err != nil {
			return
		}
		if k.Public().Algorithm() == signing.Secp256k1 {
			wantOwnFile(t, k)
			return // the standard library does not know the curve
		}
		block, _ := pem.Decode(file)
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if std, ok := parsed.(ed25519.PrivateKey); err != nil || !ok || signing.Signature(ed25519.Sign(std, []byte("x"))) != k.Sign([]byte("x")) {
			t.Errorf("%q is another key for the standard library: %v", file, err)
		}
		wantOwnFile(t, k)
	})
}

func wantOwnFile(t *testing.T, k signing.PrivateKey) {
	t.Helper()
	again, err := k.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := signing.ParsePrivateKey(again); err != nil || back.Public() != k.Public() {
		t.Errorf("the key came back as %s, %v", back, err)
	}
}
