package runnersdk

import (
	"bytes"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/runner"
)

// How often news of an attempt leave the process at most.
const (
	progressEvery   = 200 * time.Millisecond
	checkpointEvery = time.Second // each stays in the history for ever
	checkpointRate  = 8 << 10     // bytes a second: a large one keeps the next waiting for longer
)

// news is what an attempt says of which only the newest counts: it waits here
// until it is time for the next report.
type news struct {
	progress *runner.Progress // nil when there is nothing new
	percent  uint32           // of the last one, with its text
	text     string
	said     bool
	told     time.Time // when it was reported last

	data  []byte    // a checkpoint; nil when there is nothing new
	last  []byte    // the last one; nil if there was none
	saved time.Time // when it was reported last
	size  int       // of the one that was reported last
}

func (a *attempt) progress(percent int, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := &a.news
	p := runner.Progress{About: a.aboutNow(), Percent: uint32(min(max(percent, 0), 100)), Text: shorten(text)} //nolint:gosec // bounded
	if a.over || n.said && n.percent == p.Percent && n.text == p.Text {
		return
	}
	n.progress, n.percent, n.text, n.said = &p, p.Percent, p.Text, true
	signal(a.outbox.wake)
}

// shorten returns the text of a progress.
func shorten(text string) string {
	const limit, mark = runner.MaxProgressText, "…"
	text = clean(text[:min(len(text), 2*limit)])
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark // a torn character goes
}

// clean returns text that is UTF-8 and has no NUL. Nothing else is changed:
// whoever shows it in a terminal spells control characters out.
func clean(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return utf8.RuneError
		}
		return r
	}, text)
}

func checkSize(data []byte) error {
	if len(data) > runner.MaxCheckpoint {
		return domain.Errorf(domain.TooLarge, "checkpoint",
			"the checkpoint has %d bytes; the limit is %d: keep what is large elsewhere, and name it in the checkpoint", len(data), runner.MaxCheckpoint)
	}
	return nil
}

func (a *attempt) checkpoint(data []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || a.began.IsZero() || a.lost {
		return domain.Errorf(domain.Stale, "attempt", "the attempt is over: its checkpoint would count for nothing")
	}
	if n := &a.news; n.last == nil || !bytes.Equal(n.last, data) {
		n.data = append([]byte{}, data...)
		n.last = n.data
		signal(a.outbox.wake)
	}
	return nil
}

// tellNews hands over what is new, when it is time. a.mu is held. While more
// waits than a few bundles hold, it waits too, and stays the newest.
func (a *attempt) tellNews(now time.Time) {
	n := &a.news
	save := n.data != nil && due(n.saved, n.checkpointPause(), now)
	tell := n.progress != nil && due(n.told, progressEvery, now)
	if full, _ := a.outbox.full(); full || !save && !tell {
		return
	}
	a.tell()
	if save {
		a.flushCheckpoint(now)
	}
	if tell {
		a.flushProgress(now)
	}
}

// checkpointPause is how long a checkpoint keeps the next one waiting.
func (n *news) checkpointPause() time.Duration {
	return max(checkpointEvery, time.Duration(n.size)*time.Second/checkpointRate)
}

func due(last time.Time, every time.Duration, now time.Time) bool {
	return last.IsZero() || now.Sub(last) >= every
}

// flushCheckpoint hands over a checkpoint that is new. a.mu is held.
func (a *attempt) flushCheckpoint(now time.Time) {
	if n := &a.news; n.data != nil {
		a.outbox.add(runner.Checkpoint{About: a.aboutNow(), Data: n.data}, nil)
		n.data, n.saved, n.size = nil, now, len(n.data)
	}
}

// flushProgress hands over a progress that is new. a.mu is held.
func (a *attempt) flushProgress(now time.Time) {
	if n := &a.news; n.progress != nil {
		a.outbox.add(*n.progress, nil)
		n.progress, n.told = nil, now
	}
}

// logger returns the logger of the attempt.
func (a *attempt) logger() *slog.Logger {
	lines := slog.NewTextHandler(lineWriter{a}, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	return slog.New(slog.NewMultiHandler(lines, a.program.With("job", a.job.ID, "attempt", a.job.Attempt).Handler()))
}

// withoutTime leaves out when a line was written: every line of a log says so.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// lineWriter writes lines into an attempt's log.
type lineWriter struct{ *attempt }

// Write implements [io.Writer]. It is given whole lines.
func (w lineWriter) Write(line []byte) (int, error) {
	w.log(runner.System, string(line))
	return len(line), nil
}
