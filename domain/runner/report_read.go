package runner

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// readReport reads one report of a bundle whose place was read already.
func (b *Bundle) readReport(r *fixedjson.Reader) Report {
	r.Literal(`{"t":`)
	switch string(r.Text()) {
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
		about, result := readText(r, `,"result":`)
		return Completed{about, result}
	case "failed":
		return readFailed(r)
	case "progress":
		return readProgress(r)
	case "checkpoint":
		return readCheckpoint(r)
	case "stopped":
		about, result := readText(r, `,"result":`)
		return Stopped{about, result}
	case "refused":
		about, reason := readText(r, `,"reason":`)
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
	a.Token = signing.ReadHash(r)
	r.Literal(`,"at":`)
	a.At = event.ReadTime(r)
	return a
}

// readText reads the rest of a report that says one thing about its attempt.
func readText(r *fixedjson.Reader, member string) (about About, text string) {
	about = readAbout(r)
	r.Literal(member)
	text = r.String()
	r.Literal(`}`)
	return about, text
}

func (b *Bundle) readJoin(r *fixedjson.Reader) Report {
	var j Join
	r.Literal(`,"key":`)
	j.Key = fixedjson.Parsed(r, signing.ParseEd25519)
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
		line.At = event.ReadTime(r)
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
	readRetry(r, &f)
	r.Literal(`}`)
	if exit > maxExit {
		r.Fail(domain.Errorf(domain.Invalid, "exit", "an exit code is 0 to %d", maxExit))
	}
	f.Exit = int32(exit & maxExit) //nolint:gosec // bounded above
	return f
}

// readRetry reads what a failure says about another attempt, if it does.
func readRetry(r *fixedjson.Reader, f *Failed) {
	if r.Optional(`,"retry":"never"`) {
		f.Again = job.Never
		return
	}
	if !r.Optional(`,"retry":"again"`) {
		return
	}
	f.Again = job.Please
	if !r.Optional(`,"after":`) {
		return
	}
	after := r.Uint()
	if after == 0 || after > uint64(MaxAfter.Milliseconds()) {
		r.Fail(domain.Errorf(domain.Invalid, "after", "the next attempt waits for 1 millisecond to %s", MaxAfter))
		return
	}
	f.After = time.Duration(after) * time.Millisecond //nolint:gosec // bounded above
}

func readProgress(r *fixedjson.Reader) Report {
	p := Progress{About: readAbout(r)}
	r.Literal(`,"percent":`)
	percent := r.Uint()
	r.Literal(`,"text":`)
	p.Text = r.String()
	r.Literal(`}`)
	if percent > 100 || len(p.Text) > MaxProgressText {
		r.Fail(domain.Errorf(domain.Invalid, "progress", "progress is 0 to 100 percent and at most %d bytes of text", MaxProgressText))
	}
	p.Percent = uint32(percent & 127) //nolint:gosec // bounded above
	return p
}

func readCheckpoint(r *fixedjson.Reader) Report {
	c := Checkpoint{About: readAbout(r)}
	r.Literal(`,"data":`)
	c.Data = fixedjson.Parsed(r, func(text string) ([]byte, error) {
		data, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || base64.StdEncoding.EncodedLen(len(data)) != len(text) || len(data) > MaxCheckpoint { // it skips line breaks
			return nil, domain.Errorf(domain.Invalid, "checkpoint", "a checkpoint is base64 of at most %d bytes", MaxCheckpoint)
		}
		return data, nil
	})
	r.Literal(`}`)
	return c
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
