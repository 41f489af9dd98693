package runnersh

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/runnertest"
	"github.com/herocode/horus/runnersdk/sh"
)

func TestScriptEnds(t *testing.T) {
	tests := []struct {
		name    string
		job     runnersdk.Job
		result  string
		failure *runnersdk.Failure
	}{
		{
			name:   "well",
			job:    runnersdk.Job{Payload: `echo "$GREETING $HORUS_JOB_ID/$HORUS_ATTEMPT"`, Env: map[string]string{"GREETING": "hello"}},
			result: "hello j1/2\n",
		},
		{
			name:   "well, for the executor sh",
			job:    runnersdk.Job{Payload: `printf x`, Executor: "sh"},
			result: "x",
		},
		{
			name: "with an exit code, and the last words why",
			job:  runnersdk.Job{Payload: `echo half; for i in 1 2 3 4 5 6; do echo "line $i" >&2; done; exit 3`},
			failure: &runnersdk.Failure{
				Kind: job.FailedError, Exit: 3, Result: "half\n",
				Message: "exit status 3: line 2\nline 3\nline 4\nline 5\nline 6",
			},
		},
		{
			name:    "killed",
			job:     runnersdk.Job{Payload: `kill -9 $$`},
			failure: &runnersdk.Failure{Kind: job.FailedError, Exit: 137, Message: "killed by SIGKILL"},
		},
		{
			name:    "too late",
			job:     runnersdk.Job{Payload: `sleep 600`, Timeout: 50 * time.Millisecond},
			failure: &runnersdk.Failure{Kind: job.FailedTimeout, Message: "killed by SIGTERM after 50ms"},
		},
		{
			name: "never: it is for another executor",
			job:  runnersdk.Job{Payload: `echo`, Executor: "sal"},
			failure: &runnersdk.Failure{
				Kind: job.FailedRejected, Message: "this runner runs shell scripts; the job is for the executor sal",
			},
		},
		{
			name:    "never: it is no script",
			job:     runnersdk.Job{Payload: "a\x00b"},
			failure: &runnersdk.Failure{Kind: job.FailedRejected, Message: "script contains NUL"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			handler := Handler(sh.Runner{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
			test.job.ID, test.job.Attempt = "j1", 2
			if test.job.Timeout == 0 {
				test.job.Timeout = time.Minute
			}
			result, err := handler(t.Context(), &test.job)
			failure, _ := errors.AsType[*runnersdk.Failure](err)
			if diff := cmp.Diff(test.failure, failure); diff != "" || result != test.result {
				t.Errorf("result %q, error %v (-want +got):\n%s", result, err, diff)
			}
		})
	}
}

// A runner that stops is no failure of the job.
func TestScriptThatIsStoppedIsAnError(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { stop(runnersdk.ErrStopping) })
	handler := Handler(sh.Runner{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
	_, err := handler(ctx, &runnersdk.Job{ID: "j1", Attempt: 1, Payload: "sleep 600", Timeout: time.Hour})
	failure, ok := errors.AsType[*runnersdk.Failure](err)
	if !ok || failure.Kind != job.FailedError || failure.Message != "cancelled: killed by SIGTERM" {
		t.Errorf("error: %v", err)
	}
}

// A checkpoint that is too large is said to be, and the script goes on.
func TestCheckpointThatIsTooLarge(t *testing.T) {
	t.Parallel()
	got := runnertest.Run(t, Handler(sh.Runner{Dir: t.TempDir()}, slog.New(slog.DiscardHandler)), runnertest.Job{
		Payload: `cat "$HORUS_CHECKPOINT"; head -c 65537 /dev/zero >"$HORUS_CHECKPOINT"`, Attempt: 2, Checkpoint: []byte("page 7"),
	})
	if got.Result != "page 7" || len(got.Checkpoints) > 0 || len(got.Lines) != 2 || !strings.Contains(got.Lines[0].Text+got.Lines[1].Text, "64 KiB") {
		t.Errorf("outcome %+v", got)
	}
}

// A flood is cut in the middle and says so, on its whole way.
func TestFloodOfAGigabyte(t *testing.T) {
	got := runnertest.Run(t, Handler(sh.Runner{Dir: t.TempDir()}, slog.New(slog.DiscardHandler)), runnertest.Job{Payload: `head -c 1G /dev/zero`})
	size, marked := 0, false
	for _, line := range got.Lines {
		size += len(line.Text)
		marked = marked || strings.HasSuffix(line.Text, " bytes cut ...]")
		if !utf8.ValidString(line.Text) || strings.Contains(line.Text, "\x00") || len(line.Text) > 17<<10 {
			t.Fatalf("a line of %d bytes", len(line.Text))
		}
	}
	if got.End != runnertest.Completed || !marked || size > 4<<20 || len(got.Result) > 256<<10 {
		t.Errorf("it %s: %d bytes of log, marked %v, a result of %d bytes", got.End, size, marked, len(got.Result))
	}
}
