// Package jobexit stands in for a job in a terminal: it prints what the job
// wrote, and ends as the job did.
package jobexit

import (
	"context"
	"fmt"
	"io"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// linesPerCall is how many lines one call asks for.
const linesPerCall = 1000

// Follow waits for a job's outcome, prints what it wrote, and returns an error
// that asks for the job's exit code.
func Follow(ctx context.Context, c *client.Client, id string, stdout, stderr io.Writer) error {
	done, err := c.Wait(ctx, id)
	if err != nil {
		return err
	}
	if err := CopyOutput(ctx, c, id, stdout, stderr); err != nil {
		return err
	}
	if done.Error != nil {
		_, _ = fmt.Fprintf(stderr, "horus: job %s failed: %s\n", id, Failure(done.Error))
	}
	return exit.Silently(Code(done))
}

// CopyOutput prints what a job wrote, each stream to its own.
func CopyOutput(ctx context.Context, c *client.Client, id string, stdout, stderr io.Writer) error {
	for after := uint64(0); ; {
		logs, err := c.Logs(ctx, id, after, linesPerCall)
		if err != nil || len(logs.Lines) == 0 {
			return err
		}
		for _, line := range logs.Lines {
			out := stderr
			if line.Stream == "stdout" {
				out = stdout
			}
			_, _ = fmt.Fprintln(out, line.Message)
		}
		after = logs.Next
	}
}

// Code returns the exit code that says how a job ended: its own; 124 when it
// timed out; 125 when it was not run.
func Code(j wire.Job) int {
	switch {
	case j.Error == nil:
		return exit.Good
	case j.Error.Kind == job.FailedTimeout:
		return exit.TimedOut
	case j.Error.Kind == job.FailedError && j.Error.Exit > 0:
		return int(j.Error.Exit)
	case j.Error.Kind == job.FailedError:
		return exit.Bad
	}
	return exit.NotRun
}

// Failure says in words why a job failed.
func Failure(e *wire.JobError) string {
	text := string(e.Kind)
	if e.Exit > 0 {
		text += fmt.Sprintf(" (exit code %d)", e.Exit)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}
