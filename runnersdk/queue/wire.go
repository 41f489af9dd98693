// Package queue is the wire between a supervisor and its runners: the names of
// the streams, and what every entry on them looks like. Both ends build and
// read entries here and nowhere else.
//
// A supervisor's projection puts an [Assignment] into a work queue; a runner
// answers with signed bundles (package domain/runner) in the inbox; a [Notice]
// on the control stream tells it that it joined, or why not.
package queue

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// EntryID names a queue entry: the term and the place of the granting event,
// so that a stream is filled in the order of the log even when a log lost its
// tail and numbers were given again.
type EntryID struct{ Term, Seq uint64 }

// String returns the id as Redis writes it.
func (id EntryID) String() string {
	b := append(strconv.AppendUint(make([]byte, 0, 32), id.Term, 10), '-')
	return string(strconv.AppendUint(b, id.Seq, 10))
}

// ParseEntryID reads what String writes.
func ParseEntryID(s string) (EntryID, error) {
	left, right, _ := strings.Cut(s, "-")
	term, err1 := strconv.ParseUint(left, 10, 64)
	seq, err2 := strconv.ParseUint(right, 10, 64)
	if id := (EntryID{term, seq}); err1 == nil && err2 == nil && id.String() == s {
		return id, nil
	}
	return EntryID{}, domain.Errorf(domain.Invalid, "entry_id", "an entry id is <term>-<seq>")
}

// Compare returns -1, 0 or +1 as id stands before, at or behind other.
func (id EntryID) Compare(other EntryID) int {
	return cmp.Or(cmp.Compare(id.Term, other.Term), cmp.Compare(id.Seq, other.Seq))
}

// Assignment is one entry of a work queue: an attempt that somebody may run.
type Assignment struct {
	ID EntryID
	// Grant proves the event that granted the attempt.
	Grant signing.Proof
	// Submission is the job as its client signed it, when the granting event
	// does not hold it.
	Submission *job.Submission
	// Checkpoint is what the attempt begins with; nil if that is nothing. Its
	// hash stands in the grant.
	Checkpoint []byte
}

// Fields returns the entry's names and values in turn.
func (a *Assignment) Fields() []string {
	fields := []string{"grant", string(AppendProof(nil, a.Grant))}
	if a.Submission != nil {
		fields = append(fields, "job", string(job.AppendSubmission(nil, *a.Submission)))
	}
	if a.Checkpoint != nil {
		fields = append(fields, "checkpoint", string(a.Checkpoint))
	}
	return fields
}

// ParseAssignment reads an entry. It checks the form, not the proof.
func (k Keys) ParseAssignment(id string, fields map[string]string) (Assignment, error) {
	var a Assignment
	var err error
	if a.ID, err = ParseEntryID(id); err != nil {
		return a, err
	}
	if a.Grant, err = k.ParseProof([]byte(fields["grant"]), a.ID.Seq); err != nil {
		return a, fmt.Errorf("read the grant: %w", err)
	}
	if text, ok := fields["job"]; ok {
		s, err := job.ParseSubmission([]byte(text))
		if err != nil {
			return a, fmt.Errorf("read the job: %w", err)
		}
		a.Submission = &s
	}
	if text, ok := fields["checkpoint"]; ok {
		a.Checkpoint = []byte(text)
	}
	return a, nil
}

// AppendProof appends a proof as three lines: the seal, the path in base64,
// the event.
func AppendProof(dst []byte, p signing.Proof) []byte {
	const sealRoom, hashRoom = 320, 43
	dst = slices.Grow(dst, sealRoom+hashRoom*len(p.Path)+len(p.Event))
	dst = append(p.Seal.Append(dst), '\n')
	dst = base64.RawStdEncoding.AppendEncode(dst, signing.AppendPath(nil, p.Path))
	return append(append(dst, '\n'), p.Event...)
}

