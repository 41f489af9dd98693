package runnersh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/sh"
)

// executor is the kind of job that it runs.
const executor = "sh"

// messageLines is how much of a script's standard error explains its failure.
const messageLines = 5

// Handler runs jobs as shell scripts. Jobs for another executor are rejected.
func Handler(shell sh.Runner, logger *slog.Logger) runnersdk.Handler {
	return func(ctx context.Context, j *runnersdk.Job) (string, error) {
		if j.Executor != "" && j.Executor != executor {
			return "", runnersdk.Reject("this runner runs shell scripts; the job is for the executor %s", j.Executor)
		}
		out, err := shell.Run(ctx, sh.Command{
			Script: j.Payload, Env: j.Env, JobID: j.ID, Attempt: j.Attempt, Timeout: j.Timeout,
			Output:     func(s sh.Stream, line string) { j.Log(runnersdk.Stream(s.String()), line) },
			Checkpoint: j.LastCheckpoint(), Saved: save(j), Progress: j.Progress,
		})
		if out.Residue != nil {
			logger.WarnContext(ctx, "a script left files behind that cannot be removed", "job", j.ID, "error", out.Residue)
		}
		switch {
		case domain.CodeOf(err) == domain.Invalid:
			return "", runnersdk.Reject("%v", err)
		case err != nil:
			return "", err
		case out.Succeeded():
			return out.Result, nil
		}
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			out.TimedOut = true // the context and the script have the same deadline: either may be first
		}
		return "", failure(out, j.Timeout)
	}
}

// save hands checkpoints over, and says in the job's log which ones cannot be.
func save(j *runnersdk.Job) func([]byte) {
	return func(data []byte) {
		if domain.CodeOf(j.Checkpoint(data)) == domain.TooLarge {
			j.Log(runnersdk.System, "the checkpoint has more than 64 KiB and is not kept: keep what is large elsewhere, and name it there")
		}
	}
}

// failure says how a script failed.
func failure(out sh.Outcome, timeout time.Duration) *runnersdk.Failure {
	f := &runnersdk.Failure{
		Kind:    job.FailedError,
		Exit:    max(out.ExitCode, 0),
		Message: out.String(),
		Result:  out.Result,
	}
	switch {
	case out.TimedOut:
		f.Kind = job.FailedTimeout
		out.TimedOut, out.Cancelled = false, false // the kind says it
		f.Message = fmt.Sprintf("%s after %s", out, timeout)
	case out.Signal != "":
		f.Exit = 128 + int(unix.SignalNum(out.Signal)) // as a shell says it
	}
	if last := lastLines(out.Stderr, messageLines); last != "" {
		f.Message += ": " + last
	}
	return f
}

// lastLines returns the last n lines of a text that are not empty at its end.
func lastLines(text string, n int) string {
	text = strings.TrimSpace(text)
	start := len(text)
	for range n {
		start = strings.LastIndexByte(text[:start], '\n')
		if start < 0 {
			return text
		}
	}
	return text[start+1:]
}
