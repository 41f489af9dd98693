package sh

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// tail keeps the last max bytes of what is written to it.
type tail struct {
	max   int
	total int64  // bytes written so far
	ring  []byte // grows to max, and only then goes round
	next  int    // index in ring of its oldest byte
}

func (t *tail) write(b []byte) {
	t.total += int64(len(b))
	if len(b) >= t.max {
		t.ring, t.next = append(t.ring[:0], b[len(b)-t.max:]...), 0
		return
	}
	n := min(len(b), t.max-len(t.ring))
	t.ring, b = append(t.ring, b[:n]...), b[n:]
	for len(b) > 0 {
		n := copy(t.ring[t.next:], b)
		t.next, b = (t.next+n)%t.max, b[n:]
	}
}

func (t *tail) bytes() []byte { return slices.Concat(t.ring[t.next:], t.ring[:t.next]) }

// dropped returns how many bytes were written before those that are kept.
func (t *tail) dropped() int64 { return t.total - int64(len(t.ring)) }

// markRoom is kept free in a cut text for its mark, which is shorter.
const markRoom = 48

// capture keeps the start and the end of a stream, to be read as one text of at
// most max bytes.
type capture struct {
	max  int
	head []byte // at most max/2 bytes
	tail tail
}

func newCapture(limit int) *capture {
	return &capture{max: limit, tail: tail{max: limit - limit/2}}
}

func (c *capture) write(b []byte) {
	n := min(len(b), c.max/2-len(c.head))
	c.head = append(c.head, b[:n]...)
	if n < len(b) {
		c.tail.write(b[n:])
	}
}

// text returns what was written when that fits, else its start and its end
// around a mark that says how many bytes are missing. It is valid UTF-8 without
// NUL: invalid bytes and NUL are shown as U+FFFD, which is longer than they, so
// that even what was kept whole may have to be cut here.
func (c *capture) text() string {
	head, end := c.head, c.tail.bytes()
	total := int64(len(head)) + c.tail.total
	if c.tail.dropped() == 0 {
		all := slices.Concat(head, end)
		if fit(all, c.max) == len(all) {
			return valid(all)
		}
		head, end = all, all
	}
	// Less than was kept of each, so neither can show a character torn in two.
	budget := (c.max - markRoom) / 2
	head = head[:fit(head, budget)]
	end = end[len(end)-fitEnd(end, budget):]
	missing := total - int64(len(head)+len(end))
	return valid(head) + "\n" + mark(missing) + "\n" + valid(end)
}

// fit returns the length of the longest prefix of b, cut between characters,
// that is at most budget bytes as text.
func fit(b []byte, budget int) int {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if budget -= cost(r); budget < 0 {
			break
		}
		n += size
	}
	return n
}

// fitEnd is fit for the suffix of b.
func fitEnd(b []byte, budget int) int {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeLastRune(b[:len(b)-n])
		if budget -= cost(r); budget < 0 {
			break
		}
		n += size
	}
	return n
}

func cost(r rune) int { return utf8.RuneLen(printable(r)) }

func valid(b []byte) string { return string(bytes.Map(printable, b)) }

// printable maps NUL to U+FFFD, as decoding has mapped invalid bytes before.
func printable(r rune) rune {
	if r == 0 {
		return utf8.RuneError
	}
	return r
}
