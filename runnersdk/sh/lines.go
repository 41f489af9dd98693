package sh

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// more ends every piece but the last of a line that was too long.
const more = "…"

// lines turns bytes, however they are cut into writes, into lines of text: see
// the package comment for what it does to them.
type lines struct {
	max  int // bytes of a line, without more
	emit func(line string)

	line []byte // the unfinished line; shorter than or as long as max
	cr   bool   // a carriage return that may yet belong to a newline
	rest []byte // the start of a character whose end has not come yet
}

func (l *lines) write(b []byte) {
	if len(l.rest) > 0 {
		b = slices.Concat(l.rest, b)
		l.rest = nil
	}
	for len(b) > 0 {
		if n := plain(b); n > 0 {
			l.flushCR()
			l.putPlain(b[:n])
			b = b[n:]
			continue
		}
		if !utf8.FullRune(b) {
			l.rest = bytes.Clone(b)
			return
		}
		r, size := utf8.DecodeRune(b)
		l.putRune(r)
		b = b[size:]
	}
}

// close delivers what is left as a last line, if anything is.
func (l *lines) close() {
	for range l.rest {
		l.putRune(utf8.RuneError)
	}
	l.rest = nil
	l.flushCR()
	if len(l.line) > 0 {
		l.endLine("")
	}
}

func (l *lines) putRune(r rune) {
	if r == '\n' {
		l.cr = false
		l.endLine("")
		return
	}
	l.flushCR()
	if r == '\r' {
		l.cr = true
		return
	}
	l.put(string(printable(r)))
}

func (l *lines) flushCR() {
	if l.cr {
		l.cr = false
		l.put("\r")
	}
}

// put adds a unit that must not be torn.
func (l *lines) put(unit string) {
	if len(l.line)+len(unit) > l.max {
		l.endLine(more)
	}
	l.line = append(l.line, unit...)
}

// putPlain is put for each of many units of one byte.
func (l *lines) putPlain(b []byte) {
	for len(b) > 0 {
		if len(l.line) == l.max {
			l.endLine(more)
		}
		n := min(len(b), l.max-len(l.line))
		l.line = append(l.line, b[:n]...)
		b = b[n:]
	}
}

func (l *lines) endLine(end string) {
	l.emit(string(l.line) + end)
	l.line = l.line[:0]
}

// plain returns how many bytes at the start of b are taken as they are, each a
// character: the fast path for almost all output.
func plain(b []byte) int {
	for i, c := range b {
		if c == 0 || c == '\n' || c == '\r' || c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

// mark stands where bytes were left out.
func mark(n int64) string { return fmt.Sprintf("[... %d bytes cut ...]", n) }
