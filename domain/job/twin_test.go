package job_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// plan is what one of the documents says that twins live through.
type plan struct {
	doc       string
	start     time.Duration // after noon, when it names a time; 0 for at once
	delay     time.Duration // after its submission
	expires   time.Duration // after noon; 0 for never
	notAfter  time.Duration
	timeout   time.Duration
	max       int
	onError   bool
	onTimeout bool
	backoff   job.Backoff
}

func plans() []plan {
	usual := job.Backoff{Initial: time.Second, Factor: 2, Max: 5 * time.Minute}
	const five = 300 * time.Second
	return []plan{
		{doc: onceDoc, notAfter: time.Hour, timeout: five, max: 3, backoff: usual},
		{doc: againDoc, notAfter: time.Hour, timeout: five, max: 3, onError: true, onTimeout: true, backoff: usual},
		{doc: laterDoc, start: 10 * time.Minute, notAfter: time.Hour, timeout: five, max: 3, backoff: usual},
		{
			doc: `{"id":"j1","payload":"x","executor":"sh","delay":90,"timeout":60,"max_attempts":2,"retry_on":["timeout"],` +
				`"backoff":{"initial_ms":100,"factor":10,"max_ms":5000}}`,
			delay: 90 * time.Second, timeout: time.Minute, max: 2, onTimeout: true,
			backoff: job.Backoff{Initial: 100 * time.Millisecond, Factor: 10, Max: 5 * time.Second},
		},
		{
			doc: `{"id":"j1","payload":"x","executor":"sh","expires_at":"2026-01-02T12:30:00Z","max_attempts":25,` +
				`"retry_on":["error"],"backoff":{"initial_ms":600000}}`,
			expires: 30 * time.Minute, timeout: five, max: 25, onError: true,
			backoff: job.Backoff{Initial: 10 * time.Minute, Factor: 2, Max: 10 * time.Minute},
		},
	}
}

// twin is a job as somebody would write it down who knows the rules and nothing
// of this package.
type twin struct {
	plan

	phase    string // "", held, planned, open, retrying, or how it ended
	begun    bool   // the open attempt
	stopping bool   // the same
	owner    string // who runs it

	attempt, failures, refused int
	due                        event.Time // of what it waits for, or what ends the open attempt
	last                       event.Time // it is not begun after that; 0 for never
	checkpoint                 signing.Hash
	longer                     time.Duration // timeout of its replays; 0 for its own
}

// next is when somebody should look at it, 0 for never.
func (w *twin) next() event.Time {
	end := event.Time(0)
	if w.last > 0 {
		end = w.last + 1
	}
	switch {
	case w.phase == "held":
		return end
	case w.phase == "planned" || w.phase == "retrying":
		if end > 0 && end < w.due {
			return end
		}
		return w.due
	case w.phase == "open" && (w.begun || w.stopping):
		return w.due
	case w.phase == "open" && end > 0:
		return end + 2_000_000
	}
	return 0
}

func (w *twin) late(at event.Time) bool { return w.last > 0 && at > w.last }

// ask answers in words what happens, or why nothing may.
func (w *twin) ask(m move) (then, why string) {
	switch {
	case m.what == "submit" && w.phase == "":
		return w.submit(m)
	case m.what == "submit" && m.other:
		return "", "id_taken"
	case m.what == "submit":
		return "", ""
	case w.phase == "":
		return "", "job"
	}
	switch m.what {
	case "release":
		return w.release(m.at), ""
	case "tick":
		return w.tick(m.at), ""
	case "stop":
		return w.stop(m.at), ""
	case "refuse":
		if w.phase == "deleted" || w.refused == 16 {
			return "", ""
		}
		w.refused++
		return fmt.Sprintf("refused to %s that it completed", m.process), ""
	case "replay":
		return w.replay(m)
	case "drop":
		return w.drop()
	case "delete":
		return w.remove()
	case "lose":
		if w.phase != "open" || m.back > 0 {
			return "", "stale_attempt"
		}
		return w.lose(string(m.reason), m.at), ""
	case "withdraw":
		if w.phase != "open" || m.back > 0 || !w.stopping || w.begun {
			return "", "stale_attempt"
		}
		return w.end("stopped"), ""
	}
	return w.report(m)
}

func (w *twin) submit(m move) (then, why string) {
	start := noon.Add(w.start + w.delay) // with a delay, it is submitted at noon
	switch {
	case w.notAfter > 0 && m.at > noon.Add(w.notAfter):
		return "", "not_after"
	case w.expires > 0 && m.at > noon.Add(w.expires):
		return "", "expires_at"
	}
	if w.delay > 0 {
		start = m.at.Add(w.delay)
	}
	for _, end := range []time.Duration{w.expires, w.notAfter} {
		if end > 0 && (w.last == 0 || noon.Add(end) < w.last) {
			w.last = noon.Add(end)
		}
	}
	if start > m.at {
		w.due = start
	}
	if m.held {
		w.phase = "held"
		return "held", ""
	}
	if w.due == 0 {
		return "submitted, " + w.grant(), ""
	}
	w.phase = "planned"
	return "scheduled for " + clock(w.due), ""
}

func (w *twin) release(at event.Time) string {
	switch {
	case w.phase != "held":
		return ""
	case w.late(at):
		return w.fail("expired")
	case w.due > at:
		w.phase = "planned"
		return "released for " + clock(w.due)
	}
	return w.grant()
}

