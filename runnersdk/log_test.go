package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/runner"
)

func TestManyLinesAreManyBundles(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const lines, width = 2000, 1000
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			for range lines {
				j.Log(Stdout, strings.Repeat("x", width))
			}
			return "", nil
		})
		d.submit("j1", "p")
		d.turn()
		got := story(d.reports())
		if len(got) != lines+2 || got[0] != "j1 started" || got[lines+1] != "j1 completed: " {
			t.Errorf("%d lines of the story, from %q to %q", len(got), got[0], got[len(got)-1])
		}
		for _, s := range d.wire.Inbox() {
			if len(s.Doc) > runner.MaxBundleBytes {
				t.Errorf("a bundle has %d bytes", len(s.Doc))
			}
		}
	})
}

// A flood is slowed to what can be sent, and ends at the limit.
func TestLogIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			for range 3000 {
				j.Log(Stdout, strings.Repeat("\x01", 4000)) // six times as long when encoded
			}
			return "", nil
		})
		open := false
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Send" && !open {
				return false, errors.New("no room")
			}
			return true, nil
		})
		d.submit("j1", "p")
		for range 5 {
			_, _ = d.Turn(t.Context())
			synctest.Wait()
		}
		if len(d.outbox.text) > 2*fullBytes {
			t.Errorf("%d bytes wait", len(d.outbox.text))
		}
		open = true
		d.turn()
		got := story(d.reports())
		if n := len(got); n < 1000 || n > 1100 || !strings.Contains(got[n-2], "no more lines are kept") {
			t.Errorf("%d lines of the story, before its end %.60q", len(got), got[len(got)-2])
		}
	})
}

func TestWaitingLogEndsWithTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ended := false
		d := begin(t, func(ctx context.Context, j *Job) (string, error) {
			for ctx.Err() == nil {
				j.Log(Stdout, strings.Repeat("x", 1000))
			}
			ended = true
			return "", ctx.Err()
		})
		d.wire.OnCall(func(method string) (bool, error) {
			if method == "Send" || method == "Renew" {
				return false, errors.New("no answer")
			}
			return true, nil
		})
		d.submit("j1", "p")
		d.sleep(10 * time.Second)
		if !ended {
			t.Error("the handler still waits")
		}
	})
}

func TestLogAfterTheEndIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var late *Job
		d := begin(t, func(_ context.Context, j *Job) (string, error) { late = j; return "", nil })
		d.submit("j1", "p")
		d.turn()
		late.Log(Stdout, "too late")
		d.turn()
		d.expect("j1 completed: ")
	})
}

func TestLongLineIsCutOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			j.Log(Stdout, strings.Repeat("é", maxLineBytes))
			return "", nil
		})
		d.submit("j1", "p")
		d.turn()
		log, ok := d.reports()[0].(runner.Log)
		if !ok || len(log.Lines) != 1 {
			t.Fatal("no line")
		}
		text := log.Lines[0].Text
		mark := fmt.Sprintf("… [%d bytes cut]", maxLineBytes)
		if len(text) > maxLineBytes+len(mark)+2 || !strings.HasSuffix(text, mark) || !utf8.ValidString(text) {
			t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-30:])
		}
	})
}

// What a terminal could be hurt with is kept as it is, for programs to read; what
// no text has is not.
func TestLinesAreText(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, func(_ context.Context, j *Job) (string, error) {
			j.Log(Stdout, "\x1b[2J\ta\rb\xff\x00\u202e\r\n")
			return "", nil
		})
		d.submit("j1", "p")
		d.turn()
		d.expect("j1 stdout: \x1b[2J\ta\rb\uFFFD\uFFFD\u202e\r", "j1 completed: ")
	})
}

// Whatever a handler returns, its report fits a bundle and can be read back.
func TestAnyEndFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"a", "\x00", "é", "\xff", "\"", "𝄞", "\n", "ab\x01c"}).Draw(t, "unit")
		text := strings.Repeat(unit, rapid.IntRange(0, 80<<10).Draw(t, "count"))
		if got := encodedLen(text); got != len(jsonOf(text)) {
			t.Fatalf("encodedLen = %d, want %d", got, len(jsonOf(text)))
		}
		report := fit(runner.Failed{Message: text, Result: text})
		if size := len(runner.AppendReport(nil, report)); size > runner.MaxReportBytes {
			t.Fatalf("the report has %d bytes", size)
		}
		budget := rapid.IntRange(100, 1<<20).Draw(t, "budget")
		if short := cut(text, budget); encodedLen(short) > budget || encodedLen(text) <= budget && short != text {
			t.Fatalf("cut to %d bytes for a budget of %d", encodedLen(short), budget)
		}
	})
}

// jsonOf is text as a JSON string, without its quotes.
func jsonOf(text string) string {
	quoted := fixedjson.AppendString(nil, text)
	return string(quoted[1 : len(quoted)-1])
}
