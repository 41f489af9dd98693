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
func (id EntryID) String() string { return string(id.Append(make([]byte, 0, 48))) }

// Append appends what String returns.
func (id EntryID) Append(dst []byte) []byte {
	dst = append(strconv.AppendUint(dst, id.Term, 10), '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

// ParseEntryID reads what String writes.
func ParseEntryID(s string) (EntryID, error) {
	left, right, _ := strings.Cut(s, "-")
	term, err1 := parsePlace(left)
	seq, err2 := parsePlace(right)
	if err1 != nil || err2 != nil {
		return EntryID{}, domain.Errorf(domain.Invalid, "entry_id", "an entry id is <term>-<seq>")
	}
	return EntryID{term, seq}, nil
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

// Field is a name in an entry, and what stands there.
type Field struct {
	Name  string
	Value []byte
}

// Fields returns the entry's names and values in turn.
func (a *Assignment) Fields() []string {
	fields, _ := a.AppendFields(nil, nil)
	texts := make([]string, 0, 2*len(fields))
	for _, f := range fields {
		texts = append(texts, f.Name, string(f.Value))
	}
	return texts
}

// AppendFields appends the entry's fields, and to room what stands in them and
// has to be written for that.
func (a *Assignment) AppendFields(fields []Field, room []byte) ([]Field, []byte) {
	start := len(room)
	room = AppendProof(room, a.Grant)
	fields = append(fields, Field{"grant", room[start:]})
	if a.Submission != nil {
		start = len(room)
		room = job.AppendSubmission(room, *a.Submission)
		fields = append(fields, Field{"job", room[start:]})
	}
	if a.Checkpoint != nil {
		fields = append(fields, Field{"checkpoint", a.Checkpoint})
	}
	return fields, room
}

// ParseAssignment reads an entry. It checks the form, not the proof.
func (k Keys) ParseAssignment(id string, fields map[string]string) (Assignment, error) {
	return (&Reader{Keys: k}).Assignment(id, fields)
}

// Assignment is [Keys.ParseAssignment].
func (r *Reader) Assignment(id string, fields map[string]string) (Assignment, error) {
	var a Assignment
	var err error
	if a.ID, err = ParseEntryID(id); err != nil {
		return a, err
	}
	if a.Grant, err = r.proof([]byte(fields["grant"]), a.ID.Seq); err != nil {
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
	var room [pathRoom]byte
	dst = slices.Grow(dst, sealRoom+hashRoom*len(p.Path)+len(p.Event))
	dst = append(p.Seal.Append(dst), '\n')
	dst = base64.RawStdEncoding.AppendEncode(dst, signing.AppendPath(room[:0], p.Path))
	return append(append(dst, '\n'), p.Event...)
}

// pathRoom holds the path of any event of a commit: a tree of MaxSealed leaves
// has eight levels above them.
const pathRoom = 8 * len(signing.Hash{})

// pathText is how a path is written: in the one spelling of its bits.
var pathText = base64.RawStdEncoding.Strict()

// ParseProof reads the proof of the event at a place. It checks the form, not
// the proof.
func (k Keys) ParseProof(data []byte, seq uint64) (signing.Proof, error) {
	return (&Reader{Keys: k}).proof(data, seq)
}

// Reader reads entries of work queues one after the other. Neighbours were mostly
// granted in one commit, so the seal of one is compared with the next one's text
// before that is read. It is not safe for concurrent use.
type Reader struct {
	Keys Keys

	line []byte // the seal that was read last, as it stood there
	seal signing.Seal
}

// proof is [Keys.ParseProof].
func (r *Reader) proof(data []byte, seq uint64) (signing.Proof, error) {
	p := signing.Proof{Seq: seq}
	sealLine, rest, ok1 := bytes.Cut(data, []byte{'\n'})
	pathLine, event, ok2 := bytes.Cut(rest, []byte{'\n'})
	if !ok1 || !ok2 {
		return p, domain.Errorf(domain.Invalid, "proof", "a proof has three lines")
	}
	if err := r.readSeal(sealLine); err != nil {
		return p, err
	}
	var room [pathRoom]byte
	raw, err := pathText.AppendDecode(room[:0], pathLine)
	if err != nil || len(raw) != base64.RawStdEncoding.DecodedLen(len(pathLine)) { // it skips line breaks
		return p, domain.Errorf(domain.Invalid, "path", "a path is base64 without padding")
	}
	if p.Path, err = signing.ParsePath(raw); err != nil {
		return p, err
	}
	p.Seal, p.Event = r.seal, event
	return p, nil
}

// readSeal reads a seal unless it is the one that was read last.
func (r *Reader) readSeal(line []byte) error {
	if len(line) > 0 && bytes.Equal(line, r.line) {
		return nil
	}
	seal, err := signing.ParseSeal(string(r.Keys.Namespace), r.Keys.Partition, line)
	if err != nil {
		return err
	}
	r.line, r.seal = append(r.line[:0], line...), seal
	return nil
}

// parsePlace reads the number of an event in its one spelling.
func parsePlace(s string) (uint64, error) {
	seq, err := strconv.ParseUint(s, 10, 64)
	if err != nil || len(s) > 1 && s[0] == '0' {
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
