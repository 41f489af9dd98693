package runner

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// Report is one thing that a runner process says, inside a [Bundle].
//
//sumtype:decl
type Report interface {
	append(dst []byte) []byte
}

// Join says that a process is there and wants work.
type Join struct {
	Key   signing.PublicKey // that signs the process' bundles
	Kinds []domain.Name     // whose queues it wants besides its own id's; at most 16
	Slots uint32            // attempts that it runs at once
	// Seen is the youngest seal of the bundle's place that the process ever
	// verified, nil if none: when the log has lost it, it is the evidence.
	Seen *signing.Seal
}

// Leave says that a process takes no more work and runs none.
type Leave struct{}

// About names the attempt that a report speaks of.
type About struct {
	Job   job.ID
	Token signing.Hash // of the grant under which the attempt runs
	At    event.Time   // by the runner's clock
}

// Started says that an attempt runs. It may be left out before a report of the
// end.
type Started struct{ About }

// Log holds lines that an attempt wrote.
type Log struct {
	About
	Lines []Line
}

// Line is one line of output.
type Line struct {
	At     event.Time
	Stream Stream
	Text   string
}

// Stream is where a line comes from.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
	System Stream = "runner" // the runner itself, about the attempt
)

// Progress says how far an attempt is, for people.
type Progress struct {
	About
	Percent uint32 // 0 to 100
	Text    string // at most [MaxProgressText]
}

// Checkpoint holds what the next attempt is to begin with.
type Checkpoint struct {
	About
	Data []byte // at most [MaxCheckpoint]
}

// Hash names the checkpoint in events and grants.
func (r *Checkpoint) Hash() signing.Hash { return signing.Hash(sha256.Sum256(r.Data)) }

// Completed says that an attempt ended well.
type Completed struct {
	About
	Result string
}

// Failed says that an attempt ended otherwise.
type Failed struct {
	About
	Kind    job.FailureKind // error, timeout or rejected
	Exit    int32           // exit code of a process, 0 to 255; 0 if there was none
	Message string
	Result  string // what the job had returned until then
	Again   job.Again
	After   time.Duration // until the next attempt, in whole milliseconds; 0 leaves that to the job
}

// Stopped says that an attempt has ended because the job is to be stopped.
type Stopped struct {
	About
	Result string // what the job had returned until then
}

// Refused says that a queue entry was not run because a check did not hold.
// It is evidence: no job changes by it.
type Refused struct {
	About
	Reason string
}

// Limits of a bundle.
const (
	MaxReports     = 60
	MaxBundleBytes = 256 << 10
	MaxReportBytes = 240 << 10 // of one encoded report: it fits a bundle of its own
	maxKinds       = 16
	maxLines       = 4096

	MaxCheckpoint   = 64 << 10 // bytes: every queue entry of a later attempt carries them
	MaxProgressText = 1 << 10
	MaxAfter        = 24 * time.Hour
)

func (r Join) append(dst []byte) []byte {
	dst = append(append(dst, `{"t":"join","key":"`...), r.Key.String()...)
	dst = append(dst, `","kinds":[`...)
	for i, kind := range r.Kinds {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(dst, string(kind))
	}
	dst = fixedjson.AppendUint(append(dst, `],"slots":`...), uint64(r.Slots))
	if r.Seen != nil {
		dst = append(r.Seen.Append(append(dst, `,"seen":"`...)), '"')
	}
	return append(dst, '}')
}

func (Leave) append(dst []byte) []byte { return append(dst, `{"t":"leave"}`...) }

func (a *About) append(dst []byte, kind string) []byte {
	dst = append(append(append(dst, `{"t":"`...), kind...), `","job":"`...)
	dst = append(append(dst, a.Job.String()...), `","grant":"`...)
	dst = append(a.Token.Append(dst), `","at":"`...)
	return append(a.At.Append(dst), '"')
}

func (r Started) append(dst []byte) []byte {
	return append(r.About.append(dst, "started"), '}')
}

func (r Log) append(dst []byte) []byte {
	dst = append(r.About.append(dst, "log"), `,"lines":[`...)
	for i, line := range r.Lines {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = line.At.Append(append(dst, `{"at":"`...))
		dst = append(append(dst, `","stream":"`...), line.Stream...)
		dst = append(fixedjson.AppendString(append(dst, `","text":`...), line.Text), '}')
	}
	return append(dst, `]}`...)
}

func (r Completed) append(dst []byte) []byte {
	dst = append(r.About.append(dst, "completed"), `,"result":`...)
	return append(fixedjson.AppendString(dst, r.Result), '}')
}

func (r Failed) append(dst []byte) []byte {
	dst = append(append(r.About.append(dst, "failed"), `,"kind":"`...), r.Kind...)
	// Clamped, because a report that cannot be read back costs its whole bundle.
	dst = fixedjson.AppendUint(append(dst, `","exit":`...), uint64(min(max(r.Exit, 0), maxExit))) //nolint:gosec // not negative
	dst = fixedjson.AppendString(append(dst, `,"message":`...), r.Message)
	dst = fixedjson.AppendString(append(dst, `,"result":`...), r.Result)
	switch r.Again {
	case job.Please:
		dst = append(dst, `,"retry":"again"`...)
		if r.After > 0 {
			after := min(r.After, MaxAfter).Milliseconds()
			dst = fixedjson.AppendUint(append(dst, `,"after":`...), uint64(max(after, 1))) //nolint:gosec // not negative
		}
	case job.Never:
		dst = append(dst, `,"retry":"never"`...)
	case job.ByPolicy:
	}
	return append(dst, '}')
}

func (r Progress) append(dst []byte) []byte {
	dst = fixedjson.AppendUint(append(r.About.append(dst, "progress"), `,"percent":`...), uint64(min(r.Percent, 100)))
	return append(fixedjson.AppendString(append(dst, `,"text":`...), r.Text), '}')
}

func (r Checkpoint) append(dst []byte) []byte {
	dst = append(r.About.append(dst, "checkpoint"), `,"data":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, r.Data), `"}`...)
}

func (r Stopped) append(dst []byte) []byte {
	dst = append(r.About.append(dst, "stopped"), `,"result":`...)
	return append(fixedjson.AppendString(dst, r.Result), '}')
}

func (r Refused) append(dst []byte) []byte {
	dst = append(r.About.append(dst, "refused"), `,"reason":`...)
	return append(fixedjson.AppendString(dst, r.Reason), '}')
}
