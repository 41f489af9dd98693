package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress is a line on a terminal that says how far something is.
type progress struct {
	out   io.Writer
	verb  string
	shown time.Time
	on    bool
}

// newProgress shows nothing unless out is a terminal.
func newProgress(out io.Writer, verb string) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, verb: verb, on: ok && term.IsTerminal(int(file.Fd())), shown: time.Now()}
}

// barWidth is how many characters a whole bar has.
const barWidth = 30

func (p *progress) show(done, total uint64) {
	if !p.on || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = time.Now()
	filled := int(barWidth * min(done, total) / max(total, 1)) //nolint:gosec // at most barWidth
	bar := make([]byte, barWidth)
	for i := range bar {
		bar[i] = ' '
		if i < filled {
			bar[i] = '='
		}
	}
	_, _ = fmt.Fprintf(p.out, "\r[%s] %s %d of %d", bar, p.verb, done, total)
}

// end removes the line.
func (p *progress) end() {
	if p.on {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
