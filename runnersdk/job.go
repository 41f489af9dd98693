package runnersdk

import (
	"context"
	"log/slog"
	"time"

	"github.com/herocode/horus/domain/runner"
)

// Handler runs one attempt of a job and returns the job's result: text, of
// which the start and the end are kept when it is more than 240 KiB.
//
// An error fails the job: [*Failure] says more about it, [Retry], [RetryAfter]
// and [Never] whether there is to be another attempt. A handler that stops because
// ctx ended returns an error. A panic fails the job as an error does.
type Handler func(ctx context.Context, j *Job) (result string, err error)

// Job is one attempt of a job. What it says is proved: the client's signature,
// if it has one, and the supervisor's seal were checked.
//
// Its methods are safe for concurrent use. Of a Job that a test made by hand they
// say nothing to anybody; package runnertest runs handlers with real ones.
type Job struct {
	ID        string
	Attempt   int // from 1; a later one means that an earlier one failed or was lost
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
	System = runner.System // about the attempt: "runner"
)

// Log adds lines to the job's log: text is cut at its newlines, and what is no
// UTF-8, or NUL, becomes U+FFFD. Of a line of more than 16 KiB the beginning is
// kept, with a mark. Lines are on their way within 200 ms. Log waits while more is
// unsent than a bundle holds; it drops what comes after the end of the attempt,
// and what exceeds 4 MiB an attempt.
func (j *Job) Log(stream Stream, text string) {
	if j.attempt != nil {
		j.attempt.log(stream, text)
	}
}

// Logger returns a logger whose lines go to the job's log, from level info on, as
// text in the stream "runner", and to the program's own log, which says there
// which job and attempt they belong to.
func (j *Job) Logger() *slog.Logger {
	if j.attempt == nil {
		return slog.New(slog.DiscardHandler)
	}
	return j.attempt.logger()
}

// Progress says how far the attempt is: a percentage, which is bounded to 0 to
// 100, and some words, of which 1 KiB is kept. It never waits: at most five a
// second leave the process, the last one always before the attempt's end.
func (j *Job) Progress(percent int, text string) {
	if j.attempt != nil {
		j.attempt.progress(percent, text)
	}
}

// Checkpoint hands over what the next attempt needs to go on from here, if there
// is one: it gets it from [Job.LastCheckpoint]. It never waits: as with Progress
// the newest one counts, at most one a second and 8 KiB a second leave the process
// (after one of 64 KiB the next waits for 8 seconds), since each stays in the
// history, and the last one always does before the attempt's end.
// Also a handler whose context has ended may hand one over, unless that was for
// [ErrLost]: nobody would believe it.
//
// Its errors have [domain.TooLarge] for more than 64 KiB, and [domain.Stale] when
// the attempt is over or lost.
func (j *Job) Checkpoint(data []byte) error {
	if err := checkSize(data); err != nil || j.attempt == nil {
		return err
	}
	return j.attempt.checkpoint(data)
}

// LastCheckpoint returns what an attempt before this one handed over last, and
// nil if none did. It is not to be changed.
func (j *Job) LastCheckpoint() []byte {
	if j.attempt == nil {
		return nil
	}
	return j.attempt.last
}
