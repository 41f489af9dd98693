package job

import (
	"strings"

	"github.com/herocode/horus/domain"
)

// ID names a job for ever: a letter or digit and up to 127 more of A-Z a-z 0-9
// . _ -. The zero ID is no id.
type ID struct{ text string }

// maxID is the length of the longest id.
const maxID = 128

// ParseID checks an id. Its error has [domain.Invalid] and the reason "id".
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > maxID || !domain.Plain(s) || strings.ContainsAny(s[:1], "._-") || strings.Contains(s, "/") {
		return ID{}, domain.Errorf(domain.Invalid, "id",
			"a job id is 1 to %d of A-Z a-z 0-9 . _ - and starts with a letter or digit", maxID)
	}
	return ID{s}, nil
}

// String returns the id's text.
func (id ID) String() string { return id.text }

// IsZero reports whether id is no id.
func (id ID) IsZero() bool { return id.text == "" }

// MarshalText returns the id's text.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.text), nil }

// UnmarshalText parses text as [ParseID] does.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// Queue is where an attempt waits: runner:<id> for a job that names its
// runner, executor:<kind> for one that any runner of a kind may take.
type Queue struct {
	kind string // "runner" or "executor"
	name domain.Name
}

const (
	runnerQueue   = "runner"
	executorQueue = "executor"
)

// RunnerQueue is the queue of one runner id.
func RunnerQueue(id domain.Name) Queue { return Queue{runnerQueue, id} }

// ExecutorQueue is the queue of all runners of a kind.
func ExecutorQueue(kind domain.Name) Queue { return Queue{executorQueue, kind} }

// ParseQueue reads what String writes.
func ParseQueue(s string) (Queue, error) {
	kind, name, _ := strings.Cut(s, ":")
	parsed, err := domain.ParseName(name)
	if err != nil || kind != runnerQueue && kind != executorQueue {
		return Queue{}, domain.Errorf(domain.Invalid, "queue", "a queue is runner:<id> or executor:<kind>")
	}
	return Queue{kind, parsed}, nil
}

// String returns runner:<id> or executor:<kind>.
func (q Queue) String() string { return q.kind + ":" + string(q.name) }

// append appends what String returns.
func (q Queue) append(dst []byte) []byte {
	return append(append(append(dst, q.kind...), ':'), q.name...)
}

// IsZero reports whether q is no queue.
func (q Queue) IsZero() bool { return q.kind == "" }

// Runner returns the runner id that the queue belongs to, and false for the
// queue of a kind.
func (q Queue) Runner() (domain.Name, bool) { return q.name, q.kind == runnerQueue }

// Name returns the runner id or the kind.
func (q Queue) Name() domain.Name { return q.name }

// MarshalText returns what String returns.
func (q Queue) MarshalText() ([]byte, error) {
	if q.IsZero() {
		return []byte{}, nil
	}
	return []byte(q.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (q *Queue) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*q = Queue{}
		return nil
	}
	*q, err = ParseQueue(string(text))
	return err
}
