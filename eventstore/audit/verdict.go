package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Finding is what an audit came to.
type Finding uint8

// The findings.
const (
	CannotTell Finding = iota // something that is needed is missing
	Valid                     // everything up to a place is proved
	Tampered                  // something is not as it was sealed, or could not happen
	Lost                      // everything is proved, also that something is missing and was declared
)

// String returns valid, tampered, lost or cannot_tell.
func (f Finding) String() string {
	return [...]string{"cannot_tell", "valid", "tampered", "lost"}[f]
}

// Proved reports whether everything up to a place is proved, with or without
// declared gaps.
func (f Finding) Proved() bool { return f == Valid || f == Lost }

// MarshalText returns what String returns.
func (f Finding) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Verdict is what an audit came to, and about what.
type Verdict struct {
	Finding   Finding
	Namespace domain.Name
	Partition uint16
	// Seq is the last event that is proved, or the first place at which
	// something is wrong. When the audit cannot tell it is 0.
	Seq  uint64
	Why  string       // it is tampered with, or what is missing; one line
	Seal signing.Hash // hash of the last seal, of a valid log
	Time event.Time   // latest time that any event bears, of a valid log
	// Founding is the fingerprint of the log's founding; zero when the audit
	// did not come that far.
	Founding signing.Hash
	Trusted  bool   // the founding is the one that Options.Trust names
	Counts   Counts // of a valid log
	Gaps     []Gap  // that the log declares, in the order of the declarations
}

// Gap is a part of the log that a store lost and that was declared.
type Gap struct {
	From     uint64      `json:"from"`     // first place that is lost
	To       uint64      `json:"to"`       // last place of which a seal was remembered
	Seal     string      `json:"seal"`     // hash of that seal
	Declared uint64      `json:"declared"` // where it was declared
	By       event.Actor `json:"by"`       // who remembered the seal
	At       event.Time  `json:"at"`
}

// Counts says what was found in a valid log.
type Counts struct {
	Events     uint64            `json:"events"`
	Commits    uint64            `json:"commits"`
	Signatures uint64            `json:"signatures"` // of seals, jobs and bundles
	Jobs       Jobs              `json:"jobs"`
	Keys       map[string]uint64 `json:"keys"`      // by class: those that statements admit
	FirstUse   uint64            `json:"first_use"` // runner ids that are pinned to the first key that they showed
}

// Jobs counts jobs by outcome; a deleted one by the outcome that it had.
type Jobs struct {
	Total     uint64            `json:"total"`
	Completed uint64            `json:"completed"`
	Failed    map[string]uint64 `json:"failed"` // by kind of failure; dropped ones too
	Stopped   uint64            `json:"stopped"`
	Open      uint64            `json:"open"`              // without an outcome yet
	States    map[string]uint64 `json:"states,omitempty"`  // of those
	Dropped   uint64            `json:"dropped,omitempty"` // of those that failed
	Refused   uint64            `json:"refused,omitempty"` // reports that came too late
}

// ExitCode is what a program exits with: 0 valid, 1 tampered, 2 cannot tell, 3
// valid but for declared gaps.
func (v Verdict) ExitCode() int {
	switch v.Finding {
	case Valid:
		return 0
	case Tampered:
		return 1
	case Lost:
		return 3
	case CannotTell:
	}
	return 2
}

// Head returns the place that a valid verdict proves, for a later audit to
// begin its doubts from.
func (v Verdict) Head() Head { return Head{v.Namespace, v.Partition, v.Seq, v.Seal} }

