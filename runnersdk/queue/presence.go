package queue

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// BeatEvery is how often a process shows that it lives.
const BeatEvery = 2 * time.Second

// Presence is how a process shows that it lives, and learns what it may take.
// Nobody signs either: whoever can write to Redis can keep work from being
// taken, and have a process look alive or not. About jobs it says nothing.
type Presence interface {
	// Beat shows that a process lives. Each beat takes the place of the one
	// before.
	Beat(ctx context.Context, b Beat) error
	// Modes returns what stands in these fields, which [ModeOfRunner], [ModeOf]
	// and [LeaseField] name. A field that is not there is of something open.
	Modes(ctx context.Context, fields []string) (map[string]string, error)
}

// Beat is one sign of life. That its number is another one than before is all
// that counts: nobody's clock matters.
type Beat struct {
	Runner  domain.Name
	Process string
	Number  uint64
	Free    int // slots in which nothing runs
}

// Field is the field of a process' beats in the hash: <runner>/<process>.
func (b Beat) Field() string { return runner.AggregateID(b.Runner, b.Process) }

// Value is what stands there: the number and the free slots.
func (b Beat) Value() string {
	return strconv.FormatUint(b.Number, 10) + " " + strconv.Itoa(b.Free)
}

// ParseBeat reads what Field and Value return.
func ParseBeat(field, value string) (Beat, error) {
	id, process, _ := strings.Cut(field, "/")
	number, free, _ := strings.Cut(value, " ")
	name, err := domain.ParseName(id)
	if err != nil {
		return Beat{}, err
	}
	b := Beat{Runner: name}
	if b.Process, err = runner.ParseProcess(process); err != nil {
		return Beat{}, err
	}
	b.Number, err = strconv.ParseUint(number, 10, 64)
	slots, err2 := strconv.ParseUint(free, 10, 16)
	b.Free = int(slots)
	if err != nil || err2 != nil || slots > runner.MaxSlots || b.Value() != value {
		return Beat{}, domain.Errorf(domain.Invalid, "beat", "a beat is a number and 0 to %d free slots", runner.MaxSlots)
	}
	return b, nil
}

// ModeOfRunner is the field of a runner id's mode in the hash.
func ModeOfRunner(id domain.Name) string { return "runner:" + string(id) }

// ModeOf is the field of a queue's mode in the hash.
func ModeOf(q job.Queue) string { return modeOfQueue + q.String() }

// OfMode returns the queue whose mode stands in a field; ok is false for any
// other field.
func OfMode(field string) (q job.Queue, ok bool) {
	name, ok := strings.CutPrefix(field, modeOfQueue)
	if !ok {
		return q, false
	}
	q, err := job.ParseQueue(name)
	return q, err == nil
}

const modeOfQueue = "queue:"
