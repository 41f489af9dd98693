package runner

import (
	"slices"

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
	dst = append(append(dst, a.Token.String()...), `","at":"`...)
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
	return append(dst, '}')
}

func (r Refused) append(dst []byte) []byte {
	dst = append(r.About.append(dst, "refused"), `,"reason":`...)
	return append(fixedjson.AppendString(dst, r.Reason), '}')
}

// readReport reads one report of a bundle whose place was read already.
func (b *Bundle) readReport(r *fixedjson.Reader) Report {
	r.Literal(`{"t":`)
	switch kind := r.String(); kind {
	case "join":
		return b.readJoin(r)
	case "leave":
		r.Literal(`}`)
		return Leave{}
	case "started":
		about := readAbout(r)
		r.Literal(`}`)
		return Started{about}
	case "log":
		return readLog(r)
	case "completed":
		about := readAbout(r)
		r.Literal(`,"result":`)
		result := r.String()
		r.Literal(`}`)
		return Completed{about, result}
	case "failed":
		return readFailed(r)
	case "refused":
		about := readAbout(r)
		r.Literal(`,"reason":`)
		reason := r.String()
		r.Literal(`}`)
		return Refused{about, reason}
	default:
		r.Fail(domain.Errorf(domain.Invalid, "type", "no such report"))
		return nil
	}
}

func readAbout(r *fixedjson.Reader) About {
	var a About
	r.Literal(`,"job":`)
	a.Job = fixedjson.Parsed(r, job.ParseID)
	r.Literal(`,"grant":`)
	a.Token = fixedjson.Parsed(r, signing.ParseHash)
	r.Literal(`,"at":`)
	a.At = fixedjson.Parsed(r, event.ParseTime)
	return a
}

func (b *Bundle) readJoin(r *fixedjson.Reader) Report {
	var j Join
	r.Literal(`,"key":`)
	j.Key = fixedjson.Parsed(r, signing.ParsePublicKey)
	r.Literal(`,"kinds":`)
	j.Kinds = readNames(r)
	j.Slots = readSlots(r)
	if r.Optional(`,"seen":`) {
		seal := fixedjson.Parsed(r, func(wire string) (signing.Seal, error) {
			return signing.ParseSeal(b.Namespace, b.Partition, []byte(wire))
		})
		j.Seen = &seal
	}
	r.Literal(`}`)
	return j
}

func readSlots(r *fixedjson.Reader) uint32 {
	r.Literal(`,"slots":`)
	slots := r.Uint()
	if slots == 0 || slots > MaxSlots {
		r.Fail(domain.Errorf(domain.Invalid, "slots", "a process has 1 to %d slots", MaxSlots))
	}
	return uint32(min(slots, MaxSlots)) //nolint:gosec // bounded
}

// MaxSlots bounds what one process runs at once.
const MaxSlots = 4096

// readNames reads a list of different names.
func readNames(r *fixedjson.Reader) []domain.Name {
	r.Literal(`[`)
	var names []domain.Name
	for len(names) < maxKinds && !r.Optional(`]`) {
		if len(names) > 0 {
			r.Literal(`,`)
		}
		name := fixedjson.Parsed(r, domain.ParseName)
		if slices.Contains(names, name) {
			r.Fail(domain.Errorf(domain.Invalid, "kinds", "a kind is named twice"))
		}
		if r.Err() != nil {
			return nil
		}
		names = append(names, name)
		if len(names) == maxKinds {
			r.Literal(`]`)
		}
	}
	return names
}

func readLog(r *fixedjson.Reader) Report {
	log := Log{About: readAbout(r)}
	r.Literal(`,"lines":[`)
	for range maxLines {
		var line Line
		r.Literal(`{"at":`)
		line.At = fixedjson.Parsed(r, event.ParseTime)
		r.Literal(`,"stream":`)
		line.Stream = fixedjson.Parsed(r, parseStream)
		r.Literal(`,"text":`)
		line.Text = r.String()
		r.Literal(`}`)
		if r.Err() != nil {
			return nil
		}
		log.Lines = append(log.Lines, line)
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]}`)
	return log
}

func parseStream(s string) (Stream, error) {
	switch stream := Stream(s); stream {
	case Stdout, Stderr, System:
		return stream, nil
	}
	return "", domain.Errorf(domain.Invalid, "stream", "no such stream")
}

func readFailed(r *fixedjson.Reader) Report {
	f := Failed{About: readAbout(r)}
	r.Literal(`,"kind":`)
	f.Kind = fixedjson.Parsed(r, parseKind)
	r.Literal(`,"exit":`)
	exit := r.Uint()
	r.Literal(`,"message":`)
	f.Message = r.String()
	r.Literal(`,"result":`)
	f.Result = r.String()
	r.Literal(`}`)
	if exit > maxExit {
		r.Fail(domain.Errorf(domain.Invalid, "exit", "an exit code is 0 to %d", maxExit))
	}
	f.Exit = int32(exit & maxExit) //nolint:gosec // bounded above
	return f
}

// parseKind reads the kinds of failure that a runner can know of.
func parseKind(s string) (job.FailureKind, error) {
	switch k := job.FailureKind(s); k {
	case job.FailedError, job.FailedTimeout, job.FailedRejected:
		return k, nil
	case job.FailedLost, job.FailedExpired:
	}
	return "", domain.Errorf(domain.Invalid, "kind", "a runner reports a failure as error, timeout or rejected")
}

// maxExit is the largest exit code of a process.
const maxExit = 255
