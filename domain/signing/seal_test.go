package signing_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

// sealed returns the seal that the golden texts below spell out, with the key of
// RFC 8032's first test.
func sealed(t testing.TB) (signing.Seal, signing.PrivateKey) {
	t.Helper()
	k, err := signing.GenerateKey(bytes.NewReader(unhex(t, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")))
	if err != nil {
		t.Fatal(err)
	}
	return signing.Seal{
		Namespace: "horus", Partition: 7, Term: 1764000000, First: 41, Count: 2, Statements: 3,
		Root: signing.Hash(bytes.Repeat([]byte{0xab}, 32)), Prev: signing.Hash(bytes.Repeat([]byte{0x01}, 32)),
	}.Sign(k), k
}

const goldenText = "horus-seal-v1\n" +
	"horus\n" +
	"p007\n" +
	"1764000000\n" +
	"41\n" +
	"2\n" +
	"3\n" +
	"abababababababababababababababababababababababababababababababab\n" +
	"0101010101010101010101010101010101010101010101010101010101010101\n" +
	"21fe31dfa154a261626bf854046fd227\n"

// goldenHead is the wire form up to the signature.
const goldenHead = "1.1764000000.41.2.3." +
	"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s." +
	"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE." +
	"21fe31dfa154a261626bf854046fd227."

func TestSealTextIsGolden(t *testing.T) {
	s, k := sealed(t)
	if diff := cmp.Diff(goldenText, string(s.Text())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.Signature != k.Sign([]byte(goldenText)) || s.Key != k.Public().ID() {
		t.Error("the signature is not one of the text")
	}
	if want := signing.Hash(sha256.Sum256(append([]byte(goldenText), s.Signature[:]...))); s.Hash() != want {
		t.Errorf("hash %v, want %v", s.Hash(), want)
	}
	if s.Last() != 42 {
		t.Errorf("last %d", s.Last())
	}
	for partition, line := range map[uint16]string{0: "\np000\n", 10: "\np010\n", 99: "\np099\n", 100: "\np100\n", 65535: "\np65535\n"} {
		if s.Partition = partition; !strings.Contains(string(s.Text()), line) {
			t.Errorf("partition %d: %q", partition, s.Text())
		}
	}
}

func TestSealWireFormIsGolden(t *testing.T) {
	s, _ := sealed(t)
	wire := string(s.Append([]byte("x")))
	signature, found := strings.CutPrefix(wire, "x"+goldenHead)
	if !found || len(signature) != 86 || strings.ContainsAny(signature, ".=+/\n") {
		t.Errorf("wire form %q", wire)
	}
	back, err := signing.ParseSeal("horus", 7, []byte(wire[1:]))
	if diff := cmp.Diff(s, back); err != nil || diff != "" {
		t.Errorf("came back with %v (-want +got):\n%s", err, diff)
	}
}

func TestSealIsGoodUnderItsKeyAlone(t *testing.T) {
	s, k := sealed(t)
	v := signing.NewVerifier(4)
	if !v.Verify(s.Check(k.Public())) {
		t.Fatal("the seal is not good")
	}
	other := keyOf(t, 1)
	if v.Verify(s.Check(other.Public())) || v.Verify(s.Check(signing.PublicKey{})) {
		t.Error("the seal is good under another key")
	}
	named := s
	named.Key = other.Public().ID()
	named.Signature = k.Sign(named.Text())
	if v.Verify(named.Check(k.Public())) {
		t.Error("a seal is good under a key that it does not name")
	}
	for name, change := range map[string]func(*signing.Seal){
		"namespace":  func(s *signing.Seal) { s.Namespace = "hero" },
		"partition":  func(s *signing.Seal) { s.Partition++ },
		"term":       func(s *signing.Seal) { s.Term++ },
		"first":      func(s *signing.Seal) { s.First++ },
		"count":      func(s *signing.Seal) { s.Count++ },
		"root":       func(s *signing.Seal) { s.Root[31] ^= 1 },
		"statements": func(s *signing.Seal) { s.Statements++ },
		"prev":       func(s *signing.Seal) { s.Prev[0] ^= 1 },
		"signature":  func(s *signing.Seal) { s.Signature[5] ^= 1 },
	} {
		changed := s
		change(&changed)
		if v.Verify(changed.Check(k.Public())) {
			t.Errorf("the seal is still good with another %s", name)
		}
		if changed.Hash() == s.Hash() {
			t.Errorf("the seal has the same hash with another %s", name)
		}
	}
}

func TestParseSealRefusesOtherSpellings(t *testing.T) {
	s, _ := sealed(t)
	good := string(s.Append(nil))
	field := func(i int, text string) string {
		fields := strings.Split(good, ".")
		fields[i] = text
		return strings.Join(fields, ".")
	}
	root, sig := strings.Split(good, ".")[5], strings.Split(good, ".")[8]
	for name, bad := range map[string]string{
		"nothing":                     "",
		"a newline at the end":        good + "\n",
		"a space before":              " " + good,
		"a field too many":            good + ".",
		"a field too few":             good[:strings.LastIndex(good, ".")],
		"another version":             field(0, "2"),
		"a version with a zero":       field(0, "01"),
		"an empty term":               field(1, ""),
		"a term with a sign":          field(1, "+1"),
		"a term with a zero":          field(1, "01"),
		"a term in hex":               field(1, "0x1"),
		"a term of 2^64":              field(1, "18446744073709551616"),
		"a term of 30 digits":         field(1, strings.Repeat("9", 30)),
		"a negative first":            field(2, "-1"),
		"a first of zero":             field(2, "0"),
		"a last beyond 2^64":          field(2, strconv.FormatUint(math.MaxUint64, 10)),
		"a count of zero":             field(3, "0"),
		"a count of 257":              field(3, "257"),
		"a count of 2^32+1":           field(3, "4294967297"),
		"statements with a space":     field(4, "3 "),
		"a root that is short":        field(5, root[1:]),
		"a root with padding":         field(5, root+"="),
		"a root with a bit more":      field(5, root[:42]+"t"),
		"a root in base64":            field(5, "++++"+root[4:]),
		"a root with a newline":       field(5, root[:42]+"\n"),
		"an empty prev":               field(6, ""),
		"a key id in upper case":      field(7, strings.ToUpper(string(s.Key))),
		"a key id that is short":      field(7, string(s.Key)[1:]),
		"a signature that is long":    field(8, sig+"A"),
		"a signature with a bit more": field(8, sig[:85]+"_"),
	} {
		_, err := signing.ParseSeal("horus", 7, []byte(bad))
		wantInvalid(t, name, err, "seal")
	}
}

func TestSealsComeBackFromTheWire(t *testing.T) {
	k := keyOf(t, 3)
	rapid.Check(t, func(t *rapid.T) {
		s := signing.Seal{
			Namespace:  "horus",
			Partition:  rapid.Uint16().Draw(t, "partition"),
			Term:       rapid.Uint64().Draw(t, "term"),
			First:      rapid.Uint64Range(1, math.MaxUint64-255).Draw(t, "first"),
			Count:      rapid.Uint32Range(1, signing.MaxSealed).Draw(t, "count"),
			Statements: rapid.Uint64().Draw(t, "statements"),
			Root:       signing.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root")),
			Prev:       signing.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "prev")),
		}.Sign(k)
		back, err := signing.ParseSeal("horus", s.Partition, s.Append(nil))
		if err != nil || back != s {
			t.Fatalf("came back as %+v, %v", back, err)
		}
	})
}

func FuzzSeal(f *testing.F) {
	s, k := sealed(f)
	wire := s.Append(nil)
	seedtest.Add(f, wire)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := signing.ParseSeal("horus", 7, data)
		if err != nil {
			wantInvalid(t, "seal", err, "seal")
			return
		}
		if again := got.Append(nil); !bytes.Equal(again, data) {
			t.Fatalf("two spellings of a seal: %q and %q", data, again)
		}
		check := got.Check(k.Public())
		if got != s && signing.Verify(check.Key, check.Message, check.Signature) {
			t.Fatalf("a seal that nobody made is good: %q", data)
		}
	})
}

