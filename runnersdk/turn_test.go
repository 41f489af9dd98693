package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// story says in words what was reported.
func story(reports []runner.Report) []string {
	var lines []string
	for _, r := range reports {
		switch r := r.(type) {
		case runner.Join:
			lines = append(lines, "join")
		case runner.Leave:
			lines = append(lines, "leave")
		case runner.Started:
			lines = append(lines, r.Job.String()+" started")
		case runner.Log:
			for _, line := range r.Lines {
				lines = append(lines, r.Job.String()+" "+string(line.Stream)+": "+line.Text)
			}
		case runner.Completed:
			lines = append(lines, r.Job.String()+" completed: "+r.Result)
		case runner.Failed:
			lines = append(lines, r.Job.String()+" "+string(r.Kind)+": "+r.Message)
		case runner.Stopped:
			lines = append(lines, r.Job.String()+" stopped: "+r.Result)
		case runner.Progress:
			lines = append(lines, fmt.Sprintf("%s at %d: %s", r.Job, r.Percent, r.Text))
		case runner.Checkpoint:
			lines = append(lines, r.Job.String()+" checkpoint: "+string(r.Data))
		case runner.Refused:
			lines = append(lines, r.Job.String()+" refused: "+r.Reason)
		}
	}
	return lines
}

func (d *turns) expect(want ...string) {
	d.t.Helper()
	if diff := cmp.Diff(want, story(d.reports())); diff != "" {
		d.t.Errorf("reports (-want +got):\n%s", diff)
	}
}

// inBubble runs a test in a bubble of its own time.
func inBubble(t *testing.T, test func(*testing.T)) { t.Helper(); synctest.Test(t, test) }

func TestShortJobIsOneReport(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.submit("j1", "hello")
		d.turn()
		d.expect("j1 completed: hello")
	})
}

func TestHandlerEnds(t *testing.T) {
	tests := []struct {
		name    string
		handler Handler
		want    runner.Failed
		logged  string
	}{
		{
			name:    "with an error",
			handler: func(context.Context, *Job) (string, error) { return "half", errors.New("no disk") },
			want:    runner.Failed{Kind: job.FailedError, Message: "no disk", Result: "half"},
		},
		{
			name: "with an exit code",
			handler: func(context.Context, *Job) (string, error) {
				return "", &Failure{Exit: 3, Message: "exit status 3", Result: "some"}
			},
			want: runner.Failed{Kind: job.FailedError, Exit: 3, Message: "exit status 3", Result: "some"},
		},
		{
			name:    "with a kind that is not its to say",
			handler: func(context.Context, *Job) (string, error) { return "", &Failure{Kind: job.FailedLost} },
			want:    runner.Failed{Kind: job.FailedError},
		},
		{
			name:    "by rejecting the job",
			handler: func(_ context.Context, j *Job) (string, error) { return "", Reject("no %s here", j.Payload) },
			want:    runner.Failed{Kind: job.FailedRejected, Message: "no p here"},
		},
		{
			name:    "with a panic",
			handler: func(context.Context, *Job) (string, error) { panic("secret door") },
			want:    runner.Failed{Kind: job.FailedError, Message: "panic: secret door"},
			logged:  "turn_test.go",
		},
		{
			name: "with a wish to be tried again",
			handler: func(context.Context, *Job) (string, error) {
				return "half", fmt.Errorf("send: %w", Retry(errors.New("busy")))
			},
			want: runner.Failed{Kind: job.FailedError, Message: "send: busy", Result: "half", Again: job.Please},
		},
		{
			name: "with a wish to be tried again later, whatever was wished below",
			handler: func(context.Context, *Job) (string, error) {
				return "", RetryAfter(time.Minute, Never(errors.New("busy")))
			},
			want: runner.Failed{Kind: job.FailedError, Message: "busy", Again: job.Please, After: time.Minute},
		},
		{
			name:    "with a wish for what nobody waits for",
			handler: func(context.Context, *Job) (string, error) { return "", RetryAfter(time.Hour*1000, errors.New("busy")) },
			want:    runner.Failed{Kind: job.FailedError, Message: "busy", Again: job.Please, After: runner.MaxAfter},
		},
		{
			name:    "with a wish to be tried again at once",
			handler: func(context.Context, *Job) (string, error) { return "", RetryAfter(0, errors.New("busy")) },
			want:    runner.Failed{Kind: job.FailedError, Message: "busy", Again: job.Please, After: time.Millisecond},
		},
		{
			name: "for good",
			handler: func(context.Context, *Job) (string, error) {
				return "", Never(&Failure{Exit: 2, Message: "usage", Result: "r"})
			},
			want: runner.Failed{Kind: job.FailedError, Exit: 2, Message: "usage", Result: "r", Again: job.Never},
		},
		{
			name:    "by rejecting the job, whatever else is wished",
			handler: func(context.Context, *Job) (string, error) { return "", Retry(Reject("no")) },
			want:    runner.Failed{Kind: job.FailedRejected, Message: "no"},
		},
		{
			name: "after its time, and late",
			handler: func(ctx context.Context, _ *Job) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			},
			want: runner.Failed{Kind: job.FailedTimeout, Message: "context deadline exceeded"},
		},
		{
			name: "after its time, as if nothing were",
			handler: func(ctx context.Context, _ *Job) (string, error) {
				<-ctx.Done()
				return "all of it", nil
			},
			want: runner.Failed{Kind: job.FailedTimeout, Message: "the handler returned after the job's timeout", Result: "all of it"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := begin(t, test.handler)
				d.submit("j1", "p")
				d.turn()
				for range 21 { // the timeout is a minute, a lease 9 s
					time.Sleep(3 * time.Second)
					d.turn()
				}
				reports := d.reports()
				got, ok := reports[len(reports)-1].(runner.Failed)
				if !ok {
					t.Fatalf("reports: %v", story(reports))
				}
				got.About = runner.About{}
				if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(runner.About{})); diff != "" {
					t.Errorf("failed (-want +got):\n%s", diff)
				}
				if !d.logs.has(test.logged) {
					t.Errorf("%q was not logged", test.logged)
				}
			})
		})
	}
}

