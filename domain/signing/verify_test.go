package signing

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// readVectors decodes a file of testdata.
func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// agree asks for the verdict on each check in every way there is, alone and in
// batches of all sizes and neighbourhoods, and fails when two differ.
func agree(t testing.TB, checks []Check) []bool {
	t.Helper()
	v := NewVerifier(8)
	want := make([]bool, len(checks))
	for i, c := range checks {
		want[i] = Verify(c.Key, c.Message, c.Signature)
		if v.Verify(c) != want[i] || v.Verify(c) != want[i] {
			t.Fatalf("check %d: the verifier disagrees with Verify, which says %v", i, want[i])
		}
	}
	for _, size := range []int{1, 2, 3, 4, 5, 16, 63, 64, 65, 130, len(checks)} {
		for start := 0; start < len(checks); start += size {
			part := checks[start:min(start+size, len(checks))]
			got := make([]bool, len(part))
			v.VerifyAll(part, got)
			for i := range got {
				if got[i] != want[start+i] {
					t.Fatalf("check %d in a batch of %d: %v, alone %v", start+i, len(part), got[i], want[start+i])
				}
			}
		}
	}
	return want
}

func TestRFC8032Vectors(t *testing.T) {
	for name, v := range map[string]struct{ seed, key, msg, sig string }{
		"TEST 1": {
			"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
			"",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
		},
		"TEST 2": {
			"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
			"72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
		},
		"TEST 3": {
			"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
			"af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		},
		"TEST SHA(abc)": {
			"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
			"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
			"dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
		},
	} {
		k := fromSeed(unhex(t, v.seed))
		msg, sig := unhex(t, v.msg), Signature(unhex(t, v.sig))
		if k.Public().String() != v.key || k.Sign(msg) != sig || !Verify(k.Public(), msg, sig) {
			t.Errorf("%s: key %v, signature %x", name, k.Public(), k.Sign(msg))
		}
		if sig[0] ^= 1; Verify(k.Public(), msg, sig) {
			t.Errorf("%s: a changed signature is good", name)
		}
	}
}

type wycheproofCase struct {
	ID      int    `json:"tcId"`
	Comment string `json:"comment"`
	Msg     string `json:"msg"`
	Sig     string `json:"sig"`
	Result  string `json:"result"`
}

// TestWycheproof holds the one rule against the vectors of Project Wycheproof,
// which judge by RFC 8032. ZIP-215 differs from them where it says so itself:
// it takes R in any encoding that decodes, and vector 151 writes R = (0, 1) with
// the sign bit of x = 0 set. Only the holder of the key can make such a
// signature, and he can make others for the same message anyway.
func TestWycheproof(t *testing.T) {
	const byZIP215Alone = 151
	var file struct {
		Groups []struct {
			Key struct {
				PK string `json:"pk"`
			} `json:"publicKey"`
			Tests []wycheproofCase `json:"tests"`
		} `json:"testGroups"`
	}
	readVectors(t, "wycheproof/ed25519_test.json", &file)
	var checks []Check
	var cases []wycheproofCase
	for _, group := range file.Groups {
		key, err := ParsePublicKey(group.Key.PK)
		if err != nil {
			t.Errorf("key of %d: %v", group.Tests[0].ID, err)
		}
		for _, c := range group.Tests {
			sig := unhex(t, c.Sig)
			if len(sig) != len(Signature{}) {
				if c.Result == "valid" {
					t.Errorf("%d: a valid signature of %d bytes", c.ID, len(sig))
				}
				continue // has no Signature to ask about; ParseSignature refuses it
			}
			cases = append(cases, c)
			checks = append(checks, Check{Key: key, Message: unhex(t, c.Msg), Signature: Signature(sig)})
		}
	}
	for i, good := range agree(t, checks) {
		if c := cases[i]; good != (c.Result == "valid" || c.ID == byZIP215Alone) {
			t.Errorf("%d %s: %v, want %s", c.ID, c.Comment, good, c.Result)
		}
	}
}

// smallOrder lists every encoding, canonical or not, of the eight points whose
// order divides 8.
func smallOrder() []string {
	zeros, ones := strings.Repeat("00", 30), strings.Repeat("ff", 30)
	return []string{
		"01" + zeros + "00", "01" + zeros + "80", "ee" + ones + "7f", "ee" + ones + "ff",
		"ec" + ones + "7f", "ec" + ones + "ff",
		"00" + zeros + "00", "00" + zeros + "80", "ed" + ones + "7f", "ed" + ones + "ff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
}

// With keys and R of small order and S = 0 the equation of ZIP-215 holds for
// every message, so verifiers disagree about these more than about anything.
// The all-zero key is the exception, because here it is no key.
func TestSmallOrderVerdictsAgree(t *testing.T) {
	var checks []Check
	for _, a := range smallOrder() {
		for _, r := range smallOrder() {
			var c Check
			copy(c.Key.raw[:], unhex(t, a))
			copy(c.Signature[:], unhex(t, r))
			c.Message = []byte("Zcash")
			checks = append(checks, c)
		}
		if _, err := ParsePublicKey(a); err == nil {
			t.Errorf("%s was accepted as a key", a)
		}
	}
	for i, good := range agree(t, checks) {
		if want := !checks[i].Key.IsZero(); good != want {
			t.Errorf("A %x R %x: %v, want %v", checks[i].Key.raw, checks[i].Signature[:32], good, want)
		}
	}
}

// faults are the ways in which a member of a batch can be bad.
func faults() []func(c *Check) {
	return []func(c *Check){
		func(*Check) {}, // none
		func(*Check) {}, // none, so that whole batches are good as well
		func(c *Check) { c.Message = append([]byte("x"), c.Message...) },
		func(c *Check) { c.Signature[0] ^= 1 },
		func(c *Check) { c.Signature[32] ^= 1 },
		func(c *Check) { c.Signature[63] |= 0xe0 }, // S ≥ L
		func(c *Check) { c.Signature = Signature{} },
		func(c *Check) { c.Key = PublicKey{} },
		func(c *Check) { c.Key.raw = [33]byte{2} }, // no point
		func(c *Check) { c.Key.raw[32] = 2 },       // of another algorithm
		func(c *Check) { c.Key.raw[31] ^= 0x80 },
	}
}

func TestBatchAndSingleAgreeWhateverTheMembers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		checks := make([]Check, rapid.IntRange(0, 140).Draw(rt, "members"))
		bad := rapid.IntRange(0, 3).Draw(rt, "how often bad")
		for i := range checks {
			k := fromSeed([]byte(strings.Repeat(string(rune('a'+i%11)), 32)))
			msg := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "message")
			checks[i] = Check{Key: k.Public(), Message: msg, Signature: k.Sign(msg)}
			if bad > 0 && rapid.IntRange(0, bad*8).Draw(rt, "bad") == 0 {
				rapid.SampledFrom(faults()).Draw(rt, "fault")(&checks[i])
			}
		}
		v := NewVerifier(4)
		got := make([]bool, len(checks))
		v.VerifyAll(checks, got)
		for i, c := range checks {
			if want := Verify(c.Key, c.Message, c.Signature); got[i] != want || v.Verify(c) != want {
				rt.Fatalf("member %d: in the batch %v, alone %v", i, got[i], want)
			}
		}
	})
}

func TestVerifierServesManyAtOnce(t *testing.T) {
	v := NewVerifier(0) // which is one: the keys push each other out
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			k := fromSeed([]byte(strings.Repeat(string(rune('a'+g)), 32)))
			checks, ok := make([]Check, 70), make([]bool, 70)
			for i := range checks {
				checks[i] = Check{Key: k.Public(), Message: []byte{byte(i)}, Signature: k.Sign([]byte{byte(i)})}
			}
			checks[g].Message = nil
			v.VerifyAll(checks, ok)
			for i := range ok {
				if ok[i] == (i == g) {
					t.Errorf("goroutine %d: verdict %d is %v", g, i, ok[i])
				}
			}
		})
	}
	group.Wait()
}
