package job

import "github.com/herocode/horus/domain"

// Status is where a job stands.
type Status uint8

// The statuses. None is a job that nobody submitted.
const (
	None    Status = iota
	Created        // held until somebody releases it
	Planned        // scheduled: waits for its time
	Waiting        // in its queue
	Running
	Retrying // an attempt failed; the next one waits for its back-off
	Ending   // stopping: somebody may still be running it
	Done     // completed
	Broken   // failed: in the dead-letter list
	Halted   // stopped before it had another outcome
	Shelved  // dropped: failed, and taken off the dead-letter list
	Erased   // deleted: out of lists and views; its id stays taken
)

// Statuses lists every status that a submitted job can have.
func Statuses() []Status {
	return []Status{Created, Planned, Waiting, Running, Retrying, Ending, Done, Broken, Halted, Shelved, Erased}
}

// Terminal reports whether the job has its outcome. A failed one may be
// replayed by a person.
func (s Status) Terminal() bool { return s >= Done }

// String returns the status' word in the API and in views.
func (s Status) String() string {
	return [...]string{
		"none", "created", "scheduled", "queued", "running", "retrying", "stopping",
		"completed", "failed", "stopped", "dropped", "deleted",
	}[s]
}

// ParseStatus reads what String writes.
func ParseStatus(word string) (Status, error) {
	for _, s := range Statuses() {
		if s.String() == word {
			return s, nil
		}
	}
	return None, domain.Errorf(domain.Invalid, "state",
		"a state is created, scheduled, queued, running, retrying, stopping, completed, failed, stopped, dropped or deleted")
}

// MarshalText returns the status' word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses text as [ParseStatus] does.
func (s *Status) UnmarshalText(text []byte) (err error) {
	*s, err = ParseStatus(string(text))
	return err
}
