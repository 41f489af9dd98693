package cli

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// colors are what words about a state look like on a terminal, as SGR parameters
// (ECMA-48, 8.3.117).
var colors = map[string]string{
	"completed": "32", "open": "32", "alive": "32", "running": "36", "leader": "32",
	"failed": "31", "lost": "31", "gone": "31", "revoked": "31", "halted": "31",
	"retrying": "33", "stopping": "33", "silent": "33", "paused": "33", "drained": "33",
	"stopped": "35", "dropped": "2", "deleted": "2", "left": "2",
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
	if color, ok := colors[word]; ok {
		return "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	return text
}

// states are the headings and names under which words about states stand.
var states = []string{"STATE", "MODE", "state", "role"}

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
		for i, cell := range row {
			shown := cell
			if color && slices.Contains(states, names[i]) {
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
		if color && slices.Contains(states, pair[0]) {
			value = paint(value)
		}
		_, _ = io.WriteString(w, pair[0]+strings.Repeat(" ", max(width-len(pair[0]), 1))+value+"\n")
	}
}
