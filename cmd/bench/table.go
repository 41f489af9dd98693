package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	var text strings.Builder
	r.head(&text)
	for i := range r.Sections {
		r.Sections[i].table(&text)
	}
	r.changes(&text)
	_, err := io.WriteString(w, text.String())
	return err
}

func (r *Report) head(text *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(text, "%s, %d cores (GOMAXPROCS %d), %s, %s\n", orUnknown(m.CPU), m.Cores, m.GOMAXPROCS, m.System, m.Go)
	whose := "in a namespace of its own, deleted now"
	if r.Redis.Own {
		whose = "started for this run"
	}
	persistence := "without an append-only file"
	if r.Redis.AOF {
		persistence = "AOF " + orUnknown(r.Redis.Fsync)
	}
	fmt.Fprintf(text, "Redis %s, %s, %s; %s\n", r.Redis.Version, persistence, whose, r.At.Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(text, "Medians of %d rounds in turns, with the lowest and the highest in brackets. "+
		"CPU, commands, bytes and allocations are for each job.\n", r.Rounds)
}

func orUnknown(word string) string {
	if word == "" {
		return "unknown"
	}
	return word
}

// table writes a section: its rows, then what to know about them.
func (s *Section) table(text *strings.Builder) {
	fmt.Fprintf(text, "\n%s: %s\n", s.Name, s.About)
	if s.Trouble != "" {
		fmt.Fprintf(text, "  could not be measured: %s\n", s.Trouble)
		return
	}
	headings, used := []string{""}, s.columns()
	for _, c := range used {
		headings = append(headings, c.heading)
	}
	rows := [][]string{headings}
	for _, row := range s.Rows {
		cells := []string{row.Name}
		for i, c := range used {
			cells = append(cells, row.cell(c, i == 0))
		}
		rows = append(rows, cells)
	}
	aligned(text, rows)
	for _, note := range s.Notes {
		fmt.Fprintf(text, "  - %s\n", note)
	}
}

// columns are those that a row has a figure for.
func (s *Section) columns() (used []column) {
	for _, c := range columns() {
		for _, row := range s.Rows {
			if _, ok := row.Figures[c.key]; ok {
				used = append(used, c)
				break
			}
		}
	}
	return used
}

// cell writes a figure, the first of a row with its range.
func (r *Row) cell(c column, ranged bool) string {
	spread, ok := r.Figures[c.key]
	switch {
	case !ok && r.Yardstick && strings.HasSuffix(c.key, "ratio"):
		return "1"
	case !ok:
		return "-"
	case ranged:
		return spread.String()
	}
	return plain(spread.Median)
}

// aligned writes rows in columns: the first to the left, numbers to the right.
func aligned(text *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			room := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				text.WriteString("  " + cell + room)
			} else {
				text.WriteString("  " + room + cell)
			}
		}
		text.WriteByte('\n')
	}
}
