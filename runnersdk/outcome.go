package runnersdk

import (
	"context"
	"errors"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// reportOf says how an attempt ended, or nil when that is not for this process
// to say: it was told to stop, and did. cause is why the handler's context had
// ended when it returned.
func reportOf(about runner.About, result string, err, cause error) runner.Report {
	late := errors.Is(cause, context.DeadlineExceeded)
	switch {
	case err == nil && !late:
		return runner.Completed{About: about, Result: result}
	case errors.Is(cause, ErrStopped):
		return runner.Stopped{About: about, Result: resultOf(result, err)}
	case cause != nil && !late:
		return nil
	}
	failed := failedOf(result, err)
	failed.About = about
	if late {
		failed.Kind = job.FailedTimeout
		if failed.Message == "" {
			failed.Message = "the handler returned after the job's timeout"
		}
	}
	return failed
}

// failedOf reads what an error says.
func failedOf(result string, err error) runner.Failed {
	failed := runner.Failed{Kind: job.FailedError, Result: resultOf(result, err)}
	if f, ok := errors.AsType[*Failure](err); ok {
		failed.Exit = int32(min(max(f.Exit, 0), maxExit)) //nolint:gosec // bounded
		if f.Kind == job.FailedRejected || f.Kind == job.FailedTimeout {
			failed.Kind = f.Kind
		}
	}
	if a, ok := errors.AsType[*advice](err); ok && failed.Kind != job.FailedRejected {
		failed.Again, failed.After = a.again, min(a.after, runner.MaxAfter)
	}
	if err != nil {
		failed.Message = err.Error()
	}
	return failed
}

// maxExit is the largest exit code of a process.
const maxExit = 255

// resultOf returns what a job had returned when it ended with an error.
func resultOf(result string, err error) string {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Result
	}
	return result
}
