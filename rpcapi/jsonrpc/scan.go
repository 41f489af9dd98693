package jsonrpc

import (
	"bytes"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// The functions of this file walk JSON that is known to be valid. They do not
// check again: the whole message was checked once, and on bytes that were not,
// they could run out of range.

// members yields the raw name (with its quotes) and the raw value of each
// member of a valid object.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := skipSpace(object, 1)
		for object[i] != '}' {
			nameEnd := skipString(object, i)
			start := skipSpace(object, skipSpace(object, nameEnd)+1) // past the colon
			end := skipValue(object, start)
			if !yield(object[i:nameEnd], object[start:end]) {
				return
			}
			i = skipSeparator(object, end)
		}
	}
}

// elements yields the raw elements of a valid array.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(element []byte) bool) {
		i := skipSpace(array, 1)
		for array[i] != ']' {
			end := skipValue(array, i)
			if !yield(array[i:end]) {
				return
			}
			i = skipSeparator(array, end)
		}
	}
}

// text returns what a valid string literal says. It shares memory with the
// literal unless that has escapes.
func text(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal[1 : len(literal)-1]
	}
	unquoted, _ := jsontext.AppendUnquote(nil, literal) // valid, as the whole message is
	return unquoted
}

// trimSpace cuts the white space of JSON off both ends.
func trimSpace(data []byte) []byte { return bytes.Trim(data, " \t\r\n") }

func skipSpace(data []byte, i int) int {
	for data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t' {
		i++
	}
	return i
}

// skipSeparator goes from the end of one item to the start of the next, or to
// the closing bracket.
func skipSeparator(data []byte, i int) int {
	i = skipSpace(data, i)
	if data[i] == ',' {
		i = skipSpace(data, i+1)
	}
	return i
}

// skipString looks at no byte twice, however many escapes there are: the next
// quotation mark stays known until one passes it.
func skipString(data []byte, i int) int {
	i++
	for quote := -1; ; {
		if quote < i {
			quote = i + bytes.IndexByte(data[i:], '"')
		}
		escape := bytes.IndexByte(data[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		i += escape + 2
	}
}

func skipValue(data []byte, i int) int {
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		return skipContainer(data, i)
	default:
		for i < len(data) && !endsLiteral(data[i]) {
			i++
		}
		return i
	}
}

func skipContainer(data []byte, i int) int {
	for depth := 0; ; {
		switch data[i] {
		case '"':
			i = skipString(data, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

func endsLiteral(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}
