package job_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

const (
	noon = event.Time(1767355200_000000) // 2026-01-02T12:00:00Z
	hour = event.Time(3600_000000)
)

// key makes the private key of a number.
func key(t testing.TB, n byte) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// enveloped signs a document as DSSE does.
func enveloped(t testing.TB, payloadType, doc string, signers ...byte) []byte {
	t.Helper()
	e := signing.Envelope{PayloadType: payloadType, Payload: []byte(doc)}
	for _, n := range signers {
		k := key(t, n)
		e.Signatures = append(e.Signatures, signing.EnvelopeSignature{
			KeyID: string(k.Public().ID()), Signature: k.Sign(signing.PAE(payloadType, []byte(doc))),
		})
	}
	return e.Append(nil)
}

// listed signs a document as clients of the original do: doc is without its
// last brace, and canonical is its RFC 8785 form, written by hand.
func listed(t testing.TB, doc, canonical string, signers ...byte) []byte {
	t.Helper()
	list := make([]string, len(signers))
	for i, n := range signers {
		sig := key(t, n).Sign([]byte(canonical))
		list[i] = fmt.Sprintf(`{"public_key":"%s","signature":"%s"}`, key(t, n).Public(), hex.EncodeToString(sig[:]))
	}
	return []byte(doc + `,"signatures":[` + strings.Join(list, ",") + `]}`)
}

const (
	plainDoc  = `{"id":"j1","payload":"echo hello","executor":"sh"}`
	openDoc   = `{"id":"j1","payload":"echo hello","executor":"sh"` // without its brace
	canonical = `{"executor":"sh","id":"j1","payload":"echo hello"}`
)

// opened parses and opens what a client sent.
func opened(data []byte) (*job.Opened, error) {
	s, err := job.Parse(data)
	if err != nil {
		return nil, err
	}
	return s.Open()
}

func mustOpen(t testing.TB, data []byte) *job.Opened {
	t.Helper()
	o, err := opened(data)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return o
}

// holds reports whether every signature is good; the keys of the numbers 1 to 9
// are known.
func holds(t testing.TB, o *job.Opened) bool {
	t.Helper()
	checks, err := o.AppendChecks(nil, func(id signing.KeyID) (signing.PublicKey, bool) {
		for n := byte(1); n < 10; n++ {
			if k := key(t, n).Public(); k.ID() == id {
				return k, true
			}
		}
		return signing.PublicKey{}, false
	})
	if err != nil {
		t.Fatal(err)
	}
	ok := make([]bool, len(checks))
	signing.NewVerifier(4).VerifyAll(checks, ok)
	return !slices.Contains(ok, false)
}

func TestFormsOfSubmission(t *testing.T) {
	one := []signing.KeyID{key(t, 1).Public().ID()}
	two := []signing.KeyID{key(t, 2).Public().ID(), key(t, 1).Public().ID()}
	for _, tt := range []struct {
		name    string
		data    []byte
		form    job.Form
		signers []signing.KeyID
	}{
		{"a plain document", []byte(plainDoc), job.FormUnsigned, nil},
		{"an envelope", enveloped(t, job.PayloadType, plainDoc, 1), job.FormDSSE, one},
		{"an envelope of two signers", enveloped(t, job.PayloadType, plainDoc, 2, 1), job.FormDSSE, two},
		{"a document with a signature", listed(t, openDoc, canonical, 1), job.FormJCS, one},
		{"a document with two signatures", listed(t, openDoc, canonical, 2, 1), job.FormJCS, two},
		{"a document with its members in another order", listed(t, `{"payload":"echo hello","executor":"sh", "id":"j1"`, canonical, 1), job.FormJCS, one},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := mustOpen(t, tt.data)
			if o.Form != tt.form || !slices.Equal(o.Signers, tt.signers) || o.Spec.Payload != "echo hello" {
				t.Errorf("form %s, signers %v, spec %+v", o.Form, o.Signers, o.Spec)
			}
			if !holds(t, o) {
				t.Error("a signature does not hold")
			}
		})
	}
}

// The members of an object have no order, yet an envelope whose signatures
// stood before its payloadType was taken for a document and refused.
func TestAnEnvelopeIsKnownInAnyOrder(t *testing.T) {
	sig := key(t, 1).Sign(signing.PAE(job.PayloadType, []byte(plainDoc)))
	data := fmt.Sprintf(`{"signatures":[{"sig":"%s","keyid":"%s"}],"payloadType":"%s","payload":"%s"}`,
		base64.StdEncoding.EncodeToString(sig[:]), key(t, 1).Public().ID(), job.PayloadType, base64.StdEncoding.EncodeToString([]byte(plainDoc)))
	if o := mustOpen(t, []byte(data)); o.Form != job.FormDSSE || !holds(t, o) {
		t.Errorf("read as %s", o.Form)
	}
}

