package strictjson

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// A Cursor reads JSON texts as nearly all of them are written, in one pass and
// several times faster than [Check] and [Decode] do, and gives up on the rest:
// it is then lost, which says nothing about the text, and whoever uses it asks
// those two. What a cursor read to its end without being lost, Check accepts
// with zero limits, and Decode reads as the same values.
//
// Besides whatever is wrong, these are beyond it: names with escapes or outside
// of ASCII, more than 64 names in all objects that are open at a time, escaped
// surrogates, and numbers that are no integer of 15 digits or less.
//
// See [Scanner] for how it is used.
type Cursor struct {
	data  []byte
	at    int
	lost  bool
	limit int // of levels

	// The names of all objects that are open, and where those of each begin.
	// An array has none.
	names  [maxNames]span
	known  int
	levels [defaultDepth]uint8
	depth  int
	begun  bool // the innermost object or array has a member
}

// maxNames bounds the names of open objects: each is compared with those before
// it.
const maxNames = 64

// span is where a name stands in the text: no pointers, so a cursor costs a
// collection nothing.
type span struct{ from, to uint32 }

// NewCursor returns a cursor before the value in data, which it keeps.
func NewCursor(data []byte) Cursor {
	return Cursor{data: data, limit: defaultDepth, lost: len(data) > math.MaxUint32}
}

// Lose gives up.
func (c *Cursor) Lose() { c.lost = true }

// Done reports whether the value was read, and nothing but white space is left.
func (c *Cursor) Done() bool { return c.peek() == 0 && c.at == len(c.data) && c.depth == 0 && !c.lost }

// Object enters an object.
func (c *Cursor) Object() { c.enter('{') }

// Array enters an array.
func (c *Cursor) Array() { c.enter('[') }

// Element goes on to the next element of the array that was entered last, as
// Member does.
func (c *Cursor) Element() bool { return c.next(']') }

// Member goes on to the next member of the object that was entered last and is
// not left yet, whose value must then be read or skipped. It reports false
// behind the last one.
func (c *Cursor) Member() bool {
	if !c.next('}') {
		return false
	}
	name, simple := c.quoted()
	end := uint32(c.at - 1) //nolint:gosec // see NewCursor
	c.take(':')
	if c.lost = c.lost || !simple || c.known == maxNames || c.knows(name); c.lost {
		return false
	}
	c.names[c.known] = span{end - uint32(len(name)), end} //nolint:gosec // see NewCursor
	c.known++
	return true
}

// knows reports whether the object has a name already.
func (c *Cursor) knows(name []byte) bool {
	for _, n := range c.names[c.levels[c.depth-1]:c.known] {
		if bytes.Equal(c.data[n.from:n.to], name) {
			return true
		}
	}
	return false
}

// enter enters an object or an array.
func (c *Cursor) enter(opening byte) {
	c.take(opening)
	if c.lost = c.lost || c.depth == c.limit; c.lost {
		return
	}
	c.levels[c.depth] = uint8(c.known) //nolint:gosec // at most maxNames
	c.depth++
	c.begun = false
}

// next goes on to the next member of what was entered, and leaves it behind the
// last one.
func (c *Cursor) next(closing byte) bool {
	if c.lost {
		return false
	}
	if c.peek() == closing {
		c.at++
		c.depth--
		c.known = int(c.levels[c.depth])
		c.begun = true // it is a member of what is around it
		return false
	}
	if c.begun {
		c.take(',')
	}
	c.begun = true
	return !c.lost
}

// Name returns the name of the member that is being read, once before its value.
func (c *Cursor) Name() []byte {
	n := c.names[c.known-1]
	return c.data[n.from:n.to]
}

// Text reads a string.
func (c *Cursor) Text() string {
	raw, simple := c.quoted()
	if simple {
		return string(raw)
	}
	return c.unescape(raw)
}

// Int reads an integer.
func (c *Cursor) Int() int64 {
	n, err := strconv.ParseInt(string(c.number()), 10, 64)
	c.lost = c.lost || err != nil
	return n
}

// Skip passes a value and returns it as it stands in the text.
func (c *Cursor) Skip() []byte {
	kind := c.peek()
	start := c.at
	switch kind {
	case '"':
		if raw, simple := c.quoted(); !simple {
			c.unescape(raw)
		}
	case '{':
		for c.Object(); c.Member(); {
			c.Skip()
		}
	case '[':
		for c.Array(); c.Element(); {
			c.Skip()
		}
	case 't':
		c.word("true")
	case 'f':
		c.word("false")
	case 'n':
		c.word("null")
	default:
		c.number()
	}
	return c.data[start:c.at:c.at]
}

