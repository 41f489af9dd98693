package runnersdk

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/herocode/horus/domain/job"
)

// Failure is an error that says more about how a job failed.
type Failure struct {
	Kind    job.FailureKind // error if zero; job.FailedRejected: the runner cannot run such jobs
	Exit    int             // exit code of a process, 0 to 255; 0 if there was none
	Message string          // what went wrong, for people
	Result  string          // what the job had returned until then
}

// Error returns the message.
func (f *Failure) Error() string { return f.Message }

// Reject returns the error of a handler that cannot run such a job: it is not
// tried again.
func Reject(format string, args ...any) error {
	return &Failure{Kind: job.FailedRejected, Message: fmt.Sprintf(format, args...)}
}

// Retry has a job that failed with err tried again while it has attempts left,
// although its retry_on does not name errors, after the wait that its backoff
// gives. A nil err stays nil.
func Retry(err error) error { return advise(err, job.Please, 0) }

// RetryAfter is Retry after a wait of the handler's choosing, at most 24 hours;
// at once if it is not more than 0.
func RetryAfter(wait time.Duration, err error) error {
	return advise(err, job.Please, max(wait, time.Millisecond))
}

// Never has a job that failed with err not tried again, although its retry_on
// says so and it has attempts left. A nil err stays nil.
func Never(err error) error { return advise(err, job.Never, 0) }

func advise(err error, again job.Again, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &advice{err, again, after}
}

// advice is an error with the handler's word on another attempt. In a chain of
// several the outermost counts.
type advice struct {
	error
	again job.Again
	after time.Duration
}

// Unwrap returns the error.
func (a *advice) Unwrap() error { return a.error }

// Why a handler's context ended, as context.Cause tells it; after the job's
// timeout that is context.DeadlineExceeded.
var (
	// ErrStopped means that somebody asked for the job to be stopped. A handler
	// that returns an error then ends it as stopped; one that returns none has
	// completed it all the same.
	ErrStopped = errors.New("the job was stopped")
	// ErrLost means that the attempt is no longer this process': its lease
	// was not renewed in time, or the supervisor took it away.
	ErrLost = errors.New("the attempt was taken from this process, or its lease could not be renewed")
	// ErrStopping means that the runner stops and its grace is over. Another
	// process goes on from the last checkpoint when the lease is over.
	ErrStopping = errors.New("the runner stops")
)

// Unfinished is the error of a runner that was stopped before everything was
// done. The attempts are run again by others when their leases are over.
type Unfinished struct {
	Interrupted []string // jobs whose handlers were ended with [ErrStopping]
	Stuck       []string // jobs whose handlers go on although their contexts ended
	Unsent      int      // reports that could not be sent
}

// Error says what is left.
func (u *Unfinished) Error() string {
	var left []string
	if n := len(u.Interrupted); n > 0 {
		left = append(left, fmt.Sprintf("jobs that were interrupted, and will be run again: %d (%s)", n, some(u.Interrupted)))
	}
	if n := len(u.Stuck); n > 0 {
		left = append(left, fmt.Sprintf("handlers that go on although their contexts ended: %d (%s)", n, some(u.Stuck)))
	}
	if u.Unsent > 0 {
		left = append(left, fmt.Sprintf("reports that could not be sent: %d", u.Unsent))
	}
	return "stopped, and not everything was done: " + strings.Join(left, "; ")
}

// some names a few jobs.
func some(jobs []string) string {
	const few = 3
	if len(jobs) > few {
		return strings.Join(jobs[:few], ", ") + ", …"
	}
	return strings.Join(jobs, ", ")
}

// errOrNil returns nil when nothing is left.
func (u *Unfinished) errOrNil() error {
	if len(u.Interrupted)+len(u.Stuck)+u.Unsent == 0 {
		return nil
	}
	return u
}