// Clients of the original send a list of no signatures with a job that they do
// not sign. It was taken for a signed job that nobody signed, and no setting
// could let it in.
func TestAListOfNoSignaturesIsNone(t *testing.T) {
	for _, list := range []string{`[]`, `[ ]`, "[\n\t]", `null`} {
		o, err := opened([]byte(openDoc + `,"signatures":` + list + `}`))
		if err != nil || o.Form != job.FormUnsigned || len(o.Signers) != 0 {
			t.Errorf("signatures %s: %+v, %v", list, o, err)
		}
	}
}

func TestTheHashNamesWhatWasAskedAndHow(t *testing.T) {
	dsse := mustOpen(t, enveloped(t, job.PayloadType, plainDoc, 1))
	jcs := mustOpen(t, listed(t, openDoc, canonical, 1))
	plain := mustOpen(t, []byte(plainDoc))
	for name, tt := range map[string]struct {
		a, b *job.Opened
		same bool
	}{
		"signed by another":               {dsse, mustOpen(t, enveloped(t, job.PayloadType, plainDoc, 2)), true},
		"signed by one more":              {dsse, mustOpen(t, enveloped(t, job.PayloadType, plainDoc, 1, 2)), true},
		"listed and signed by another":    {jcs, mustOpen(t, listed(t, openDoc, canonical, 2)), true},
		"listed in another order":         {jcs, mustOpen(t, listed(t, `{"payload":"echo hello", "executor":"sh","id":"j1"`, canonical, 1)), true},
		"with a space in the signed text": {dsse, mustOpen(t, enveloped(t, job.PayloadType, strings.Replace(plainDoc, `,`, `, `, 1), 1)), false},
		"with another payload":            {plain, mustOpen(t, []byte(strings.Replace(plainDoc, "hello", "hallo", 1))), false},
		"enveloped or listed":             {dsse, jcs, false},
		"enveloped or plain":              {dsse, plain, false},
		"listed or plain":                 {jcs, mustOpen(t, []byte(canonical)), false},
	} {
		if (tt.a.Hash == tt.b.Hash) != tt.same {
			t.Errorf("%s: same %v, want %v", name, !tt.same, tt.same)
		}
	}
	// SHA-256("unsigned" ‖ 0x00 ‖ the document), by sha256sum.
	if got, want := plain.Hash.String(), "544234e3a9c45a511930b8499361326f8726a3506ee38e35f0076100963e8467"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestSignaturesAreGoodForTheirBytesAlone(t *testing.T) {
	foreign := func(edit func(*job.Submission)) *job.Opened {
		s, err := job.Parse(enveloped(t, job.PayloadType, plainDoc, 1, 3))
		if err != nil {
			t.Fatal(err)
		}
		edit(&s)
		o, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10) // of the curve's group, RFC 8032, section 5.1
	for name, o := range map[string]*job.Opened{
		"the document got a space":   foreign(func(s *job.Submission) { s.Doc = []byte(strings.Replace(plainDoc, `,`, `, `, 1)) }),
		"its members changed places": foreign(func(s *job.Submission) { s.Doc = []byte(canonical) }),
		"another key is named":       foreign(func(s *job.Submission) { s.Signatures[0].Key = key(t, 2).Public().ID() }),
		"a bit of it fell over":      foreign(func(s *job.Submission) { s.Signatures[0].Signature[3] ^= 4 }),
		"S is not reduced": foreign(func(s *job.Submission) { // S + L: the same equation, another text
			sig := &s.Signatures[0].Signature
			slices.Reverse(sig[32:])
			high := new(big.Int).Add(new(big.Int).SetBytes(sig[32:]), order)
			high.FillBytes(sig[32:])
			slices.Reverse(sig[32:])
		}),
		"it is of a bundle": foreign(func(s *job.Submission) {
			s.Signatures[0].Signature = key(t, 1).Sign(signing.PAE("application/vnd.horus.bundle.v1+json", s.Doc))
		}),
		"it is of the canonical form":        foreign(func(s *job.Submission) { s.Signatures[0].Signature = key(t, 1).Sign([]byte(canonical)) }),
		"a listed one is of the text itself": mustOpen(t, listed(t, openDoc, plainDoc, 1)),
		"a listed one is of other content":   mustOpen(t, listed(t, strings.Replace(openDoc, "hello", "hallo", 1), canonical, 1)),
		"a bit of the second one fell over":  foreign(func(s *job.Submission) { s.Signatures[1].Signature[3] ^= 4 }),
	} {
		if holds(t, o) {
			t.Errorf("the signature holds though %s", name)
		}
	}
}

func TestSignaturesThatCannotBeSignatures(t *testing.T) {
	good := string(enveloped(t, job.PayloadType, plainDoc, 1))
	sig := key(t, 1).Sign(signing.PAE(job.PayloadType, []byte(plainDoc)))
	text, id := base64.StdEncoding.EncodeToString(sig[:]), string(key(t, 1).Public().ID())
	jcs := string(listed(t, openDoc, canonical, 1))
	jcsSig := key(t, 1).Sign([]byte(canonical))
	hexSig, hexKey := hex.EncodeToString(jcsSig[:]), key(t, 1).Public().String()
	change := func(text, old, replacement string) []byte {
		if !strings.Contains(text, old) {
			t.Fatalf("%s has no %s", text, old)
		}
		return []byte(strings.Replace(text, old, replacement, 1))
	}
	for name, data := range map[string][]byte{
		"an envelope of another type":                  enveloped(t, "application/vnd.horus.bundle.v1+json", plainDoc, 1),
		"an envelope of nearly the type":               enveloped(t, job.PayloadType+" ", plainDoc, 1),
		"an envelope without a signature":              enveloped(t, job.PayloadType, plainDoc),
		"an envelope of nine signatures":               enveloped(t, job.PayloadType, plainDoc, 1, 2, 3, 4, 5, 6, 7, 8, 9),
		"an envelope signed twice by one key":          enveloped(t, job.PayloadType, plainDoc, 1, 1),
		"an envelope of a signed document":             enveloped(t, job.PayloadType, jcs, 1),
		"an envelope that names no key":                change(good, id, ""),
		"an envelope that names a key's name":          change(good, id, "web"),
		"an envelope with a key id in capitals":        change(good, id, strings.ToUpper(id)),
		"a signature of 63 bytes":                      change(good, text, base64.StdEncoding.EncodeToString(sig[:63])),
		"a signature of 65 bytes":                      change(good, text, base64.StdEncoding.EncodeToString(append(sig[:], 0))),
		"a signature in hex":                           change(good, text, hex.EncodeToString(sig[:])),
		"a signature that is not base64":               change(good, text, "*"+text[1:]),
		"a signature without text":                     change(good, text, ""),
		"a document without a signature in it":         change(jcs, `,"signature":"`+hexSig+`"`, ""),
		"a document without a key in it":               change(jcs, `"public_key":"`+hexKey+`",`, ""),
		"a document with a short signature":            change(jcs, hexSig, hexSig[2:]),
		"a document with a long signature":             change(jcs, hexSig, hexSig+"00"),
		"a document with half a byte":                  change(jcs, hexSig, hexSig[1:]),
		"a document with base64 for hex":               change(jcs, hexSig, base64.StdEncoding.EncodeToString(jcsSig[:])),
		"a document with an uncompressed point's mark": change(jcs, hexKey, "04"+hexKey),
		"a document with a key of small order":         change(jcs, hexKey, "01"+strings.Repeat("0", 62)),
		"a document with a second spelling of a key":   change(jcs, hexKey, strings.Repeat("f", 62)+"7f"),
		"a document of nine signatures":                listed(t, openDoc, canonical, 1, 2, 3, 4, 5, 6, 7, 8, 9),
		"a document signed twice by one key":           listed(t, openDoc, canonical, 1, 1),
	} {
		if o, err := opened(data); domain.CodeOf(err) != domain.Unauthenticated {
			t.Errorf("%s: %+v, %v; want unauthenticated", name, o, err)
		} else if strings.Contains(err.Error(), hexKey) || len(err.Error()) > 200 {
			t.Errorf("%s: the error repeats its input: %v", name, err)
		}
	}
	if o := mustOpen(t, enveloped(t, job.PayloadType, plainDoc, 1, 2, 3, 4, 5, 6, 7, 8)); !holds(t, o) {
		t.Error("eight signatures do not hold")
	}
	if o := mustOpen(t, listed(t, openDoc, canonical, 1, 2, 3, 4, 5, 6, 7, 8)); !holds(t, o) {
		t.Error("eight listed signatures do not hold")
	}
}

func TestAKeyThatNobodyAdmittedSignsNothing(t *testing.T) {
	o := mustOpen(t, enveloped(t, job.PayloadType, plainDoc, 1))
	_, err := o.AppendChecks(nil, func(signing.KeyID) (signing.PublicKey, bool) { return signing.PublicKey{}, false })
	if domain.CodeOf(err) != domain.Forbidden || domain.ReasonOf(err) != "key" {
		t.Errorf("%v, want forbidden", err)
	}
}

func TestSubmissionsTravelInOneSpelling(t *testing.T) {
	for name, data := range map[string][]byte{
		"plain":     []byte(plainDoc),
		"spaced":    []byte("{ \"id\": \"j1\",\n \"payload\": \"\\\"}\", \"executor\":\"sh\" }"),
		"enveloped": enveloped(t, job.PayloadType, plainDoc, 1, 2),
		"listed":    listed(t, openDoc, canonical, 1),
	} {
		want, err := job.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		text := job.AppendSubmission(nil, want)
		got, err := job.ParseSubmission(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	const golden = `{"form":"unsigned","doc":` + plainDoc + `}`
	plain, err := job.Parse([]byte(plainDoc))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(job.AppendSubmission(nil, plain)); got != golden {
		t.Errorf("AppendSubmission wrote %s, want %s", got, golden)
	}
}

func TestSubmissionsOfNoForm(t *testing.T) {
	sig := base64.StdEncoding.EncodeToString(make([]byte, 64))
	sigs := `,"sigs":[{"key":"` + string(key(t, 1).Public().ID()) + `","sig":"` + sig + `"}]`
	for name, text := range map[string]string{
		"a form that is none":             `{"form":"pgp","doc":` + plainDoc + `}`,
		"a form that needs escapes":       `{"form":"\"","doc":` + plainDoc + `}`,
		"nine signatures":                 `{"form":"dsse","doc":` + plainDoc + `,"sigs":[` + strings.Repeat(sigs[9:len(sigs)-1]+",", 8) + sigs[9:len(sigs)-1] + `]}`,
		"no signatures, but a list":       `{"form":"dsse","doc":` + plainDoc + `,"sigs":[]}`,
		"no document":                     `{"form":"dsse","doc":}`,
		"unsigned with signatures":        `{"form":"unsigned","doc":` + plainDoc + sigs + `}`,
		"listed, with signatures outside": `{"form":"jcs","doc":` + string(listed(t, openDoc, canonical, 1)) + sigs + `}`,
		"listed, with no signature":       `{"form":"jcs","doc":` + plainDoc + `}`,
		"enveloped, with no signature":    `{"form":"dsse","doc":` + plainDoc + `}`,
		"unsigned, but it is signed":      `{"form":"unsigned","doc":` + string(listed(t, openDoc, canonical, 1)) + `}`,
		"a document with space around it": `{"form":"unsigned","doc": ` + plainDoc + `}`,
		"a document that is a list":       `{"form":"unsigned","doc":[]}`,
		"a document of two faces":         `{"form":"unsigned","doc":{"id":"j1","id":"j2","payload":"x","executor":"sh"}}`,
	} {
		s, err := job.ParseSubmission([]byte(text))
		if err == nil {
			_, err = s.Open()
		}
		if err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// FuzzSubmission holds that what a client sends is kept and comes back word for
// word, and that opening it says the same twice.
func FuzzSubmission(f *testing.F) {
	dsse, jcs := enveloped(f, job.PayloadType, plainDoc, 1), listed(f, openDoc, canonical, 1)
	seedtest.Add(f, []byte(plainDoc), dsse, jcs)
	f.Add([]byte(`{"payload":"x","runner":"r1","timeout":1,"max_attempts":25,"env_vars":{"A":"b"},"not_after":"2026-01-02T15:04:05Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := job.Parse(data)
		if err != nil {
			return
		}
		o, err := s.Open()
		if err != nil {
			return
		}
		text := job.AppendSubmission(nil, s)
		again, err := job.ParseSubmission(text)
		if err != nil {
			t.Fatalf("%q is kept as %q: %v", data, text, err)
		}
		p, err := again.Open()
		if err != nil || p.Hash != o.Hash || !bytes.Equal(again.Doc, s.Doc) || !slices.Equal(p.Signers, o.Signers) {
			t.Fatalf("%q came back as %q with hash %s, %v", data, again.Doc, p.Hash, err)
		}
	})
}

// A secp256k1 key signs in both forms, as clients of the original do.
func TestSecp256k1SignsJobs(t *testing.T) {
	k, err := signing.GenerateSecp256k1(bytes.NewReader(bytes.Repeat([]byte{5}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	sig := k.Sign([]byte(canonical))
	inside := fmt.Sprintf(`%s,"signatures":[{"public_key":"%s","signature":"%s"}]}`, openDoc, k.Public(), hex.EncodeToString(sig[:]))
	envelope := signing.Envelope{PayloadType: job.PayloadType, Payload: []byte(plainDoc), Signatures: []signing.EnvelopeSignature{
		{KeyID: string(k.Public().ID()), Signature: k.Sign(signing.PAE(job.PayloadType, []byte(plainDoc)))},
	}}
	for _, data := range [][]byte{[]byte(inside), envelope.Append(nil)} {
		o := mustOpen(t, data)
		checks, err := o.AppendChecks(nil, func(id signing.KeyID) (signing.PublicKey, bool) { return k.Public(), id == k.Public().ID() })
		if err != nil || len(checks) != 1 || !signing.Verify(checks[0].Key, checks[0].Message, checks[0].Signature) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
