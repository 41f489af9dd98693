package runnersdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/integration/clocktest"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// However often a handler says something, at most five words on its progress and
// one checkpoint a second leave, and the last of each always does.
func TestNewsAreCoalesced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), func(_ context.Context, j *Job) (string, error) {
			for i := range 10_000 {
				j.Progress(i/100, fmt.Sprint(i))
				if err := j.Checkpoint(fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
			}
			return "", nil
		})
		w.submit("j1", "p")
		time.Sleep(11 * time.Second)
		told := story(w.reports())
		counts := map[string]int{}
		for _, line := range told {
			counts[strings.Fields(line)[1]]++
		}
		if counts["at"] < 40 || counts["at"] > 52 || counts["checkpoint:"] < 8 || counts["checkpoint:"] > 12 {
			t.Errorf("reports in ten seconds: %v", counts)
		}
		last := told[len(told)-3:]
		if want := "[j1 checkpoint: 9999 j1 at 99: 9999 j1 completed: ]"; fmt.Sprint(last) != want {
			t.Errorf("the last ones are %q", last)
		}
		s.end()
	})
}

// What an attempt says was paced by what the clock shows: one that was set back by
// an hour kept it for an hour, and a runner that died meanwhile took its
// checkpoints with it.
func TestNewsLeaveWhileTheClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		inBubble(t, func(t *testing.T) {
			var set atomic.Int64
			start := time.Now()
			d := begin(t, func(ctx context.Context, j *Job) (string, error) {
				for n := range 3 {
					j.Progress(n, "")
					j.Log(runner.Stdout, "line")
					if err := j.Checkpoint(fmt.Append(nil, n)); err != nil {
						t.Error(err)
					}
					time.Sleep(2 * time.Second)
				}
				<-ctx.Done()
				return "", ctx.Err()
			})
			d.Runner.config.Now = func() time.Time {
				return clocktest.Instant(time.Now().Add(time.Duration(set.Load())), time.Since(start)+time.Second)
			}
			d.submit("j1", "p")
			d.turn()
			time.Sleep(time.Second)
			d.turn()
			set.Store(int64(by))
			time.Sleep(4 * time.Second)
			d.turn()
			counts := map[string]int{}
			for _, r := range d.reports() {
				counts[fmt.Sprintf("%T", r)]++
			}
			if counts["runner.Checkpoint"] != 2 || counts["runner.Progress"] != 2 || counts["runner.Log"] != 2 || counts["runner.Started"] != 1 {
				t.Errorf("with a clock that is set by %s it reported %v", by, counts)
			}
		})
	}
}

func TestNewsOfAShortJob(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			j.Progress(-7, "first")
			j.Progress(700, "\xff\x00"+strings.Repeat("é", 1000))
			if err := j.Checkpoint(nil); err != nil {
				t.Error(err)
			}
			return "", nil
		})
		d.submit("j1", "p")
		d.turn()
		reports := d.reports()
		progress, ok := reports[1].(runner.Progress)
		if !ok || progress.Percent != 100 || len(progress.Text) > runner.MaxProgressText || !utf8.ValidString(progress.Text) ||
			!strings.HasPrefix(progress.Text, "\uFFFD\uFFFDéé") || !strings.HasSuffix(progress.Text, "é…") {
			t.Errorf("%+v", reports[1])
		}
		if diff := fmt.Sprint(story(reports[:1]), story(reports[2:])); diff != "[j1 checkpoint: ] [j1 completed: ]" {
			t.Errorf("reports: %s", diff)
		}
	})
}

// The first word leaves at once, also when the reporter had nothing to do before.
func TestFirstNewsAreNotLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), func(ctx context.Context, j *Job) (string, error) {
			time.Sleep(10 * time.Millisecond)
			switch j.ID {
			case "j1":
				j.Log(Stdout, "line")
			case "j2":
				j.Progress(1, "")
			case "j3":
				return "", errors.Join(j.Checkpoint([]byte("7")), until(ctx, 10*time.Second))
			}
			return "", until(ctx, 10*time.Second)
		})
		time.Sleep(10 * time.Second)
		for _, id := range []string{"j1", "j2", "j3"} {
			w.submit(id, "p")
			time.Sleep(10*time.Millisecond + flushAfter + 2*tickTime)
			if got := story(w.reports()); len(got) != 2 {
				t.Errorf("%s: reports %v", id, got)
			}
			time.Sleep(20 * time.Second)
			w.reports()
		}
		s.end()
	})
}

