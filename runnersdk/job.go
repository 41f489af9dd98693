package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// Handler runs one attempt of a job and returns the job's result: text, of
// which the start and the end are kept when it is more than 240 KiB.
//
// An error fails the job; a [*Failure] says more about it. A handler that stops
// because ctx ended returns an error. A panic fails the job as an error does.
type Handler func(ctx context.Context, j *Job) (result string, err error)

// Job is one attempt of a job. What it says is proved: the client's signature,
// if it has one, and the supervisor's seal were checked.
type Job struct {
	ID        string
	Attempt   int // from 1; a later one means that an earlier one was lost
	Payload   string
	Executor  string            // kind of runner that the client asked for; may be empty
	Env       map[string]string // not to be changed
	CallerID  string
	ContextID string
	Timeout   time.Duration // of one attempt; the handler's context ends with it

	attempt *attempt
}

// Stream says where a line of output comes from.
type Stream = runner.Stream

// The streams.
const (
	Stdout = runner.Stdout
	Stderr = runner.Stderr
)

// Log adds lines to the job's log: text is cut at its newlines, and a line of
// more than 16 KiB is cut off. Lines are on their way within 200 ms. Log waits
// while more is unsent than a bundle holds; it drops what comes after the end
// of the attempt or its context, and what exceeds 4 MiB an attempt. A Job that a
// test made drops everything.
func (j *Job) Log(stream Stream, text string) {
	if j.attempt != nil {
		j.attempt.log(stream, text)
	}
}

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

// Why a handler's context ended, as context.Cause tells it.
var (
	// ErrLost means that the attempt is no longer this process': its lease
	// was not renewed in time, or the supervisor took it away.
	ErrLost = errors.New("the attempt was taken from this process, or its lease could not be renewed")
	// ErrStopping means that the runner stops and its grace is over.
	ErrStopping = errors.New("the runner stops")
)

// reportOf says how an attempt ended, or nil when that is not for this process
// to say: it was told to stop, and did. late is whether the job's timeout came
// before the handler's return.
func reportOf(about runner.About, result string, err, cause error) runner.Report {
	late := errors.Is(cause, context.DeadlineExceeded)
	switch {
	case err == nil && !late:
		return runner.Completed{About: about, Result: result}
	case cause != nil && !late:
		return nil
	}
	failed := runner.Failed{About: about, Kind: job.FailedError, Result: result}
	if f, ok := errors.AsType[*Failure](err); ok {
		failed.Exit = int32(min(max(f.Exit, 0), maxExit)) //nolint:gosec // bounded
		failed.Result = f.Result
		if f.Kind == job.FailedRejected || f.Kind == job.FailedTimeout {
			failed.Kind = f.Kind
		}
	}
	if err != nil {
		failed.Message = err.Error()
	}
	if late {
		failed.Kind = job.FailedTimeout
		if failed.Message == "" {
			failed.Message = "the handler returned after the job's timeout"
		}
	}
	return failed
}

// maxExit is the largest exit code of a process.
const maxExit = 255