func (w *twin) grant() string {
	w.attempt++
	w.phase, w.begun, w.stopping, w.owner, w.due = "open", false, false, "", 0
	text := fmt.Sprintf("attempt %d granted to executor:sh", w.attempt)
	if w.checkpoint != (signing.Hash{}) {
		text += fmt.Sprintf(" behind %x", w.checkpoint[:2])
	}
	if w.longer > 0 {
		text += ", for " + w.longer.String()
	}
	return text
}

func (w *twin) fail(kind string) string {
	w.phase = "failed"
	return fmt.Sprintf("attempt %d failed: %s", w.attempt, kind)
}

func (w *twin) end(how string) string {
	w.phase = how
	return fmt.Sprintf("attempt %d %s", w.attempt, how)
}

func (w *twin) tick(at event.Time) string {
	if n := w.next(); n == 0 || at < n {
		return ""
	}
	switch {
	case w.phase == "open" && w.stopping:
		return w.lose("stop", at)
	case w.phase == "open" && w.begun:
		return w.lose("timeout", at)
	case w.late(at):
		return w.fail("expired")
	}
	return w.grant()
}

func (w *twin) stop(at event.Time) string {
	switch {
	case w.phase == "held" || w.phase == "planned" || w.phase == "retrying":
		return w.end("stopped")
	case w.phase == "open" && !w.stopping:
		w.stopping, w.due = true, at.Add(30*time.Second)
		return fmt.Sprintf("attempt %d stopping", w.attempt)
	}
	return ""
}

func (w *twin) lose(reason string, at event.Time) string {
	then := fmt.Sprintf("attempt %d lost: %s; ", w.attempt, reason)
	if reason != "queue" {
		w.failures++
	}
	switch {
	case w.stopping:
		return then + w.end("stopped")
	case w.late(at):
		return then + w.fail("expired")
	case reason == "timeout" && (!w.onTimeout || w.failures >= w.max):
		return then + w.fail("timeout")
	case w.failures >= w.max:
		return then + w.fail("lost")
	}
	return then + w.grant()
}

// report is what a runner says of an attempt.
func (w *twin) report(m move) (then, why string) {
	who := m.process + " of " + string(m.by)
	if w.phase != "open" || m.back > 0 || w.begun && w.owner != who {
		return "", "stale_attempt"
	}
	stopped := m.what == "finish" && m.stopped
	switch {
	case stopped && !w.stopping:
		return "", "stale_attempt"
	case stopped:
		return w.end("stopped"), ""
	case m.what == "finish" && (m.failure == job.FailedLost || m.failure == job.FailedExpired):
		return "", "kind"
	}
	var said []string
	if !w.begun {
		said = append(said, fmt.Sprintf("attempt %d started by %s", w.attempt, m.process))
		w.begun, w.owner = true, who
		if !w.stopping {
			w.due = m.at.Add(w.timeout + 30*time.Second)
			if w.longer > 0 {
				w.due = m.at.Add(w.longer + 30*time.Second)
			}
		}
	}
	switch {
	case m.what == "keep" && m.hash != w.checkpoint:
		w.checkpoint = m.hash
		said = append(said, fmt.Sprintf("attempt %d kept %x", w.attempt, m.hash[:2]))
	case m.what == "finish" && m.failure == "":
		said = append(said, w.end("completed"))
	case m.what == "finish":
		said = append(said, w.failed(m))
	}
	return strings.Join(said, "; "), ""
}

// failed is what becomes of an attempt that failed: another one, or nothing.
func (w *twin) failed(m move) string {
	wanted := m.failure == job.FailedError && w.onError || m.failure == job.FailedTimeout && w.onTimeout
	if m.again != job.ByPolicy {
		wanted = m.again == job.Please
	}
	if m.failure == job.FailedRejected || w.stopping || w.failures+1 >= w.max || !wanted {
		return w.fail(string(m.failure))
	}
	wait := waits(w.backoff, uint32(w.failures), m.token) //nolint:gosec // few
	if m.again == job.Please && m.after > 0 {
		wait = m.after
	}
	if w.late(m.at.Add(wait)) {
		return w.fail(string(m.failure))
	}
	w.failures++
	w.phase, w.due = "retrying", m.at.Add(wait)
	return fmt.Sprintf("attempt %d failed for now: %s, again at %s", w.attempt, m.failure, clock(w.due))
}

func (w *twin) replay(m move) (then, why string) {
	signed := noon.Add(w.notAfter)
	last := w.last
	if m.limits.Expires > 0 {
		last = m.limits.Expires
	}
	switch {
	case w.phase != "failed":
		return "", "not_dead"
	case w.notAfter > 0 && m.at > signed:
		return "", "not_after"
	case w.notAfter > 0 && last > signed:
		return "", "expires_at"
	case last > 0 && m.at > last:
		return "", "expires_at"
	}
	if m.attempts > 0 {
		w.max = m.attempts
	}
	w.failures, w.last = 0, last
	if m.limits.Timeout > 0 {
		w.longer = m.limits.Timeout
	}
	return fmt.Sprintf("replayed with %d attempts%s; %s", w.max, limited(m.limits), w.grant()), ""
}

func (w *twin) drop() (then, why string) {
	switch w.phase {
	case "failed":
		w.phase = "dropped"
		return "dropped", ""
	case "dropped":
		return "", ""
	}
	return "", "not_dead"
}

func (w *twin) remove() (then, why string) {
	switch w.phase {
	case "deleted":
		return "", ""
	case "completed", "failed", "stopped", "dropped":
		w.phase = "deleted"
		return "deleted", ""
	}
	return "", "not_ended"
}