func TestProof(t *testing.T) {
	events := [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`), []byte(`{"c":3}`)}
	var leaves []signing.Hash
	for _, e := range events {
		leaves = append(leaves, signing.LeafHash(e))
	}
	seal := signing.Seal{Namespace: "horus", First: 10, Count: 3, Root: signing.Root(leaves)}
	paths := signing.Paths(leaves)
	for i, event := range events {
		proof := signing.Proof{Event: event, Seq: 10 + uint64(i), Path: paths[i], Seal: seal}
		if err := proof.Check(); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		for seq := range uint64(20) {
			if moved := proof; seq != proof.Seq {
				moved.Seq = seq
				if err := moved.Check(); domain.CodeOf(err) != domain.Invalid {
					t.Errorf("event %d is proved at %d: %v", i, seq, err)
				}
			}
		}
		for name, change := range map[string]func(*signing.Proof){
			"event": func(p *signing.Proof) { p.Event = append([]byte(" "), p.Event...) },
			"path":  func(p *signing.Proof) { p.Path = p.Path[1:] },
			"root":  func(p *signing.Proof) { p.Seal.Root[0] ^= 1 },
			"count": func(p *signing.Proof) { p.Seal.Count = 0 },
			"seal":  func(p *signing.Proof) { p.Seal = signing.Seal{} },
		} {
			changed := proof
			change(&changed)
			if err := changed.Check(); domain.CodeOf(err) != domain.Invalid {
				t.Errorf("event %d is proved with another %s: %v", i, name, err)
			}
		}
	}
	var e *domain.Error
	if err := (signing.Proof{Seq: 1, Seal: signing.Seal{First: 1, Count: 1}}).Check(); !errors.As(err, &e) || e.Reason != "proof" {
		t.Errorf("reason of a wrong event: %v", err)
	}
}
