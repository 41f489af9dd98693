package cli

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// colorOf returns what a word about a state looks like on a terminal, as an SGR
// parameter (ECMA-48, 8.3.117); empty for one that looks like any other.
func colorOf(word string) string {
	switch word {
	case "completed", "open", "alive", "leader":
		return "32" // green
	case "running":
		return "36" // cyan
	case "failed", "lost", "gone", "revoked", "halted":
		return "31" // red
	case "retrying", "stopping", "silent", "paused", "drained":
		return "33" // yellow
	case "stopped":
		return "35" // magenta
	case "dropped", "deleted", "left":
		return "2" // faint
	}
	return ""
}

// paints reports whether what is written to w may be in color: on a terminal,
// unless NO_COLOR is set (https://no-color.org) or it is a dumb one.
func paints(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// paint colors a word about a state, or a text that begins with one.
func paint(text string) string {
	word, _, _ := strings.Cut(text, " ")
	if color := colorOf(word); color != "" {
		return "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	return text
}

// isState reports whether words about states stand under a heading or name.
func isState(name string) bool {
	return slices.Contains([]string{"STATE", "MODE", "state", "role"}, name)
}

// table writes rows under headings, in columns.
func table(w io.Writer, headings string, rows [][]string) {
	names := strings.Split(headings, " ")
	rows = append([][]string{names}, rows...)
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	color := paints(w)
	var text strings.Builder
	for _, row := range rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1] // no line ends with spaces
		}
		for i, cell := range row {
			shown := cell
			if color && isState(names[i]) {
				shown = paint(cell)
			}
			text.WriteString(shown)
			if i < len(row)-1 {
				text.WriteString(strings.Repeat(" ", widths[i]+2-utf8.RuneCountInString(cell)))
			}
		}
		text.WriteByte('\n')
	}
	_, _ = io.WriteString(w, text.String()) // a terminal that is gone needs no table
}

// fields writes names and values, one pair a line.
func fields(w io.Writer, pairs [][]string) {
	const width = 14
	color := paints(w)
	for _, pair := range pairs {
		value := pair[1]
		if color && isState(pair[0]) {
			value = paint(value)
		}
		_, _ = io.WriteString(w, pair[0]+strings.Repeat(" ", max(width-len(pair[0]), 1))+value+"\n")
	}
}
