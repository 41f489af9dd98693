package signing_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

// keyFile is the example key of RFC 8410, section 10.3.
const keyFile = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`

// keyOf returns the key that is made from 32 times b.
func keyOf(t testing.TB, b byte) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wantInvalid fails unless err says Invalid with this reason.
func wantInvalid(t testing.TB, what string, err error, reason string) {
	t.Helper()
	if err == nil || domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != reason {
		t.Errorf("%s: got %v (code %v, reason %q), want invalid, %q", what, err, domain.CodeOf(err), domain.ReasonOf(err), reason)
	}
}

func TestPublicKeyHasOneSpelling(t *testing.T) {
	const text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	k, err := signing.ParsePublicKey(text)
	if err != nil || k.String() != text || k.IsZero() {
		t.Fatalf("%v, %v", k, err)
	}
	for name, bad := range map[string]string{
		"nothing":           "",
		"upper case":        strings.ToUpper(text),
		"one digit less":    text[1:],
		"one digit more":    text + "0",
		"a letter too far":  "g" + text[1:],
		"a space":           " " + text[1:],
		"no point":          "02" + strings.Repeat("00", 31),
		"order 1":           "01" + strings.Repeat("00", 31),
		"order 2":           "ec" + strings.Repeat("ff", 30) + "7f",
		"order 4":           strings.Repeat("00", 32),
		"order 4, negative": strings.Repeat("00", 31) + "80",
		"order 8":           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"order 8, negative": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"minus zero":        "01" + strings.Repeat("00", 30) + "80",
		"y = p":             "ed" + strings.Repeat("ff", 30) + "7f",
		"y = p + 1":         "ee" + strings.Repeat("ff", 30) + "7f",
		"y = p + 3":         "f0" + strings.Repeat("ff", 30) + "7f",
		"y = p + 4":         "f1" + strings.Repeat("ff", 30) + "ff",
	} {
		_, err := signing.ParsePublicKey(bad)
		wantInvalid(t, name, err, "key")
	}
	if _, err := signing.ParsePublicKey("03" + strings.Repeat("00", 31)); err != nil {
		t.Errorf("y = 3, of which y = p + 3 is the second encoding: %v", err)
	}
}

func TestKeyIDIsTheStartOfTheHash(t *testing.T) {
	// printf d75a…511a | xxd -r -p | sha256sum
	k, _ := signing.ParsePublicKey("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	const want = "21fe31dfa154a261626bf854046fd227"
	if k.ID() != want {
		t.Errorf("got %s, want %s", k.ID(), want)
	}
	if id, err := signing.ParseKeyID(want); err != nil || id != want {
		t.Errorf("parsed %s: %v", id, err)
	}
	for _, bad := range []string{"", want[1:], want + "0", strings.ToUpper(want), "x" + want[1:]} {
		_, err := signing.ParseKeyID(bad)
		wantInvalid(t, bad, err, "key_id")
	}
}

func TestPrivateKeyFile(t *testing.T) {
	k, err := signing.ParsePrivateKey([]byte(keyFile))
	if err != nil {
		t.Fatal(err)
	}
	const public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1" // RFC 8410, section 10.1
	if k.Public().String() != public {
		t.Errorf("public key %s, want %s", k.Public(), public)
	}
	file, err := k.MarshalPEM()
	if err != nil || string(file) != keyFile {
		t.Errorf("written back as %q, %v", file, err)
	}
	for name, bad := range map[string]string{
		"nothing":         "",
		"no PEM":          "secret",
		"another label":   strings.ReplaceAll(keyFile, "PRIVATE", "PUBLIC"),
		"more after it":   keyFile + "x",
		"two keys":        keyFile + keyFile,
		"a cut key":       strings.Replace(keyFile, "MC4C", "MC4=", 1),
		"an X25519 key":   strings.Replace(keyFile, "BQYDK2Vw", "BQYDK2Vu", 1),
		"a foreign block": strings.Replace(keyFile, "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC", "AAAA", 1),
	} {
		_, err := signing.ParsePrivateKey([]byte(bad))
		wantInvalid(t, name, err, "key")
	}
}

func TestGenerateKeyUsesWhatItIsGiven(t *testing.T) {
	if keyOf(t, 1).Public() != keyOf(t, 1).Public() || keyOf(t, 1).Public() == keyOf(t, 2).Public() {
		t.Error("the same bytes must make the same key, and others another")
	}
	if _, err := signing.GenerateKey(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("31 bytes made a key")
	}
	k, err := signing.GenerateKey(rand.Reader)
	if err != nil || k.Public().IsZero() {
		t.Error(err)
	}
}

func TestPrivateKeyIsNeverPrinted(t *testing.T) {
	seed := bytes.Repeat([]byte{0xa7}, 32)
	ec, err := signing.GenerateSecp256k1(bytes.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []signing.PrivateKey{keyOf(t, 0xa7), ec} {
		wantUnprinted(t, k, seed)
	}
}

func wantUnprinted(t *testing.T, k signing.PrivateKey, seed []byte) {
	t.Helper()
	type holder struct {
		Shown  signing.PrivateKey
		hidden signing.PrivateKey
	}
	secrets := []string{hex.EncodeToString(seed[:4]), "A7A7A7A7", "167 167 167", "0xa7, 0xa7", `\xa7\xa7`, string(seed[:4])}
	for _, v := range []any{k, &k, []signing.PrivateKey{k}, holder{k, k}, &holder{k, k}, map[string]holder{"k": {k, k}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%c", "%U", "%t"} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows the secret: %s", verb, v, text)
				}
			}
		}
	}
	if got, want := fmt.Sprint(k), "private key "+string(k.Public().ID()); got != want || k.GoString() != want {
		t.Errorf("printed as %q, want %q", got, want)
	}
	var none signing.PrivateKey
	if fmt.Sprint(none) != "no private key" {
		t.Errorf("the zero key is printed as %q", none)
	}
	if _, err := none.MarshalPEM(); err == nil {
		t.Error("the zero key was marshalled")
	}
}

func TestSignatureHasOneSpelling(t *testing.T) {
	s := keyOf(t, 1).Sign([]byte("x"))
	text := s.String()
	if back, err := signing.ParseSignature(text); err != nil || back != s || len(text) != 88 {
		t.Fatalf("%s came back as %s, %v", text, back, err)
	}
	urlSafe := strings.Repeat("-", 85) + "A=="
	for name, bad := range map[string]string{
		"nothing":                  "",
		"no padding":               text[:86],
		"one byte of padding":      text[:87],
		"a line break at the end":  text + "\n",
		"a line break within":      text[:40] + "\n" + text[40:],
		"a line break for a digit": text[:40] + "\n" + text[41:],
		"a bit after the end":      text[:85] + string(text[85]+1) + "==",
		"base64url":                urlSafe,
		"63 bytes":                 strings.Repeat("A", 84),
		"66 bytes":                 strings.Repeat("A", 88),
		"hex":                      hex.EncodeToString(s[:]),
	} {
		_, err := signing.ParseSignature(bad)
		wantInvalid(t, name, err, "signature")
	}
}

func TestSignIsEd25519(t *testing.T) {
	seed := bytes.Repeat([]byte{9}, 32)
	std := ed25519.NewKeyFromSeed(seed)
	for n := range 200 {
		msg := bytes.Repeat([]byte{byte(n)}, n)
		if got := keyOf(t, 9).Sign(msg); !bytes.Equal(got[:], ed25519.Sign(std, msg)) {
			t.Fatalf("message of %d bytes is signed in another way than by crypto/ed25519", n)
		}
	}
}

func TestPrivateKeyIsZero(t *testing.T) {
	if !(signing.PrivateKey{}).IsZero() {
		t.Error("the zero key is a key")
	}
	if keyOf(t, 1).IsZero() {
		t.Error("a key is none")
	}
}
