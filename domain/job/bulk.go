package job

import (
	"encoding/base64"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// BulkType is the DSSE payload type of a bulk: many jobs under one signature.
const BulkType = "application/vnd.horus.bulk+json"

// MaxBulk is how many jobs are submitted at once at most, and one signature
// covers.
const MaxBulk = 1000

// Bulk is a job's place among those that one signature covers. With it the job
// stands alone: its document and the path give the root that was signed.
type Bulk struct {
	Namespace domain.Name // that alone may run the jobs
	Count     uint32      // of the jobs, 1 to MaxBulk
	Index     uint32      // of this one, from 0
	Path      []signing.Hash
}

// BulkText returns the payload of a bulk's envelope: the root is that of the
// RFC 6962 tree over the jobs' documents.
//
//	{"count":<count>,"namespace":<namespace>,"root":"<root, hex>"}
func BulkText(namespace domain.Name, count uint32, root signing.Hash) []byte {
	text := fixedjson.AppendUint([]byte(`{"count":`), uint64(count))
	text = fixedjson.AppendString(append(text, `,"namespace":`...), string(namespace))
	return append(appendWord(text, `,"root":`, root.String()), '}')
}

// SignBulk returns the envelope that signs jobs of a namespace together, of
// which docs are the documents as they will be sent.
func SignBulk(namespace domain.Name, docs [][]byte, key signing.PrivateKey) signing.Envelope {
	text := BulkText(namespace, uint32(len(docs)), signing.Root(leavesOf(docs))) //nolint:gosec // whoever reads it has a limit
	return signing.Envelope{PayloadType: BulkType, Payload: text, Signatures: []signing.EnvelopeSignature{{
		KeyID: string(key.Public().ID()), Signature: key.Sign(signing.PAE(BulkType, text)),
	}}}
}

// ParseBulk reads an envelope that signs documents, in their order, and returns
// each as a submission that stands alone. What does not belong together is
// refused with [domain.Unauthenticated] (reason bulk).
func ParseBulk(envelope []byte, docs [][]byte) ([]Submission, error) {
	env, err := signing.ParseEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	if env.PayloadType != BulkType {
		return nil, domain.Errorf(domain.Unauthenticated, "payload_type", "the envelope's payloadType must be %s", BulkType)
	}
	signatures, err := submittedSignatures(&env)
	if err != nil {
		return nil, err
	}
	r := fixedjson.NewReader(env.Payload)
	r.Literal(`{"count":`)
	count := r.Uint()
	r.Literal(`,"namespace":`)
	namespace := fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"root":`)
	root := signing.ReadHash(r)
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, domain.Errorf(domain.Unauthenticated, "bulk", `a bulk's payload is {"count":…,"namespace":…,"root":…} in this order and without white space: %v`, err)
	}
	leaves := leavesOf(docs)
	if count != uint64(len(docs)) || count < 1 || count > MaxBulk || root != signing.Root(leaves) {
		return nil, domain.Errorf(domain.Unauthenticated, "bulk", "the bulk's count or root is not that of these jobs, in this order and byte for byte")
	}
	jobs := make([]Submission, len(docs))
	for i, path := range signing.Paths(leaves) {
		jobs[i] = Submission{Form: FormDSSE, Doc: docs[i], Signatures: signatures, Bulk: &Bulk{
			Namespace: namespace, Count: uint32(count), Index: uint32(i), Path: path, //nolint:gosec // at most MaxBulk
		}}
	}
	return jobs, nil
}

func leavesOf(docs [][]byte) []signing.Hash {
	leaves := make([]signing.Hash, len(docs))
	for i, doc := range docs {
		leaves[i] = signing.LeafHash(doc)
	}
	return leaves
}

// message returns what the signatures of a bulk sign in which doc has its place.
func (b *Bulk) message(doc []byte) ([]byte, error) {
	root, err := signing.RootFromPath(signing.LeafHash(doc), uint64(b.Index), uint64(b.Count), b.Path)
	if err != nil {
		return nil, domain.Errorf(domain.Unauthenticated, "bulk", "the job's path does not fit its place: %v", err)
	}
	return signing.PAE(BulkType, BulkText(b.Namespace, b.Count, root)), nil
}

// append writes {"ns":…,"count":…,"index":…,"path":…}.
func (b *Bulk) append(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, `{"ns":`...), string(b.Namespace))
	dst = fixedjson.AppendUint(append(dst, `,"count":`...), uint64(b.Count))
	dst = fixedjson.AppendUint(append(dst, `,"index":`...), uint64(b.Index))
	dst = append(dst, `,"path":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, signing.AppendPath(nil, b.Path))
	return append(dst, `"}`...)
}

// readBulk reads what append wrote.
func readBulk(r *fixedjson.Reader) *Bulk {
	var b Bulk
	r.Literal(`{"ns":`)
	b.Namespace = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"count":`)
	count := r.Uint()
	r.Literal(`,"index":`)
	index := r.Uint()
	r.Literal(`,"path":`)
	b.Path = fixedjson.Parsed(r, parsePath)
	r.Literal(`}`)
	if r.Err() == nil && (count < 1 || count > MaxBulk || index >= count) {
		r.Fail(domain.Errorf(domain.Invalid, "bulk", "a bulk has 1 to %d jobs, numbered from 0", MaxBulk))
	}
	b.Count, b.Index = uint32(count%(MaxBulk+1)), uint32(index%MaxBulk) //nolint:gosec // bounded
	return &b
}

// parsePath reads a path in the one spelling of standard base64.
func parsePath(text string) ([]signing.Hash, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodedLen(len(raw)) != len(text) {
		return nil, domain.Errorf(domain.Invalid, "path", "a path is base64 with padding")
	}
	return signing.ParsePath(raw)
}

// inBulk fills in what a job in a bulk is signed with, and for whom.
func (o *Opened) inBulk() error {
	var err error
	if o.message, err = o.Bulk.message(o.Doc); err != nil {
		return err
	}
	switch o.Spec.Audience {
	case "", string(o.Bulk.Namespace):
		o.Spec.Audience = string(o.Bulk.Namespace)
		return nil
	}
	return domain.Errorf(domain.Invalid, "audience", "/audience: the job is meant for another audience than its bulk, which is for %s", o.Bulk.Namespace)
}