// ParseProof reads the proof of the event at a place. It checks the form, not
// the proof.
func (k Keys) ParseProof(data []byte, seq uint64) (signing.Proof, error) {
	p := signing.Proof{Seq: seq}
	sealLine, rest, ok1 := bytes.Cut(data, []byte{'\n'})
	pathLine, event, ok2 := bytes.Cut(rest, []byte{'\n'})
	if !ok1 || !ok2 {
		return p, domain.Errorf(domain.Invalid, "proof", "a proof has three lines")
	}
	seal, err := signing.ParseSeal(string(k.Namespace), k.Partition, sealLine)
	if err != nil {
		return p, err
	}
	raw, err := base64.RawStdEncoding.Strict().AppendDecode(nil, pathLine)
	if err != nil || len(raw) != base64.RawStdEncoding.DecodedLen(len(pathLine)) { // it skips line breaks
		return p, domain.Errorf(domain.Invalid, "path", "a path is base64 without padding")
	}
	if p.Path, err = signing.ParsePath(raw); err != nil {
		return p, err
	}
	p.Seal, p.Event = seal, event
	return p, nil
}

// parsePlace reads the number of an event in its one spelling.
func parsePlace(s string) (uint64, error) {
	seq, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(seq, 10) != s {
		return 0, domain.Errorf(domain.Invalid, "seq", "a place is a number")
	}
	return seq, nil
}

// BundleFields returns the names and values of an inbox entry in turn.
func BundleFields(s runner.Signed) []string {
	return []string{"bundle", string(s.Doc), "key", string(s.Key), "sig", s.Signature.String()}
}

// ParseBundle reads an inbox entry. It checks the form, not the signature.
func ParseBundle(fields map[string]string) (runner.Signed, error) {
	s := runner.Signed{Doc: []byte(fields["bundle"])}
	var err error
	if s.Key, err = signing.ParseKeyID(fields["key"]); err != nil {
		return s, err
	}
	s.Signature, err = signing.ParseSignature(fields["sig"])
	return s, err
}

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds.
const (
	NoticeJoined  NoticeKind = "joined"  // Proof holds the runner.joined event
	NoticeRefused NoticeKind = "refused" // a hint for people, signed by nobody: Reason says what to do
	// NoticeForgotten says that the history does not know the process, because
	// it lost its end. Nobody signed it; whoever lies costs the process a new
	// beginning.
	NoticeForgotten NoticeKind = "forgotten"
	// NoticeStop says that a job is to be stopped: Proof holds the job.stopping
	// event. It is for whichever process has the attempt.
	NoticeStop NoticeKind = "stop"
)

// Notice is an entry of a control stream.
type Notice struct {
	Kind    NoticeKind
	Process string // whom it is for; empty for all
	Proof   signing.Proof
	Reason  string
}

// Fields returns the entry's names and values in turn.
func (n *Notice) Fields() []string {
	fields := []string{"kind", string(n.Kind), "process", n.Process}
	if n.Kind != NoticeJoined && n.Kind != NoticeStop {
		return append(fields, "reason", n.Reason)
	}
	return append(fields, "seq", strconv.FormatUint(n.Proof.Seq, 10), "proof", string(AppendProof(nil, n.Proof)))
}

// ParseNotice reads an entry of a control stream. It checks the form, not the
// proof.
func (k Keys) ParseNotice(fields map[string]string) (Notice, error) {
	n := Notice{Kind: NoticeKind(fields["kind"]), Process: fields["process"], Reason: fields["reason"]}
	switch n.Kind {
	case NoticeRefused, NoticeForgotten:
		return n, nil
	case NoticeJoined, NoticeStop:
		seq, err := parsePlace(fields["seq"])
		if err != nil {
			return n, err
		}
		n.Proof, err = k.ParseProof([]byte(fields["proof"]), seq)
		return n, err
	}
	return n, domain.Errorf(domain.Invalid, "kind", "no such notice")
}
