package job

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/strictjson"
)

// PayloadType is the DSSE payload type of a job document.
const PayloadType = "application/vnd.horus.job+json"

// maxSignatures bounds the signatures of one job.
const maxSignatures = 8

// Submission is a job exactly as its client signed it. The bytes of Doc are
// kept in the log as they came.
type Submission struct {
	Form       Form
	Doc        []byte               // the document: a JSON object without white space around it
	Signatures []SubmittedSignature // of FormDSSE; FormJCS has them inside Doc
	Bulk       *Bulk                // of FormDSSE: what the signatures cover is a bulk; nil if this job alone
}

// SubmittedSignature is one signature of a DSSE envelope.
type SubmittedSignature struct {
	Key       signing.KeyID
	Signature signing.Signature
}

// Opened is a submission that was read: what it asks for, who signed it, and
// what must be checked before any of that is believed.
type Opened struct {
	Submission
	Spec    Spec
	Hash    signing.Hash    // names the job's content; see [Submission.Open]
	Signers []signing.KeyID // in the order of the signatures; empty when unsigned

	message    []byte // what the signatures cover
	signatures []signing.Signature
}

// Parse reads what a client sent as a job: a DSSE envelope, or a document with
// or without signatures. A list of no signatures is none: clients of the
// original send it with what they do not sign.
func Parse(data []byte) (Submission, error) {
	f, ok := scanForm(data)
	if !ok {
		var err error
		if f, err = formOf(strictjson.Members(data)); err != nil {
			return Submission{}, err
		}
	}
	if f == FormDSSE {
		return parseEnvelope(data)
	}
	return Submission{Form: f, Doc: data}, nil
}

func parseEnvelope(data []byte) (Submission, error) {
	env, err := signing.ParseEnvelope(data)
	if err != nil {
		return Submission{}, err
	}
	switch env.PayloadType {
	case PayloadType:
	case BulkType:
		return Submission{}, domain.Errorf(domain.Unauthenticated, "payload_type",
			"the envelope signs a bulk, and goes with all of its jobs; one that is sent alone is signed alone, and is the same job")
	default:
		return Submission{}, domain.Errorf(domain.Unauthenticated, "payload_type", "the envelope's payloadType must be %s", PayloadType)
	}
	signatures, err := submittedSignatures(&env)
	return Submission{Form: FormDSSE, Doc: env.Payload, Signatures: signatures}, err
}

// submittedSignatures returns an envelope's signatures with who made them.
func submittedSignatures(env *signing.Envelope) ([]SubmittedSignature, error) {
	list := make([]SubmittedSignature, len(env.Signatures))
	for i, sig := range env.Signatures {
		key, err := signing.ParseKeyID(sig.KeyID)
		if err != nil {
			return nil, domain.Errorf(domain.Unauthenticated, "key", "the envelope's keyid must be a key id of 32 hexadecimal digits")
		}
		list[i] = SubmittedSignature{key, sig.Signature}
	}
	return list, nil
}

// Open reads the document. The hash covers the form and the document, and
// never a signature: a client that signs the same document again, alone or in a
// bulk, submits the same job.
func (s Submission) Open() (*Opened, error) {
	if len(s.Doc) == 0 || s.Doc[0] != '{' || s.Doc[len(s.Doc)-1] != '}' {
		return nil, domain.Errorf(domain.Invalid, "syntax", "a job document is a JSON object without white space around it")
	}
	if len(s.Doc) > MaxDocumentBytes {
		return nil, domain.Errorf(domain.Invalid, "size", "the job has %d bytes; the limit is %d", len(s.Doc), MaxDocumentBytes)
	}
	doc, err := parseDocument(s.Doc)
	if err != nil {
		return nil, err
	}
	spec, err := doc.spec()
	if err != nil {
		return nil, err
	}
	o := &Opened{Submission: s, Spec: spec}
	if err := o.openSignatures(&doc); err != nil {
		return nil, err
	}
	if len(o.Signers) > 0 && spec.ID.IsZero() {
		return nil, domain.Errorf(domain.Invalid, "id", "/id: a signed job names its id")
	}
	if len(o.Signers) == 0 && spec.Nonce != "" {
		return nil, at("/nonce", domain.Errorf(domain.Invalid, "form", "a nonce belongs to the key that signs with it, and nobody signed this job: sign it, or leave the nonce out"))
	}
	sum := sha256.New()
	sum.Write([]byte(s.Form))
	sum.Write([]byte{0})
	sum.Write(o.signedBytes())
	sum.Sum(o.Hash[:0])
	return o, nil
}

