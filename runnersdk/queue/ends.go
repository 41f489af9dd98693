package queue

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// ErrNoQueue means that a queue or its consumer group is not there. Only the
// leader makes one, after it decided about every attempt that stood in the one
// before, so a runner waits, and owns nothing of what it had taken there.
var ErrNoQueue = errors.New("the work queue is not there: its supervisor makes it")

// Wire is the runner's end of everything that it shares with its supervisor.
// Its calls are safe for concurrent use.
type Wire interface {
	Claims
	Line
	Presence
}

// Claims is how a process gets and keeps queue entries. The delivery of an
// entry is the claim. Nobody but the leader removes one.
//
// An error, other than ErrNoQueue, leaves open whether the call was carried
// out: what Take would have delivered is found by Pending.
type Claims interface {
	// Take delivers entries that nobody was given yet, in their queue's order:
	// at most limit of them, or one of each queue where several came at the
	// same instant. It waits for the first one for so long, and not at all
	// when wait is 0. A queue that is not there counts as empty; ErrNoQueue
	// means that all of them are.
	Take(ctx context.Context, process string, queues []job.Queue, limit int, wait time.Duration) ([]Entry, error)
	// Pending returns at most limit entries behind a place that were
	// delivered to the process and not removed yet.
	Pending(ctx context.Context, process string, q job.Queue, after EntryID, limit int) ([]Entry, error)
	// Renew makes those of the entries that the process owns look newly
	// delivered, and returns them. It touches no entry of anybody else.
	Renew(ctx context.Context, process string, q job.Queue, ids []EntryID) ([]EntryID, error)
}

// Line is how a process and its supervisor hear each other.
type Line interface {
	// Send puts a bundle into the inbox. After an error it may be there or
	// not: the sender sends the very same bundle again.
	Send(ctx context.Context, s runner.Signed) error
	// ControlEnd returns the place of the last notice to a runner id.
	ControlEnd(ctx context.Context, id domain.Name) (string, error)
	// Control returns the notices to a runner id after a place, in order. It
	// waits for the first one for so long, and not at all when wait is 0.
	Control(ctx context.Context, id domain.Name, after string, wait time.Duration) ([]ControlEntry, error)
	// Statements returns some or all statements behind that number, in order
	// and without a gap; none when there are no more.
	Statements(ctx context.Context, after uint64) ([]Statement, error)
}

// Entry is a queue entry as it was delivered. Nothing of it is checked;
// [Keys.ParseAssignment] reads it. One that was removed while it was pending
// has no Fields.
type Entry struct {
	Queue  job.Queue
	ID     string
	Fields map[string]string
}

// ControlEntry is an entry of a control stream, for [Keys.ParseNotice].
type ControlEntry struct {
	ID     string // its place
	Fields map[string]string
}

// Statement is a fact of the namespace as [Keys.Statements] holds it, for
// [Keys.ParseStatement].
type Statement struct {
	Number uint64
	Value  string
}

// StatementField is the field of a statement in the hash.
func StatementField(number uint64) string { return strconv.FormatUint(number, 10) }

// AppendStatement appends a statement's value: its place in the log on a line
// of its own, and its proof.
func AppendStatement(dst []byte, p signing.Proof) []byte {
	return AppendProof(append(strconv.AppendUint(dst, p.Seq, 10), '\n'), p)
}

// ParseStatement reads what [AppendStatement] wrote. It checks the form, not
// the proof.
func (k Keys) ParseStatement(value []byte) (signing.Proof, error) {
	place, proof, _ := bytes.Cut(value, []byte{'\n'})
	seq, err := parsePlace(string(place))
	if err != nil {
		return signing.Proof{}, err
	}
	return k.ParseProof(proof, seq)
}
