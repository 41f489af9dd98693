package signing

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/herocode/horus/domain"
)

// ecdsaGroup is a key of Project Wycheproof with what it may have signed.
type ecdsaGroup struct {
	Key struct {
		Uncompressed string `json:"uncompressed"`
	} `json:"publicKey"`
	Tests []wycheproofCase `json:"tests"`
}

// key returns the group's key in its compressed form, which is ours.
func (g *ecdsaGroup) key(t *testing.T) PublicKey {
	t.Helper()
	point, err := secp256k1.ParsePubKey(unhex(t, g.Key.Uncompressed))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParsePublicKey(hex.EncodeToString(point.SerializeCompressed()))
	if err != nil || k.Algorithm() != Secp256k1 {
		t.Fatalf("%s: %v", g.Key.Uncompressed, err)
	}
	return k
}

// low reports whether s is of the lower half, as only ours and Bitcoin's are.
func low(sig []byte) bool {
	half := new(big.Int).Rsh(secp256k1.Params().N, 1)
	return new(big.Int).SetBytes(sig[32:]).Cmp(half) <= 0
}

// fromDER returns r ‖ s of a signature in the one DER spelling that it has; a
// number that does not fit has no such form.
func fromDER(der []byte) ([]byte, bool) {
	var numbers struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &numbers)
	if err != nil || len(rest) > 0 || numbers.R.Sign() < 0 || numbers.S.Sign() < 0 || max(numbers.R.BitLen(), numbers.S.BitLen()) > 256 {
		return nil, false
	}
	again, err := asn1.Marshal(numbers)
	if err != nil || !bytes.Equal(again, der) {
		return nil, false
	}
	var sig Signature
	numbers.R.FillBytes(sig[:32])
	numbers.S.FillBytes(sig[32:])
	return sig[:], true
}

// TestWycheproofSecp256k1 holds the one rule against the three files of Project
// Wycheproof. p1363 is our encoding: whatever is valid in it is good if its s is
// low, and nothing else is. The other two are DER, in the plain rule and in
// Bitcoin's, which asks for a low s as ours does: what is well-formed is judged
// as the 64 bytes that it means, and what has no such form must be invalid.
func TestWycheproofSecp256k1(t *testing.T) {
	for _, file := range []struct {
		name string
		der  bool
		high bool // the file takes a high s
	}{
		{name: "p1363_test", high: true}, {name: "test", der: true, high: true}, {name: "bitcoin_test", der: true},
	} {
		var vectors struct {
			Count  int          `json:"numberOfTests"`
			Groups []ecdsaGroup `json:"testGroups"`
		}
		readVectors(t, "wycheproof/ecdsa_secp256k1_sha256_"+file.name+".json", &vectors)
		var checks []Check
		var cases []wycheproofCase
		seen := 0
		for _, group := range vectors.Groups {
			key := group.key(t)
			for _, c := range group.Tests {
				seen++
				sig, ok := unhex(t, c.Sig), true
				if file.der {
					sig, ok = fromDER(sig)
				}
				if !ok || len(sig) != len(Signature{}) {
					if c.Result == "valid" {
						t.Errorf("%s %d %s: valid, and not 64 bytes", file.name, c.ID, c.Comment)
					}
					continue
				}
				if c.Result == "valid" && !low(sig) {
					if !file.high {
						t.Errorf("%s %d: valid with a high s", file.name, c.ID)
					}
					c.Result = "invalid"
				}
				cases, checks = append(cases, c), append(checks, Check{Key: key, Message: unhex(t, c.Msg), Signature: Signature(sig)})
			}
		}
		if seen != vectors.Count {
			t.Errorf("%s: %d vectors, want %d", file.name, seen, vectors.Count)
		}
		v := NewVerifier(1)
		all := make([]bool, len(checks))
		v.VerifyAll(checks, all)
		for i, c := range checks {
			want := cases[i].Result == "valid"
			if Verify(c.Key, c.Message, c.Signature) != want || v.Verify(c) != want || all[i] != want {
				t.Errorf("%s %d %s: want %s", file.name, cases[i].ID, cases[i].Comment, cases[i].Result)
			}
		}
	}
}