// openSignatures finds the signers and the bytes that they signed.
func (o *Opened) openSignatures(doc *Document) error {
	if o.Bulk != nil && o.Form != FormDSSE {
		return domain.Errorf(domain.Invalid, "form", "a job in a bulk is signed by an envelope")
	}
	switch o.Form {
	case FormUnsigned:
		if len(doc.Signatures) > 0 || len(o.Submission.Signatures) > 0 {
			return domain.Errorf(domain.Invalid, "form", "an unsigned job has no signatures")
		}
		return nil
	case FormDSSE:
		if len(o.Submission.Signatures) == 0 || len(doc.Signatures) > 0 {
			return domain.Errorf(domain.Unauthenticated, "signature", "an enveloped job is signed by its envelope alone")
		}
		o.message = signing.PAE(PayloadType, o.Doc)
		for _, s := range o.Submission.Signatures {
			o.Signers = append(o.Signers, s.Key)
			o.signatures = append(o.signatures, s.Signature)
		}
		if o.Bulk != nil {
			if err := o.inBulk(); err != nil {
				return err
			}
		}
		return o.distinct()
	case FormJCS:
		if len(o.Submission.Signatures) > 0 {
			return domain.Errorf(domain.Invalid, "form", "the signatures of this form stand in the document")
		}
		canonical, err := signing.CanonicalWithout(o.Doc, "signatures")
		if err != nil {
			return err
		}
		o.message = canonical
		for _, s := range doc.Signatures {
			key, sig, err := s.parse()
			if err != nil {
				return err
			}
			o.Signers = append(o.Signers, key.ID())
			o.signatures = append(o.signatures, sig)
		}
		return o.distinct()
	}
	return errForm()
}

// distinct refuses a job that nobody signed, or somebody twice.
func (o *Opened) distinct() error {
	sorted := slices.Sorted(slices.Values(o.Signers))
	if n := len(sorted); n == 0 || n > maxSignatures || len(slices.Compact(sorted)) != n {
		return domain.Errorf(domain.Unauthenticated, "signature", "a signed job has 1 to %d signatures of different keys", maxSignatures)
	}
	return nil
}

// parse reads a signature of the original's shape.
func (d *DocumentSignature) parse() (signing.PublicKey, signing.Signature, error) {
	var sig signing.Signature
	key, err := signing.ParsePublicKey(d.PublicKey)
	if err != nil {
		return key, sig, domain.Errorf(domain.Unauthenticated, "key", "a public_key is 64 lowercase hexadecimal digits for Ed25519, or 66 for a compressed secp256k1 key")
	}
	if n, err := hex.Decode(make([]byte, len(d.Signature)/2+1), []byte(d.Signature)); err != nil || n != len(sig) {
		return key, sig, domain.Errorf(domain.Unauthenticated, "signature", "a signature has 128 hexadecimal digits")
	}
	_, _ = hex.Decode(sig[:], []byte(d.Signature)) // checked above
	return key, sig, nil
}

// from reports whether an event may say that the job is from by: its first
// signer, or, unsigned, anybody but a client, since those sign.
func (o *Opened) from(by event.Actor) bool {
	if len(o.Signers) > 0 {
		return by == event.ByClient(string(o.Signers[0]))
	}
	return !strings.HasPrefix(string(by), string(event.ByClient("")))
}

// signedBytes is what names the job's content.
func (o *Opened) signedBytes() []byte {
	if o.Form == FormJCS {
		return o.message
	}
	return o.Doc
}

