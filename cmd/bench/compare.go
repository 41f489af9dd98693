package bench

import (
	"fmt"
	"strings"
)

// Change is how a figure differs from an older report's.
type Change struct {
	Section string  `json:"section"`
	Row     string  `json:"row"`
	Figure  string  `json:"figure"`
	Old     Spread  `json:"old"`
	New     Spread  `json:"new"`
	Percent float64 `json:"percent"` // by which the median changed
	// Verdict is better or worse when each median lies outside of what the
	// other report's rounds found; else it is empty, and chance may explain it.
	Verdict Verdict `json:"verdict,omitempty"`
}

// Verdict says what a change means.
type Verdict string

// The verdicts.
const (
	Better Verdict = "better"
	Worse  Verdict = "worse"
)

// Compare returns how rows that both reports have changed: each by its first
// figure in the order of tables, which is the ratio to the yardstick wherever
// there is one.
func Compare(old, now *Report) []Change {
	before := map[[2]string]Row{}
	for _, s := range old.Sections {
		for _, r := range s.Rows {
			before[[2]string{s.Name, r.Name}] = r
		}
	}
	changes := []Change{}
	for _, s := range now.Sections {
		for _, r := range s.Rows {
			was, known := before[[2]string{s.Name, r.Name}]
			c, both := leading(was, r)
			if !known || !both || r.Yardstick {
				continue
			}
			changes = append(changes, changed(s.Name, r.Name, c, was.Figures[c.key], r.Figures[c.key]))
		}
	}
	return changes
}

// leading is the first column for which both rows have a figure.
func leading(a, b Row) (column, bool) {
	for _, c := range columns() {
		_, inA := a.Figures[c.key]
		_, inB := b.Figures[c.key]
		if inA && inB {
			return c, true
		}
	}
	return column{}, false
}

func changed(section, row string, c column, old, now Spread) Change {
	change := Change{Section: section, Row: row, Figure: c.key, Old: old, New: now}
	if old.Median != 0 {
		change.Percent = (now.Median/old.Median - 1) * 100
	}
	switch {
	case old.holds(now.Median) || now.holds(old.Median):
	case (now.Median < old.Median) == c.lower:
		change.Verdict = Better
	default:
		change.Verdict = Worse
	}
	return change
}

func (s Spread) holds(n float64) bool { return s.Min <= n && n <= s.Max }

// changes writes how the report differs from an older one.
func (r *Report) changes(text *strings.Builder) {
	if r.Changes == nil {
		return
	}
	text.WriteString("\ncompared with the older report; better and worse are outside of what the other's rounds found\n")
	rows := [][]string{{"", "figure", "old", "new", "change", ""}}
	for _, c := range r.Changes {
		rows = append(rows, []string{
			c.Section + ": " + c.Row, headingOf(c.Figure), c.Old.String(), c.New.String(),
			fmt.Sprintf("%+.0f %%", c.Percent), string(c.Verdict),
		})
	}
	aligned(text, rows)
}

// String writes the median and the range.
func (s Spread) String() string {
	return fmt.Sprintf("%s (%s–%s)", plain(s.Median), plain(s.Min), plain(s.Max))
}

func headingOf(key string) string {
	for _, c := range columns() {
		if c.key == key {
			return c.heading
		}
	}
	return key
}
