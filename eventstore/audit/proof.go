package audit

import (
	"bytes"
	"encoding/base64"
	"math"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// Proof is what proves one job's history to somebody who has no more than it
// and the founding's fingerprint. It is a file of JSON in one spelling, a commit
// a line:
//
//	{"horus_proof":1,"namespace":"horus","partition":0,"job":"hello","version":3,"commits":[
//	{"seal":"1.1700000000.1.3.…","events":[{"seq":1,"path":"…","event":{"v":1,"ns":"horus",…}},{"seq":…}]},
//	{"seal":"…","events":[…]}
//	]}
//
// A seal is in its wire form; a path is the Merkle path from the event to the
// seal's root (RFC 6962), hashes one after the other in standard base64 without
// padding; an event's bytes stand as in an export, and as "raw" where they
// cannot. Of the log's commits the file has, in their order, those parts that
// are needed and no more:
//
//   - all statements up to the job's last event, from the founding on, which say
//     whose seals and signatures to believe;
//   - all events of the job;
//   - the bundles that these name as their cause, as the runner's process signed
//     them, and how that process joined, which vouches for its key. A bundle
//     stands whole: what else was reported in it is in the file too.
//
// The number of versions is what the file's maker saw; nobody signed it. Whoever
// takes the last commits out and lowers it makes a proof of an earlier state of
// the job, which is true as far as it goes.
type Proof struct {
	Namespace domain.Name
	Partition uint16
	Job       job.ID
	Version   uint64 // of the job's last event in the file
	Parts     []*history.Part
}

// MaxProofBytes bounds a file: all statements that a namespace can have, and a
// job with all its attempts and large bundles.
const MaxProofBytes = 256 << 20

// proofHeading is how every file of this version begins.
const proofHeading = `{"horus_proof":1,"namespace":`

// Append appends the file.
func (p *Proof) Append(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, proofHeading...), string(p.Namespace))
	dst = fixedjson.AppendUint(append(dst, `,"partition":`...), uint64(p.Partition))
	dst = fixedjson.AppendString(append(dst, `,"job":`...), p.Job.String())
	dst = fixedjson.AppendUint(append(dst, `,"version":`...), p.Version)
	dst = append(dst, `,"commits":[`...)
	for i, part := range p.Parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPart(append(dst, '\n'), part)
	}
	return append(dst, "\n]}\n"...)
}

func appendPart(dst []byte, p *history.Part) []byte {
	dst = append(p.Seal.Append(append(dst, `{"seal":"`...)), `","events":[`...)
	for i := range p.Entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendUint(append(dst, `{"seq":`...), p.Entries[i].Seq)
		dst = append(dst, `,"path":"`...)
		dst = base64.RawStdEncoding.AppendEncode(dst, signing.AppendPath(nil, p.Paths[i]))
		dst = appendEvent(append(dst, '"'), p.Entries[i].Bytes)
	}
	return append(dst, "]}"...)
}

// ParseProof reads exactly what [Proof.Append] writes. The error has
// [domain.Invalid] and the reason proof when the file is none at all, and is a
// [*history.Fault] when it was one and was changed. Nothing is proved yet.
func ParseProof(data []byte) (*Proof, error) {
	if !bytes.HasPrefix(data, []byte(proofHeading)) || len(data) > MaxProofBytes {
		return nil, domain.Errorf(domain.Invalid, "proof", "not a proof that was made by this version of Horus")
	}
	p, err := readProof(data)
	if err == nil && !bytes.Equal(p.Append(make([]byte, 0, len(data))), data) {
		err = fault(0, "the file is not written as Horus writes it")
	}
	return p, err
}

func readProof(data []byte) (*Proof, error) {
	p := &Proof{}
	r := fixedjson.NewReader(data)
	r.Literal(proofHeading)
	p.Namespace = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"partition":`)
	partition := r.Uint()
	r.Literal(`,"job":`)
	p.Job = fixedjson.Parsed(r, job.ParseID)
	r.Literal(`,"version":`)
	p.Version = r.Uint()
	r.Literal(`,"commits":[`)
	p.Partition = uint16(partition & math.MaxUint16) //nolint:gosec // compared below
	for at := uint64(0); r.Err() == nil; {
		r.Literal("\n")
		part, err := p.readPart(r, at)
		if err != nil {
			return p, err
		}
		p.Parts, at = append(p.Parts, part), part.Seal.Last()
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal("\n]}\n")
	if err := r.End(); err != nil {
		return p, fault(0, "the file cannot be read: %v", err)
	}
	if partition > math.MaxUint16 {
		return p, fault(0, "the file names partition %d", partition)
	}
	return p, nil
}

// readPart reads a commit behind a place.
func (p *Proof) readPart(r *fixedjson.Reader, at uint64) (*history.Part, error) {
	r.Literal(`{"seal":`)
	seal := r.String()
	r.Literal(`,"events":[`)
	part := &history.Part{}
	for r.Err() == nil {
		r.Literal(`{"seq":`)
		seq := r.Uint()
		r.Literal(`,"path":`)
		path := fixedjson.Parsed(r, parsePath)
		data, _ := readEvent(r) // the whole file is compared with what it must be
		if r.Err() != nil {
			break
		}
		e, err := history.ParseEntry(seq, data)
		if err != nil {
			return nil, fault(max(seq, at+1), "the event cannot be read: %v", err)
		}
		part.Entries, part.Paths = append(part.Entries, e), append(part.Paths, path)
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]}`)
	if err := r.Err(); err != nil {
		return nil, fault(at+1, "the file cannot be read: %v", err)
	}
	var err error
	if part.Seal, err = signing.ParseSeal(string(p.Namespace), p.Partition, []byte(seal)); err != nil {
		return nil, fault(at+1, "%v", err)
	}
	return part, nil
}

func parsePath(text string) ([]signing.Hash, error) {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, domain.Errorf(domain.Invalid, "path", "a path is base64 without padding")
	}
	return signing.ParsePath(raw)
}