// AppendChecks appends a check for every signature. The job is signed by its
// signers when all of them hold; known gives a key's bytes. A signer that is
// not known is refused with [domain.Forbidden].
func (o *Opened) AppendChecks(dst []signing.Check, known func(signing.KeyID) (signing.PublicKey, bool)) ([]signing.Check, error) {
	for i, id := range o.Signers {
		key, ok := known(id)
		if !ok {
			return dst, domain.Errorf(domain.Forbidden, "key", "key %s may not sign jobs here: an administrator admits it with horus keys add", id)
		}
		dst = append(dst, signing.Check{Key: key, Message: o.message, Signature: o.signatures[i], Shared: o.Bulk != nil})
	}
	return dst, nil
}

// CheckFor refuses a job that is meant for another namespace or whose
// signature has ended.
func (s *Spec) CheckFor(namespace string, now event.Time) error {
	if s.Audience != "" && s.Audience != namespace {
		return domain.Errorf(domain.Expired, "audience", "the job is meant for the namespace %s, and this is %s", s.Audience, namespace)
	}
	if !s.NotAfter.IsZero() && now > s.NotAfter {
		return domain.Errorf(domain.Expired, "not_after", "the job's not_after has passed")
	}
	return nil
}

// CheckTimes refuses a job that comes after its time or far too long before it.
// Only a leader's clock says so: a runner's may be wrong, and would keep a job
// that nobody else gets.
func (s *Spec) CheckTimes(now event.Time) error {
	if !s.Expires.IsZero() && now > s.Expires {
		return domain.Errorf(domain.Expired, "expires_at", "the job's expires_at has passed")
	}
	if s.RunAt > now.Add(MaxDelay) {
		return at("/run_at", domain.Errorf(domain.Invalid, "bounds", "run_at is more than 366 days ahead"))
	}
	if !s.Expires.IsZero() && s.Start(now) > s.Expires {
		return at("/expires_at", domain.Errorf(domain.Invalid, "bounds", "the job would expire before its delay is over"))
	}
	if !s.NotAfter.IsZero() && s.Start(now) > s.NotAfter {
		return at("/not_after", domain.Errorf(domain.Invalid, "bounds", "the job's not_after is before its delay is over"))
	}
	return nil
}

// append writes the members form, doc, sigs and bulk.
func (s *Submission) append(dst []byte) []byte {
	dst = append(append(dst, `"form":"`...), s.Form...)
	dst = append(append(dst, `","doc":`...), s.Doc...)
	for i, sig := range s.Signatures {
		if i == 0 {
			dst = append(dst, `,"sigs":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(append(dst, `{"key":"`...), sig.Key...)
		dst = append(append(dst, `","sig":"`...), sig.Signature.String()...)
		dst = append(dst, `"}`...)
	}
	if len(s.Signatures) > 0 {
		dst = append(dst, ']')
	}
	if s.Bulk != nil {
		dst = s.Bulk.append(append(dst, `,"bulk":`...))
	}
	return dst
}

// readSubmission reads what append wrote.
func readSubmission(r *fixedjson.Reader) Submission {
	var s Submission
	r.Literal(`"form":`)
	s.Form = fixedjson.ParsedText(r, parseForm)
	r.Literal(`,"doc":`)
	s.Doc = r.Value()
	if !r.Optional(`,"sigs":[`) {
		return s
	}
	for range maxSignatures {
		var sig SubmittedSignature
		r.Literal(`{"key":`)
		sig.Key = fixedjson.Parsed(r, signing.ParseKeyID)
		r.Literal(`,"sig":`)
		sig.Signature = fixedjson.Parsed(r, signing.ParseSignature)
		r.Literal(`}`)
		s.Signatures = append(s.Signatures, sig)
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]`)
	if r.Optional(`,"bulk":`) {
		s.Bulk = readBulk(r)
	}
	return s
}

// AppendSubmission appends a submission as a document of its own, as a queue
// entry carries it when the granting event does not hold it.
func AppendSubmission(dst []byte, s Submission) []byte {
	return append(s.append(append(dst, '{')), '}')
}

// ParseSubmission reads what [AppendSubmission] wrote.
func ParseSubmission(data []byte) (Submission, error) {
	r := fixedjson.NewReader(data)
	r.Literal(`{`)
	s := readSubmission(r)
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return Submission{}, fmt.Errorf("parse submission: %w", err)
	}
	return s, nil
}
