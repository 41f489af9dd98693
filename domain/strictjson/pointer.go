package strictjson

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxPointer bounds the pointer of an error in bytes: it is built from names
// that the sender chose.
const maxPointer = 256

// maxEcho bounds how many bytes of the input a message repeats.
const maxEcho = 32

// within returns the longest pointer of at most limit bytes that leads to p's
// value or to one around it.
func within(p jsontext.Pointer, limit int) jsontext.Pointer {
	for len(p) > limit {
		p = p.Parent()
	}
	return p
}

// quote returns the start of s in quotes, with unprintable characters escaped.
func quote(s string) string {
	if len(s) <= maxEcho {
		return strconv.Quote(s)
	}
	cut := maxEcho
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}