// MarshalJSON writes the verdict for programs. Members that a finding does not
// have are left out.
func (v Verdict) MarshalJSON() ([]byte, error) {
	doc := struct {
		Verdict   Finding     `json:"verdict"`
		Namespace domain.Name `json:"namespace"`
		Partition uint16      `json:"partition"`
		Seq       uint64      `json:"seq,omitzero"`
		Why       string      `json:"why,omitempty"`
		Seal      string      `json:"seal,omitempty"`
		Time      event.Time  `json:"time,omitzero"`
		Founded   string      `json:"founded_by,omitempty"`
		Trust     string      `json:"trust,omitempty"`
		Counts    *Counts     `json:"counts,omitempty"`
		Gaps      []Gap       `json:"gaps,omitempty"`
	}{Verdict: v.Finding, Namespace: v.Namespace, Partition: v.Partition, Seq: v.Seq, Why: v.Why, Time: v.Time, Gaps: v.Gaps}
	if !v.Founding.IsZero() {
		doc.Founded, doc.Trust = v.Founding.String(), v.trust()
	}
	if v.Finding.Proved() {
		doc.Seal, doc.Counts = v.Seal.String(), &v.Counts
	}
	return json.Marshal(doc)
}

func (v Verdict) trust() string {
	if v.Trusted {
		return "checked"
	}
	return "unchecked"
}

// String says the verdict to people, in one line or, of a valid log, in a few.
func (v Verdict) String() string {
	where := place(v.Namespace, v.Partition)
	switch v.Finding {
	case Valid:
		return fmt.Sprintf("valid up to seq %d of %s\n", v.Seq, where) + v.details()
	case Lost:
		return fmt.Sprintf("lost: %s; valid up to seq %d of %s but for that\n", many(uint64(len(v.Gaps)), "declared gap"), v.Seq, where) +
			v.details() + v.gaps()
	case Tampered:
		return fmt.Sprintf("tampered at seq %d of %s: %s", v.Seq, where, v.Why)
	case CannotTell:
	}
	return fmt.Sprintf("cannot tell about %s: %s", where, v.Why)
}

func (v Verdict) details() string {
	c := &v.Counts
	lines := []string{
		"  seal        " + v.Seal.String(),
		"  time        " + v.Time.String(),
		"  founded by  " + v.Founding.String() + " (" + v.trusting() + ")",
		fmt.Sprintf("  proved      %s in %s, %s", many(c.Events, "event"), many(c.Commits, "commit"), many(c.Signatures, "signature")),
		"  jobs        " + c.Jobs.String(),
		fmt.Sprintf("  keys        %s; admitted by first use: %s", listed(c.Keys), many(c.FirstUse, "runner")),
	}
	return strings.Join(lines, "\n")
}

// gaps lists the declared gaps, a line each.
func (v Verdict) gaps() string {
	var b strings.Builder
	for _, g := range v.Gaps {
		_, _ = fmt.Fprintf(&b, "\n  lost        seq %d to %d at least, declared at seq %d on %s by %s", g.From, g.To, g.Declared, g.At, printable(string(g.By)))
	}
	return b.String()
}

// trusting says to people whether the founding is the one that is trusted.
func (v Verdict) trusting() string {
	if v.Trusted {
		return "as trusted"
	}
	return "unchecked: compare it with what its founder says"
}

// String says "9: 4 completed, 3 failed (1 error, 2 lost), 1 stopped, 1 open (1
// queued)", and behind that what there is not always.
func (c Jobs) String() string {
	var failed uint64
	for _, n := range c.Failed {
		failed += n
	}
	text := fmt.Sprintf("%d: %d completed, %s, %d stopped, %s",
		c.Total, c.Completed, of(failed, "failed", c.Failed), c.Stopped, of(c.Open, "open", c.States))
	if c.Dropped > 0 {
		text += fmt.Sprintf("; %d of the failed ones dropped", c.Dropped)
	}
	if c.Refused > 0 {
		text += "; refused " + many(c.Refused, "late report")
	}
	return text
}

// of says "3 failed (1 error, 2 lost)".
func of(total uint64, what string, parts map[string]uint64) string {
	if total == 0 {
		return "0 " + what
	}
	return fmt.Sprintf("%d %s (%s)", total, what, listed(parts))
}

// listed says "1 client, 2 supervisor", in the order of the words.
func listed(counts map[string]uint64) string {
	parts := make([]string, 0, len(counts))
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[word], word))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func many(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printable replaces what could steer a terminal: a log that was tampered with
// may speak through an error.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