// until waits so long, or until a context ends.
func until(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The same again is no news, and what was not said is not said.
func TestNewsThatAreNone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), func(_ context.Context, j *Job) (string, error) {
			for range 3 {
				j.Progress(5, "same")
				if err := j.Checkpoint([]byte("same")); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
			return "", nil
		})
		w.submit("j1", "p")
		time.Sleep(5 * time.Second)
		s.expect("j1 started", "j1 checkpoint: same", "j1 at 5: same", "j1 completed: ")
		s.end()
	})
}

func TestCheckpointThatCannotBe(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late *Job
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			late = j
			err := j.Checkpoint(make([]byte, runner.MaxCheckpoint+1))
			if domain.CodeOf(err) != domain.TooLarge {
				t.Errorf("a large one: %v", err)
			}
			return "", j.Checkpoint(make([]byte, runner.MaxCheckpoint))
		})
		d.submit("j1", "p")
		d.turn()
		if err := late.Checkpoint([]byte("x")); domain.CodeOf(err) != domain.Stale {
			t.Errorf("a late one: %v", err)
		}
		late.Progress(1, "late")
		d.turn()
		got := d.reports()
		if saved, ok := got[0].(runner.Checkpoint); !ok || len(saved.Data) != runner.MaxCheckpoint || len(got) != 2 {
			t.Errorf("reports: %.200q", story(got))
		}
	})
}

// What a handler hands over when it is told to stop is what the next attempt
// needs; once the attempt is lost nobody would believe it.
func TestCheckpointAtTheEnd(t *testing.T) {
	handler := func(ctx context.Context, j *Job) (string, error) {
		<-ctx.Done()
		return "", errors.Join(context.Cause(ctx), j.Checkpoint([]byte("page 7")))
	}
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), handler)
		w.submit("j1", "p")
		time.Sleep(2 * time.Second)
		s.stop()
		s.left(Unfinished{Interrupted: []string{"j1"}})
		s.expect("j1 started", "j1 checkpoint: page 7", "leave")
	})
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), handler)
		id := w.submit("j1", "p")
		time.Sleep(2 * time.Second)
		w.wire.Give(job.RunnerQueue(me), id, "b2")
		time.Sleep(10 * time.Second)
		s.expect("j1 started")
		s.end()
	})
}

// A handler that handed over 64 KiB every second made the history grow by more
// than five gigabytes a day, for ever.
func TestLargeCheckpointsArePacedBySize(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.serve(w.config(&logs{}), func(_ context.Context, j *Job) (string, error) {
			for i := range 60 {
				if err := j.Checkpoint(bytes.Repeat([]byte{byte(i)}, runner.MaxCheckpoint)); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
			return "", nil
		})
		w.submit("j1", "p")
		time.Sleep(70 * time.Second)
		var saved []byte
		for _, report := range w.reports() {
			if c, ok := report.(runner.Checkpoint); ok {
				saved = append(saved, c.Data[0])
			}
		}
		if n := len(saved); n < 8 || n > 9 || saved[n-1] != 59 {
			t.Errorf("in a minute the checkpoints %v left the process; want one in 8 seconds, and the last", saved)
		}
		s.end()
	})
}

// News wait while nothing can be sent, and only the newest does.
func TestNewsDuringAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.config(&logs{})
		c.Lease = maxLease
		s := w.serve(c, func(_ context.Context, j *Job) (string, error) {
			for i := range 40 {
				if err := j.Checkpoint(bytes.Repeat([]byte{byte(i)}, runner.MaxCheckpoint)); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
			return "", nil
		})
		w.submit("j1", "p")
		time.Sleep(time.Second)
		w.wire.OnCall(func(method string) (bool, error) { return method != "Send", errors.New("no answer") })
		time.Sleep(30 * time.Second)
		if n := s.outbox.size(); n > 30 {
			t.Errorf("%d reports wait", n)
		}
		w.wire.OnCall(nil)
		time.Sleep(20 * time.Second)
		told := w.reports()
		if _, ok := told[len(told)-1].(runner.Completed); !ok {
			t.Error("it did not complete")
		}
		if saved, ok := told[len(told)-2].(runner.Checkpoint); !ok || saved.Data[0] != 39 {
			t.Error("the last checkpoint is not the last")
		}
		s.end()
	})
}

