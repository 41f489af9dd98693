// Package fixedjson reads JSON that has exactly one spelling: members in a
// fixed order, no white space, the shortest escapes. Everything that Horus
// hashes is written that way, so two readers can never disagree about what
// they read, and reading is a comparison with what must stand there.
//
// Documents that were written by others (a client's job) are embedded as they
// came; [Reader.Value] finds their end and leaves their bytes alone.
//
//	r := fixedjson.NewReader(data)
//	r.Literal(`{"attempt":`)
//	attempt := r.Uint()
//	r.Literal(`}`)
//	err := r.End()
//
// A Reader remembers its first error and reads nothing after it, so a caller
// checks once, at the end.
package fixedjson

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
)

// maxDepth bounds the nesting of embedded values: what was accepted at the
// edge is not deeper, so anything that is was not written by us.
const maxDepth = 32

// maxSafe is the largest integer that every JSON reader holds exactly
// (RFC 8259, section 6).
const maxSafe = 1<<53 - 1

// Reader reads one document from its start to its end.
type Reader struct {
	data []byte
	at   int
	err  error
}

// NewReader returns a reader of data. Strings and values that it returns as
// bytes are parts of data.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// End returns the first error, or an error when something is left unread.
func (r *Reader) End() error {
	if r.err == nil && r.at != len(r.data) {
		r.fail("the end")
	}
	return r.err
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Fail makes err the reader's error unless it has one already. Callers use it
// for values that are well written but mean nothing.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Literal reads exactly s.
func (r *Reader) Literal(s string) {
	if !r.Optional(s) {
		r.fail(s)
	}
}

// Optional reads s if it is what comes next, and reports whether it was.
func (r *Reader) Optional(s string) bool {
	if r.err != nil || len(r.data)-r.at < len(s) || string(r.data[r.at:r.at+len(s)]) != s {
		return false
	}
	r.at += len(s)
	return true
}

// Uint reads a non-negative integer of at most 2^53-1, without leading zeros.
func (r *Reader) Uint() uint64 {
	if r.err != nil {
		return 0
	}
	start := r.at
	var n uint64
	for r.at < len(r.data) && r.data[r.at]-'0' <= 9 && n <= maxSafe/10 {
		n = n*10 + uint64(r.data[r.at]-'0')
		r.at++
	}
	digits := r.at - start
	if digits == 0 || n > maxSafe || digits > 1 && r.data[start] == '0' {
		r.at = start
		r.fail("an integer")
		return 0
	}
	return n
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.Optional("true") {
		return true
	}
	r.Literal("false")
	return false
}

// String reads a string in its shortest spelling (RFC 8785, section 3.2.2.2).
func (r *Reader) String() string { return string(r.Text()) }

// Text is [Reader.String] for who does not keep what it reads: the bytes are part
// of the document, unless there are escapes in them.
func (r *Reader) Text() []byte {
	start := r.at
	body, escaped := r.stringBody()
	if !escaped {
		return body
	}
	return r.unescape(r.data[start:r.at])
}

// stringBody reads a string and returns what stands between its quotes.
func (r *Reader) stringBody() (body []byte, escaped bool) {
	if r.err != nil {
		return nil, false
	}
	if r.at >= len(r.data) || r.data[r.at] != '"' {
		r.fail("a string")
		return nil, false
	}
	start := r.at + 1
	if n := bytes.IndexByte(r.data[start:], '"'); n >= 0 && plain(r.data[start:start+n]) {
		r.at = start + n + 1
		return r.data[start : start+n], false
	}
	ascii := true
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			body = r.data[start:i]
			if !ascii && !utf8.Valid(body) {
				r.fail("UTF-8")
				return nil, false
			}
			r.at = i + 1
			return body, escaped
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			r.fail("a string without raw control characters")
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.fail("the end of a string")
	return nil, false
}

// plain reports whether text is ASCII without control characters below U+0020
// and backslashes, as most of what is ever read is, eight bytes at a time.
func plain(text []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64(text)
		control, backslash := w-' '*ones, (w^'\\'*ones)-ones // a byte that is below borrows from its top bit
		if (w|control|backslash)&tops != 0 {
			return false
		}
	}
	for _, c := range text {
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unescape decodes what stands between quotes and refuses any escape that
// [AppendString] would not have written.
func (r *Reader) unescape(quoted []byte) []byte {
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil || !bytes.Equal(AppendString(nil, string(text)), quoted) {
		r.fail("a string in its shortest spelling")
		return nil
	}
	return text
}

// Value reads any JSON value and returns its bytes as they stand. It finds the
// end of the value; whether every byte inside is right is for whoever decodes
// the value to say.
func (r *Reader) Value() []byte {
	if r.err != nil {
		return nil
	}
	start, depth := r.at, 0
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case '"':
			if r.stringBody(); r.err != nil {
				return nil
			}
		case '{', '[':
			depth++
			r.at++
		case '}', ']', ',':
			if depth == 0 {
				return r.value(start)
			}
			if c != ',' {
				depth--
			}
			r.at++
		default:
			r.at++
		}
		if depth > maxDepth {
			r.fail("a value that is not nested so deeply")
			return nil
		}
		if depth == 0 && (r.data[r.at-1] == '"' || r.data[r.at-1] == '}' || r.data[r.at-1] == ']') {
			return r.value(start)
		}
	}
	return r.value(start)
}

func (r *Reader) value(start int) []byte {
	if r.at == start {
		r.fail("a value")
		return nil
	}
	return r.data[start:r.at]
}

// fail records what should have stood at the reader's place.
func (r *Reader) fail(want string) {
	if r.err != nil {
		return
	}
	if len(want) > 40 {
		want = want[:40] + "…"
	}
	r.err = domain.Errorf(domain.Invalid, "format", "byte %d: want %s", r.at, want)
}

// AppendUint appends n in decimal.
func AppendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// AppendString appends s as a JSON string with the escapes of RFC 8785,
// section 3.2.2.2, and no others. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // its error tells of the U+FFFD
	return dst
}

// Parsed runs a parser on the next string and records its error, for values
// that have a type of their own.
func Parsed[T any](r *Reader, parse func(string) (T, error)) T {
	return ParsedText(r, func(text []byte) (T, error) { return parse(string(text)) })
}

// ParsedText is [Parsed] for a parser that keeps nothing of the text, which it is
// given as it stands in the document.
func ParsedText[T any](r *Reader, parse func([]byte) (T, error)) T {
	text := r.Text()
	var zero T
	if r.Err() != nil {
		return zero
	}
	v, err := parse(text)
	if err != nil {
		r.Fail(fmt.Errorf("byte %d: %w", r.at, err))
		return zero
	}
	return v
}
