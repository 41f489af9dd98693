package runnersdk

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChainBeginsOutside(t *testing.T) {
	around := func(name string) Middleware {
		return func(h Handler) Handler {
			return func(ctx context.Context, j *Job) (string, error) {
				result, err := h(ctx, j)
				return name + "(" + result + ")", err
			}
		}
	}
	got, err := Chain(echo, around("a"), around("b"))(t.Context(), &Job{Payload: "p"})
	if got != "a(b(p))" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func TestLogged(t *testing.T) {
	logs := &logs{}
	logger := slog.New(slog.NewTextHandler(logs, nil))
	stopped, stop := context.WithCancelCause(t.Context())
	stop(ErrStopped)
	fail := func(context.Context, *Job) (string, error) { return "", errors.New("no disk") }
	for _, run := range []struct {
		ctx     context.Context
		handler Handler
		want    string
	}{
		{t.Context(), echo, `level=INFO msg="the handler returned" job=j1 attempt=2 took=`},
		{t.Context(), fail, `level=WARN msg="the handler failed"`},
		{stopped, fail, `cause="the job was stopped"`},
	} {
		_, _ = Chain(run.handler, Logged(logger))(run.ctx, &Job{ID: "j1", Attempt: 2})
		if !logs.has(run.want) {
			t.Errorf("the log has no %s:\n%s", run.want, logs.text.String())
		}
	}
}

func TestWithin(t *testing.T) {
	tests := []struct {
		name string
		most time.Duration
		err  error
		want []string
	}{
		{
			name: "longer than that", most: time.Second, err: context.DeadlineExceeded,
			want: []string{"j1 timeout: context deadline exceeded: no job runs longer than 1s here"},
		},
		{name: "not so long", most: time.Hour, err: errors.New("no"), want: []string{"j1 started", "j1 error: no"}},
		{
			name: "longer than that, and again please", most: time.Second, err: Retry(errors.New("no")),
			want: []string{"j1 timeout: context deadline exceeded: no job runs longer than 1s here"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.serve(w.config(&logs{}), Chain(func(ctx context.Context, _ *Job) (string, error) {
					select {
					case <-ctx.Done():
					case <-time.After(10 * time.Second):
					}
					return "", test.err
				}, Within(test.most)))
				w.submit("j1", "p")
				time.Sleep(12 * time.Second)
				if got := story(w.reports()); !cmp.Equal(got[max(0, len(got)-len(test.want)):], test.want) {
					t.Errorf("reports: %s", strings.Join(got, "\n"))
				}
				s.end()
			})
		})
	}
}

func TestAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		var now, most atomic.Int32
		s := w.serve(w.config(&logs{}), Chain(func(context.Context, *Job) (string, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return "", nil
		}, AtMost(2)))
		for _, id := range []string{"j1", "j2", "j3", "j4"} {
			w.submit(id, "p")
		}
		time.Sleep(3 * time.Second)
		if most.Load() != 2 {
			t.Errorf("%d ran at once", most.Load())
		}
		synctest.Wait()
		s.end()
	})
}

// A job that is stopped need not wait until it may run.
func TestAtMostWaitsNoLongerThanTheJob(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		h := Chain(func(context.Context, *Job) (string, error) { <-gate; return "", nil }, AtMost(1))
		go func() { _, _ = h(t.Context(), &Job{}) }()
		synctest.Wait()
		ended, end := context.WithCancelCause(t.Context())
		end(ErrStopped)
		if _, err := h(ended, &Job{}); !errors.Is(err, ErrStopped) {
			t.Errorf("it returned %v", err)
		}
		close(gate)
	})
}
