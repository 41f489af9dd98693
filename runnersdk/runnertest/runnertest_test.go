package runnertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/runnertest"
)

func shout(_ context.Context, j *runnersdk.Job) (string, error) {
	return strings.ToUpper(j.Payload), nil
}

// The package's own example.
func TestShout(t *testing.T) {
	got := runnertest.Run(t, shout, runnertest.Job{Payload: "hello"})
	if got.Result != "HELLO" {
		t.Errorf("%+v", got)
	}
}

func TestRun(t *testing.T) {
	tests := []struct {
		name    string
		job     runnertest.Job
		handler runnersdk.Handler
		want    runnertest.Outcome
	}{
		{
			name: "all that a job has",
			job: runnertest.Job{
				Payload: "p", ID: "j7", Executor: "mail", Env: map[string]string{"A": "b"}, CallerID: "ann", ContextID: "c",
				Timeout: time.Minute, Attempt: 3, Checkpoint: []byte("page 7"),
			},
			handler: func(_ context.Context, j *runnersdk.Job) (string, error) {
				return fmt.Sprint(j.Payload, j.ID, j.Executor, j.Env, j.CallerID, j.ContextID, j.Timeout, j.Attempt, string(j.LastCheckpoint())), nil
			},
			want: runnertest.Outcome{End: runnertest.Completed, Result: "pj7mailmap[A:b]annc1m0s 3page 7"},
		},
		{
			name: "what it says on the way",
			job:  runnertest.Job{Payload: "p"},
			handler: func(ctx context.Context, j *runnersdk.Job) (string, error) {
				j.Log(runnersdk.Stdout, "one\ntwo")
				j.Logger().InfoContext(ctx, "three")
				j.Progress(50, "half")
				return "done", j.Checkpoint([]byte("page 8"))
			},
			want: runnertest.Outcome{
				End: runnertest.Completed, Result: "done",
				Lines:       []runnertest.Line{{"stdout", "one"}, {"stdout", "two"}, {"runner", "level=INFO msg=three"}},
				Progress:    []runnertest.Progress{{50, "half"}},
				Checkpoints: []string{"page 8"},
			},
		},
		{
			name: "an error, and another attempt please",
			job:  runnertest.Job{Payload: "p"},
			handler: func(context.Context, *runnersdk.Job) (string, error) {
				return "half", runnersdk.RetryAfter(time.Minute, errors.New("busy"))
			},
			want: runnertest.Outcome{
				End: runnertest.Failed, Result: "half", Kind: job.FailedError, Message: "busy", Again: job.Please, After: time.Minute,
			},
		},
		{
			name:    "a panic",
			job:     runnertest.Job{Payload: "p"},
			handler: func(context.Context, *runnersdk.Job) (string, error) { panic("no") },
			want:    runnertest.Outcome{End: runnertest.Failed, Kind: job.FailedError, Message: "panic: no"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // without a bubble, in real time
			if diff := cmp.Diff(test.want, runnertest.Run(t, test.handler, test.job)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

// An attempt is ended from outside, and no time is lost.
func TestEnds(t *testing.T) {
	waits := func(ctx context.Context, j *runnersdk.Job) (string, error) {
		<-ctx.Done()
		return "half", errors.Join(context.Cause(ctx), j.Checkpoint([]byte("7")))
	}
	lost := errors.Join(runnersdk.ErrLost, errors.New("the attempt is over: its checkpoint would count for nothing"))
	tests := []struct {
		name  string
		end   func(*runnertest.Attempt)
		cause error
		want  runnertest.Outcome
	}{
		{
			name: "stopped", end: (*runnertest.Attempt).Stop, cause: runnersdk.ErrStopped,
			want: runnertest.Outcome{End: runnertest.Stopped, Result: "half", Checkpoints: []string{"7"}},
		},
		{
			name: "lost", end: (*runnertest.Attempt).Lose, cause: lost,
			want: runnertest.Outcome{End: runnertest.Unreported},
		},
		{
			name: "interrupted", end: (*runnertest.Attempt).Interrupt, cause: runnersdk.ErrStopping,
			want: runnertest.Outcome{End: runnertest.Unreported, Checkpoints: []string{"7"}},
		},
		{
			name: "out of time", end: func(*runnertest.Attempt) {}, cause: context.DeadlineExceeded,
			want: runnertest.Outcome{
				End: runnertest.Failed, Kind: job.FailedTimeout, Message: "context deadline exceeded", Result: "half", Checkpoints: []string{"7"},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told error
				a := runnertest.Start(t, func(ctx context.Context, j *runnersdk.Job) (string, error) {
					result, err := waits(ctx, j)
					told = err
					return result, err
				}, runnertest.Job{Payload: "p", Timeout: time.Hour})
				time.Sleep(time.Minute)
				test.end(a)
				if diff := cmp.Diff(test.want, a.Wait()); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
				if told.Error() != test.cause.Error() {
					t.Errorf("the handler was told %v", told)
				}
			})
		})
	}
}