// grantWith is the entry of a later attempt.
func (w *world) grantWith(id string, checkpoint []byte, change func(*job.Grant)) queue.Assignment {
	s := queuetest.Sign(queuetest.Document(id, "p"), w.client)
	_, grant := w.GrantOf(s)
	grant.Attempt = 2
	if checkpoint != nil {
		grant.Checkpoint = (&runner.Checkpoint{Data: checkpoint}).Hash()
	}
	change(grant)
	a := queuetest.Assignment(w.Commit(queuetest.JobAggregate(id), job.Queued{Grant: *grant}))
	a.Submission, a.Checkpoint = &s, checkpoint
	return a
}

func TestLastCheckpoint(t *testing.T) {
	tests := []struct {
		name  string
		data  []byte
		spoil func(*queue.Assignment)
		want  string
	}{
		{name: "none", want: "j1 completed: 2 1m0s false"},
		{name: "one", data: []byte("page\x007"), want: "j1 completed: 2 1m0s true page\x007"},
		{name: "an empty one", data: []byte{}, want: "j1 completed: 2 1m0s true "},
		{
			name: "another one", data: []byte("page 7"), want: "j1 refused: checkpoint",
			spoil: func(a *queue.Assignment) { a.Checkpoint = []byte("page 8") },
		},
		{
			name: "one that is missing", data: []byte("page 7"), want: "j1 refused: checkpoint",
			spoil: func(a *queue.Assignment) { a.Checkpoint = nil },
		},
		{
			name: "one that nobody granted", want: "j1 refused: checkpoint",
			spoil: func(a *queue.Assignment) { a.Checkpoint = []byte{} },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := begin(t, func(_ context.Context, j *Job) (string, error) {
					result := fmt.Sprint(j.Attempt, " ", j.Timeout, " ", j.LastCheckpoint() != nil)
					if last := j.LastCheckpoint(); last != nil {
						result += " " + string(last)
					}
					return result, nil
				})
				a := d.grantWith("j1", test.data, func(*job.Grant) {})
				if test.spoil != nil {
					test.spoil(&a)
				}
				d.put(a)
				d.turn()
				d.expect(test.want)
			})
		})
	}
}

func TestGrantBoundsTheTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(ctx context.Context, j *Job) (string, error) {
			<-ctx.Done()
			return "", fmt.Errorf("ended after %s of %s", time.Second, j.Timeout)
		})
		d.put(d.grantWith("j1", nil, func(g *job.Grant) { g.Timeout = time.Second }))
		d.turn()
		time.Sleep(time.Second)
		synctest.Wait()
		d.turn()
		d.expect("j1 timeout: ended after 1s of 1s")
	})
}

func TestLogger(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(ctx context.Context, j *Job) (string, error) {
			logger := j.Logger().With("page", 7).WithGroup("mail")
			logger.InfoContext(ctx, "sent", "to", "ann\nbob")
			logger.DebugContext(ctx, "not for everybody")
			return "", nil
		})
		d.submit("j1", "p")
		d.turn()
		d.expect(`j1 runner: level=INFO msg=sent page=7 mail.to="ann\nbob"`, "j1 completed: ")
		if !d.logs.has(`job=j1 attempt=1 page=7 mail.to="ann\nbob"`) || !d.logs.has("not for everybody") {
			t.Errorf("the program's log:\n%s", d.logs.text.String())
		}
	})
}

// A job that a test made by hand says nothing, and breaks nothing.
func TestJobMadeByHand(t *testing.T) {
	j := &Job{}
	j.Log(Stdout, "x")
	j.Progress(1, "x")
	j.Logger().Log(t.Context(), slog.LevelError, "x")
	if err := j.Checkpoint([]byte("x")); err != nil || j.LastCheckpoint() != nil {
		t.Errorf("checkpoint: %v", err)
	}
	if err := j.Checkpoint(make([]byte, 1<<20)); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("a large checkpoint: %v", err)
	}
}