// A handler that ends its goroutine, as t.FailNow does, costs no slot.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			if j.Payload == "exit" {
				runtime.Goexit()
			}
			return "", nil
		})
		for _, id := range []string{"j1", "j2", "j3", "j4", "j5"} {
			d.submit(id, "exit")
		}
		d.turn()
		d.submit("j6", "stay")
		d.turn()
		reports := story(d.reports())
		slices.Sort(reports)
		want := []string{"j6 completed: "}
		for _, id := range []string{"j5", "j4", "j3", "j2", "j1"} {
			want = append([]string{id + " error: the handler ended its goroutine"}, want...)
		}
		if diff := cmp.Diff(want, reports); diff != "" || d.hands.free() != 4 {
			t.Errorf("%d slots are free; reports (-want +got):\n%s", d.hands.free(), diff)
		}
	})
}

func TestLongJobSaysThatItStarted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			time.Sleep(2 * time.Second)
			j.Log(Stdout, "one\ntwo\n")
			time.Sleep(2 * time.Second)
			j.Log(Stderr, "three")
			j.Log("odd", "")
			return "done", nil
		})
		d.submit("j1", "p")
		d.turn()
		d.expect()
		time.Sleep(time.Second)
		d.turn()
		d.expect("j1 started")
		time.Sleep(time.Second)
		synctest.Wait()
		d.turn()
		d.expect() // lines wait for company
		time.Sleep(flushAfter)
		d.turn()
		d.expect("j1 stdout: one", "j1 stdout: two")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		d.turn()
		d.expect("j1 stderr: three", "j1 runner: ", "j1 completed: done")
	})
}

func TestNoMoreThanSlots(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		d := begin(t, func(_ context.Context, j *Job) (string, error) { <-gate; return j.ID, nil })
		var last queue.EntryID
		for _, id := range []string{"j1", "j2", "j3", "j4", "j5"} {
			last = d.submit(id, "p")
		}
		d.turn()
		if owner := d.wire.Owner(job.RunnerQueue(me), last); owner != "" {
			t.Error("a fifth job was claimed with four slots")
		}
		gate <- struct{}{}
		synctest.Wait()
		d.turn()
		if owner := d.wire.Owner(job.RunnerQueue(me), last); owner != myProcess {
			t.Error("the slot that became free was not filled")
		}
		close(gate)
		synctest.Wait()
		d.turn()
		if got := len(d.reports()); got != 5 {
			t.Errorf("%d reports for five jobs", got)
		}
	})
}