// passes reports whether all there is is one value of at most so many levels.
func passes(data []byte, depth int) bool {
	c := NewCursor(data)
	c.limit = min(depth, defaultDepth)
	c.Skip()
	return c.Done()
}

// peek passes white space and returns the byte behind it, 0 at the end.
func (c *Cursor) peek() byte {
	for ; c.at < len(c.data); c.at++ {
		switch b := c.data[c.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// take passes white space and a byte that must be there.
func (c *Cursor) take(b byte) {
	if c.peek() != b {
		c.lost = true
		return
	}
	c.at++
}

// quoted passes a string and returns what stands between its quotation marks.
// It is simple when it is ASCII and has no escapes.
func (c *Cursor) quoted() (raw []byte, simple bool) {
	c.take('"')
	simple = true
	rest := c.data[c.at:]
	for i := leap(rest); i < len(rest); i++ {
		if plain[rest[i]] {
			continue
		}
		switch b := rest[i]; {
		case b == '"':
			c.at += i + 1
			return rest[:i], simple
		case b == '\\':
			if i++; i < len(rest) {
				i += leap(rest[i+1:])
			}
		case b < ' ':
			c.lost = true
			return nil, false
		}
		simple = false
	}
	c.lost = true
	return nil, false
}

// leap returns how many bytes at the beginning of a text are plain for sure. It
// looks at eight at a time, and stops at the first eight that are not all plain:
// of a large payload it takes a fifth of the time.
func leap(text []byte) (n int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(text)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(text[n:])
		// A byte that is below what is taken from it borrows from its top bit.
		control, quote, backslash := w-' '*ones, (w^'"'*ones)-ones, (w^'\\'*ones)-ones
		if (w|control|quote|backslash)&tops != 0 {
			break
		}
	}
	return n
}

// plain are the bytes of strings that stand for themselves. A table, because
// most bytes of most texts are in some string: looking each up takes a third of
// the time of comparing it.
//
//nolint:gochecknoglobals // a constant, which Go has no word for
var plain = func() (is [256]bool) {
	for b := byte(' '); b < utf8.RuneSelf; b++ {
		is[b] = b != '"' && b != '\\'
	}
	return is
}()

// unescape returns the text of a string that is not simple.
func (c *Cursor) unescape(raw []byte) string {
	c.lost = c.lost || !utf8.Valid(raw)
	text := make([]byte, 0, len(raw))
	for !c.lost {
		plain := bytes.IndexByte(raw, '\\')
		if plain < 0 {
			return string(append(text, raw...))
		}
		text = append(text, raw[:plain]...)
		r, size := escaped(raw[plain+1:])
		text = utf8.AppendRune(text, r)
		raw = raw[plain+1+size:]
		c.lost = size == 0
	}
	return ""
}

// escaped returns what the bytes behind a backslash stand for and how many they
// are; 0 when only a better reader can tell.
func escaped(rest []byte) (r rune, size int) {
	switch rest[0] { // there is one, or the string had not ended
	case '"', '\\', '/':
		return rune(rest[0]), 1
	case 'b':
		return '\b', 1
	case 'f':
		return '\f', 1
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'u':
		return unit(rest[1:])
	}
	return 0, 0
}

// unit reads the four digits of a UTF-16 code unit that is a character.
func unit(rest []byte) (r rune, size int) {
	if len(rest) < 4 {
		return 0, 0
	}
	n, err := strconv.ParseUint(string(rest[:4]), 16, 16)
	if err != nil || n >= 0xD800 && n < 0xE000 {
		return 0, 0
	}
	return rune(n), 5 //nolint:gosec // 16 bits
}

// number passes an integer.
func (c *Cursor) number() []byte {
	c.peek()
	start := c.at
	if c.at < len(c.data) && c.data[c.at] == '-' {
		c.at++
	}
	digits := c.at
	for c.at < len(c.data) && c.data[c.at] >= '0' && c.data[c.at] <= '9' {
		c.at++
	}
	text := c.data[start:c.at]
	if c.at == digits || c.data[digits] == '0' && len(text) > 1 || !plainInteger(text) || c.more() {
		c.lost = true
	}
	return text
}

// more reports whether a number goes on where its digits end.
func (c *Cursor) more() bool {
	return c.at < len(c.data) && bytes.IndexByte([]byte(".eE+-"), c.data[c.at]) >= 0
}

// word passes a word.
func (c *Cursor) word(w string) {
	if !bytes.HasPrefix(c.data[c.at:], []byte(w)) {
		c.lost = true
		return
	}
	c.at += len(w)
}