// ecKey returns the secp256k1 key whose number is 32 times b.
func ecKey(t testing.TB, b byte) PrivateKey {
	t.Helper()
	k, err := GenerateSecp256k1(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The vector is the well-known one of RFC 6979 over secp256k1: key 1, "Satoshi
// Nakamoto".
func TestSecp256k1SignsByRFC6979(t *testing.T) {
	k, ok := secp256k1Private(append(make([]byte, 31), 1))
	if !ok || k.Public().String() != "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" {
		t.Fatalf("key 1 is %v", k.Public())
	}
	msg := []byte("Satoshi Nakamoto")
	const want = "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8" +
		"2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
	if sig := k.Sign(msg); hex.EncodeToString(sig[:]) != want || !Verify(k.Public(), msg, sig) {
		t.Errorf("signed as %x", sig)
	}
}

func TestSecp256k1HighSIsRefused(t *testing.T) {
	k, msg := ecKey(t, 3), []byte("x")
	sig := k.Sign(msg)
	var s secp256k1.ModNScalar
	s.SetByteSlice(sig[32:])
	s.Negate().PutBytesUnchecked(sig[32:])
	if Verify(k.Public(), msg, sig) {
		t.Error("the second signature that everybody can make of one is good")
	}
}

func TestSecp256k1KeyHasOneSpelling(t *testing.T) {
	text := ecKey(t, 7).Public().String()
	k, err := ParsePublicKey(text)
	if err != nil || k.String() != text || k.Algorithm() != Secp256k1 || len(text) != 66 {
		t.Fatalf("%s came back as %s, %v", text, k, err)
	}
	if k.ID() != ecKey(t, 7).Public().ID() || k.ID() == ecKey(t, 8).Public().ID() {
		t.Error("key ids do not name keys")
	}
	for name, bad := range map[string]string{
		"upper case":       strings.ToUpper(text),
		"a mark of hybrid": "06" + text[2:],
		"uncompressed":     "04" + text[2:],
		"infinity":         strings.Repeat("00", 33),
		"no x":             "02" + strings.Repeat("ff", 32),
		"no point":         "02" + strings.Repeat("00", 31) + "05",
		"x = p + 1":        "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30",
		"one digit less":   text[1:],
	} {
		if _, err := ParsePublicKey(bad); domain.ReasonOf(err) != "key" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGenerateSecp256k1SkipsWhatIsNoKey(t *testing.T) {
	order := secp256k1.Params().N.FillBytes(make([]byte, 32))
	source := slices.Concat(order, make([]byte, 32), bytes.Repeat([]byte{5}, 32))
	k, err := GenerateSecp256k1(bytes.NewReader(source))
	if err != nil || k.Public() != ecKey(t, 5).Public() {
		t.Errorf("got %v, %v", k, err)
	}
	if _, err := GenerateSecp256k1(bytes.NewReader(source[:64])); err == nil {
		t.Error("a source that ended made a key")
	}
}

func TestSecp256k1KeyFile(t *testing.T) {
	k := ecKey(t, 9)
	file, err := k.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParsePrivateKey(file)
	if err != nil || back.Public() != k.Public() {
		t.Fatalf("came back as %v, %v", back, err)
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Log("no openssl here to read the file with")
		return
	}
	read := exec.CommandContext(t.Context(), openssl, "ec", "-pubout", "-conv_form", "compressed", "-outform", "DER")
	read.Stdin = bytes.NewReader(file)
	public, err := read.Output()
	if err != nil || !strings.HasSuffix(hex.EncodeToString(public), k.Public().String()) {
		t.Errorf("openssl reads the file as the key %x: %v", public, err)
	}
	made, err := exec.CommandContext(t.Context(), openssl, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1").Output()
	if err != nil {
		t.Fatal(err)
	}
	if k, err := ParsePrivateKey(made); err != nil || k.Public().Algorithm() != Secp256k1 {
		t.Errorf("openssl's key: %v, %v", k, err)
	}
}

// All the ways in which a batch mixes the two algorithms, good and bad.
func TestBatchesMixAlgorithms(t *testing.T) {
	var checks []Check
	for i := range 40 {
		k := fromSeed(bytes.Repeat([]byte{byte(i)}, 32))
		if i%3 == 0 {
			k = ecKey(t, byte(i+1))
		}
		c := Check{Key: k.Public(), Message: []byte{byte(i)}, Signature: k.Sign([]byte{byte(i)})}
		if i%7 == 0 {
			c.Message = []byte("other")
		}
		checks = append(checks, c)
	}
	for i, good := range agree(t, checks) {
		if good != (i%7 != 0) {
			t.Errorf("check %d is %v", i, good)
		}
	}
	for i := range checks { // none of the batch's own algorithm
		k := ecKey(t, 1)
		checks[i] = Check{Key: k.Public(), Message: nil, Signature: k.Sign(nil)}
	}
	if slices.Contains(agree(t, checks), false) {
		t.Error("a good signature is bad")
	}
}
