package signing_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/herocode/horus/domain/signing"
)

func BenchmarkSign(b *testing.B) {
	k, msg := keyOf(b, 1), make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		k.Sign(msg)
	}
}

// checksOf returns n good checks of 16 keys.
func checksOf(b *testing.B, n int) []signing.Check {
	checks := make([]signing.Check, n)
	for i := range checks {
		k, msg := keyOf(b, byte(1+i%16)), bytes.Repeat([]byte{byte(i)}, 300)
		checks[i] = signing.Check{Key: k.Public(), Message: msg, Signature: k.Sign(msg)}
	}
	return checks
}

func BenchmarkVerifyCached(b *testing.B) {
	v, checks := signing.NewVerifier(16), checksOf(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		if !v.Verify(checks[0]) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkVerifyUncached(b *testing.B) {
	c := checksOf(b, 1)[0]
	for b.Loop() {
		if !signing.Verify(c.Key, c.Message, c.Signature) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkVerifyAll(b *testing.B) {
	for _, n := range []int{4, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v, checks, ok := signing.NewVerifier(16), checksOf(b, n), make([]bool, n)
			b.ReportAllocs()
			for b.Loop() {
				v.VerifyAll(checks, ok)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/signature")
		})
	}
}

func BenchmarkRoot(b *testing.B) {
	for _, n := range []int{64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			leaves := leavesOf(n)
			b.ReportAllocs()
			for b.Loop() {
				signing.Root(leaves)
			}
		})
	}
}

func BenchmarkPaths(b *testing.B) {
	leaves := leavesOf(256)
	b.ReportAllocs()
	for b.Loop() {
		signing.Paths(leaves)
	}
}

func BenchmarkLeafHash(b *testing.B) {
	for _, n := range []int{300, 3000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				signing.LeafHash(data)
			}
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	s, k := sealed(b)
	wire := s.Append(nil)
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire = s.Append(wire[:0])
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := signing.ParseSeal("horus", 7, wire); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Hash", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Hash()
		}
	})
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		public := k.Public()
		for b.Loop() {
			s.Check(public)
		}
	})
}

func BenchmarkParseEnvelope(b *testing.B) {
	text := signing.Envelope{
		PayloadType: "application/vnd.horus.job+json", Payload: make([]byte, 400),
		Signatures: []signing.EnvelopeSignature{{KeyID: "21fe31dfa154a261626bf854046fd227"}},
	}.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signing.ParseEnvelope(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonicalWithout(b *testing.B) {
	text := []byte(`{"id":"0190b5c2-7a44-7cc1-8f2e-0c7f9c0f2a11","caller_id":"caller","context_id":"context","payload":"` +
		string(bytes.Repeat([]byte("x"), 200)) + `","executor":"sal","timeout":300,"env_vars":{"B":"1","A":"2"},` +
		`"signatures":[{"public_key":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a","signature":"x"}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signing.CanonicalWithout(text, "signatures"); err != nil {
			b.Fatal(err)
		}
	}
}