func TestBundleIsSentAgainUntilThereIsAnAnswer(t *testing.T) {
	for _, keep := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			d := begin(t, echo)
			fail := true
			d.wire.OnCall(func(method string) (bool, error) {
				if method == "Send" && fail {
					return keep, errors.New("the answer is lost")
				}
				return true, nil
			})
			d.submit("j1", "p")
			for range 3 {
				waits := !d.outbox.empty() // and not only since the handler of this turn's claim ended
				if _, err := d.Turn(t.Context()); err == nil && waits {
					t.Error("a send that failed is no error")
				}
				synctest.Wait()
			}
			d.submit("j2", "p")
			_, _ = d.Turn(t.Context())
			synctest.Wait()
			fail = false
			d.turn()
			numbers := map[uint64]string{}
			for _, s := range d.wire.Inbox() {
				b, err := runner.ParseBundle(s.Doc)
				if err != nil {
					t.Fatal(err)
				}
				if sent, ok := numbers[b.Number]; ok && sent != string(s.Doc) {
					t.Errorf("bundle %d was sent with another content", b.Number)
				}
				numbers[b.Number] = string(s.Doc)
			}
			if len(numbers) != 3 || !strings.Contains(numbers[2], "j1") || !strings.Contains(numbers[3], "j2") {
				t.Errorf("bundles: %v", numbers)
			}
		})
	}
}

// An answer that was lost has delivered entries: they are found before anything
// new is taken, and run once.
func TestEntriesOfALostAnswerAreRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.submit("j1", "p")
		d.turn()
		lose := 1
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Take" && lose > 0 {
				lose--
				return true, errors.New("the answer is lost")
			}
			return true, nil
		})
		d.submit("j2", "p")
		if _, err := d.Turn(t.Context()); err == nil {
			t.Error("a lost answer is no error")
		}
		d.submit("j3", "p")
		d.turn()
		d.expect("j1 completed: p", "j2 completed: p", "j3 completed: p")
	})
}

// While statements cannot be read nothing is judged, and nothing is lost.
func TestUnreadableStatementsDelayAClaim(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		other := queuetest.Key(t, "late client")
		d.Admit("client", "c2", other)
		d.put(d.Assign(queuetest.Sign(queuetest.Document("j1", "p"), other)))
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Statements" {
				return false, errors.New("no answer")
			}
			return true, nil
		})
		if _, err := d.Turn(t.Context()); err == nil {
			t.Error("no error")
		}
		d.wire.OnCall(nil)
		d.turn()
		d.expect("j1 completed: p")
	})
}

func TestNextAttemptBringsItsJob(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var attempts []int
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			attempts = append(attempts, j.Attempt)
			return j.Payload, nil
		})
		s := queuetest.Sign(queuetest.Document("j1", "again"), d.client)
		_, grant := d.GrantOf(s)
		grant.Attempt = 2
		a := queuetest.Assignment(d.Commit(queuetest.JobAggregate("j1"), job.Queued{Grant: *grant}))
		a.Submission = &s
		d.put(a)
		d.turn()
		d.expect("j1 completed: again")
		if diff := cmp.Diff([]int{2}, attempts); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestResultTooLongForABundleIsCut(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		long := "start" + strings.Repeat("\x01", 300<<10) + "end"
		d := begin(t, func(context.Context, *Job) (string, error) { return long, &Failure{Message: long, Result: long} })
		d.submit("j1", "p")
		d.turn()
		reports := d.reports()
		failed, ok := reports[0].(runner.Failed)
		if !ok {
			t.Fatalf("reports: %v", len(reports))
		}
		for _, text := range []string{failed.Result, failed.Message} {
			if !strings.HasPrefix(text, "start") || !strings.HasSuffix(text, "end") || !strings.Contains(text, "bytes cut") {
				t.Errorf("cut to %.20q … %q", text, text[len(text)-20:])
			}
		}
		if size := len(runner.AppendReport(nil, failed)); size > runner.MaxReportBytes {
			t.Errorf("the report has %d bytes", size)
		}
	})
}

func TestReportsNameTheGrant(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		a := d.Assign(queuetest.Sign(queuetest.Document("j1", "p"), d.client))
		d.put(a)
		d.turn()
		done, ok := d.reports()[0].(runner.Completed)
		want, err := job.ParseID("j1")
		if !ok || err != nil || done.Job != want || done.Token != leafOf(a) || done.At != event.At(time.Now()) {
			t.Errorf("the report is about %+v", done.About)
		}
	})
}
