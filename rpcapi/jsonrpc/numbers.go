package jsonrpc

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/strictjson"
)

// check judges a message as a whole. Only numbers are left to those who read
// them: one that some client cannot hold spoils the request (-32600) when it
// is the id, and the call (-32602) when it is in the parameters, but not the
// message and what else is in it.
func check(message []byte, limits strictjson.Limits) error {
	err := strictjson.Check(message, limits)
	if domain.ReasonOf(err) == "number" {
		err = strictjson.Check(zeroNumbers(message), limits)
	}
	return err
}

// zeroNumbers returns a copy of a text with 0 in the place of each number that
// could be at fault. What is wrong with the text otherwise remains.
func zeroNumbers(text []byte) []byte {
	zeroed := bytes.Clone(text)
	for i := 0; i < len(zeroed); {
		rest := zeroed[i:]
		switch c := rest[0]; {
		case c == '"':
			i += stringLen(rest)
		case c == '-' || '0' <= c && c <= '9':
			number := rest[:len(rest)-len(bytes.TrimLeft(rest, "-+.0123456789eE"))]
			if !harmless(number) && jsontext.Value(number).IsValid() {
				for j := range number {
					number[j] = ' '
				}
				number[0] = '0'
			}
			i += len(number)
		default:
			i++
		}
	}
	return zeroed
}

// harmless reports whether nobody can find fault with a number's size.
func harmless(number []byte) bool {
	const safeDigits = 15 // 10^15−1 < 2^53−1
	return len(number) <= safeDigits && len(bytes.Trim(number, "0123456789")) == 0
}

// stringLen returns the length of the string that a text begins with, or of
// the text when it does not end.
func stringLen(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
