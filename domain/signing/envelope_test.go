package signing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

// The published test vector of DSSE v1 (protocol.md, "Test Vectors"). Its key is
// an ECDSA one, so the signature is only carried, not checked.
const (
	dsseType      = "http://example.com/HelloWorld"
	dssePAE       = "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	dsseSignature = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
	dsseEnvelope  = `{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "` + dsseSignature + `"}]}`
)

func TestDSSEVector(t *testing.T) {
	if got := string(signing.PAE(dsseType, []byte("hello world"))); got != dssePAE {
		t.Errorf("PAE %q, want %q", got, dssePAE)
	}
	e, err := signing.ParseEnvelope([]byte(dsseEnvelope))
	if err != nil {
		t.Fatal(err)
	}
	sig, _ := signing.ParseSignature(dsseSignature)
	want := signing.Envelope{PayloadType: dsseType, Payload: []byte("hello world"), Signatures: []signing.EnvelopeSignature{{Signature: sig}}}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPAECountsBytes(t *testing.T) {
	for _, tt := range []struct{ kind, payload, want string }{
		{"", "", "DSSEv1 0  0 "},
		{"é", "€\x00", "DSSEv1 2 é 4 €\x00"},
		{"a 1 b", " 1 c", "DSSEv1 5 a 1 b 4  1 c"},
	} {
		if got := string(signing.PAE(tt.kind, []byte(tt.payload))); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestEnvelopeIsWrittenAndReadBack(t *testing.T) {
	k := keyOf(t, 5)
	payload := []byte("{\"a\": \"<&>\"}\n")
	sig := k.Sign(signing.PAE("application/vnd.horus.job+json", payload))
	e := signing.Envelope{
		PayloadType: "application/vnd.horus.job+json", Payload: payload,
		Signatures: []signing.EnvelopeSignature{{KeyID: string(k.Public().ID()), Signature: sig}, {Signature: sig}},
	}
	text := e.Append([]byte("x"))
	want := `x{"payload":"eyJhIjogIjwmPiJ9Cg==","payloadType":"application/vnd.horus.job+json","signatures":[` +
		`{"keyid":"` + string(k.Public().ID()) + `","sig":"` + sig.String() + `"},{"keyid":"","sig":"` + sig.String() + `"}]}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	back, err := signing.ParseEnvelope(text[1:])
	if diff := cmp.Diff(e, back); err != nil || diff != "" {
		t.Errorf("came back with %v (-want +got):\n%s", err, diff)
	}
	if !signing.Verify(k.Public(), signing.PAE(back.PayloadType, back.Payload), back.Signatures[0].Signature) {
		t.Error("the signature is lost")
	}
}

func TestParseEnvelopeRefuses(t *testing.T) {
	one := `{"sig":"` + dsseSignature + `"}`
	whole := func(payload, kind, signatures string) string {
		return `{"payload":` + payload + `,"payloadType":` + kind + `,"signatures":` + signatures + `}`
	}
	for _, tt := range []struct{ name, text, reason, pointer string }{
		{"nothing", "", "empty", ""},
		{"no type", `{"payload":"","signatures":[` + one + `]}`, "payload", "/payloadType"},
		{"an empty type", whole(`""`, `""`, `[`+one+`]`), "payload", "/payloadType"},
		{"no payload", `{"payloadType":"t","signatures":[` + one + `]}`, "payload", "/payload"},
		{"a null payload", whole(`null`, `"t"`, `[`+one+`]`), "payload", "/payload"},
		{"a payload without padding", whole(`"aGk"`, `"t"`, `[`+one+`]`), "payload", "/payload"},
		{"a payload with a bit more", whole(`"aGl="`, `"t"`, `[`+one+`]`), "payload", "/payload"},
		{"a payload with a line break", whole(`"aG\nk="`, `"t"`, `[`+one+`]`), "payload", "/payload"},
		{"a payload that is no text", whole(`{}`, `"t"`, `[`+one+`]`), "type", "/payload"},
		{"no signatures", whole(`""`, `"t"`, `[]`), "signatures", "/signatures"},
		{"null signatures", whole(`""`, `"t"`, `null`), "signatures", "/signatures"},
		{"nine signatures", whole(`""`, `"t"`, `[`+strings.Repeat(one+",", 8)+one+`]`), "signatures", "/signatures"},
		{"a signature without sig", whole(`""`, `"t"`, `[`+one+`,{"keyid":"a"}]`), "signature", "/signatures/1/sig"},
		{"a signature that is short", whole(`""`, `"t"`, `[{"sig":"AAAA"}]`), "signature", "/signatures/0/sig"},
		{"an unknown member", `{"payload":"","payloadType":"t","signatures":[` + one + `],"x":1}`, "unknown_member", "/x"},
		{"an unknown member of a signature", whole(`""`, `"t"`, `[{"sig":"","cert":""}]`), "unknown_member", "/signatures/0/cert"},
		{"a member twice", `{"payload":"","payload":""}`, "duplicate", "/payload"},
		{"another case", `{"Payload":""}`, "unknown_member", "/Payload"},
		{"more after it", dsseEnvelope + "x", "trailing", ""},
	} {
		_, err := signing.ParseEnvelope([]byte(tt.text))
		e, ok := errors.AsType[*domain.Error](err)
		code := domain.Invalid
		if strings.HasPrefix(tt.reason, "signature") {
			code = domain.Unauthenticated
		}
		if !ok || e.Code != code || e.Reason != tt.reason || e.Pointer != tt.pointer {
			t.Errorf("%s: %#v", tt.name, err)
		}
	}
	eight, err := signing.ParseEnvelope([]byte(whole(`""`, `"t"`, `[`+strings.Repeat(one+",", 7)+one+`]`)))
	if err != nil || len(eight.Signatures) != 8 || len(eight.Payload) != 0 {
		t.Errorf("eight signatures of an empty payload: %v", err)
	}
}

func TestParseEnvelopeTakesBothAlphabetsOfBase64(t *testing.T) {
	for _, payload := range []string{"++8=", "--8="} {
		e, err := signing.ParseEnvelope([]byte(`{"payload":"` + payload + `","payloadType":"t","signatures":[{"sig":"` + dsseSignature + `"}]}`))
		if err != nil || string(e.Payload) != "\xfb\xef" {
			t.Errorf("payload %s: %x, %v", payload, e.Payload, err)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	seedtest.Add(f, []byte(dsseEnvelope))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := signing.ParseEnvelope(data)
		if err != nil {
			code := domain.CodeOf(err)
			if code != domain.Invalid && code != domain.Unauthenticated || domain.ReasonOf(err) == "" {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		back, err := signing.ParseEnvelope(e.Append(nil))
		if diff := cmp.Diff(e, back); err != nil || diff != "" {
			t.Fatalf("%q came back with %v:\n%s", data, err, diff)
		}
	})
}
