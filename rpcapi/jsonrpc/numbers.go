package jsonrpc

import (
	"regexp"
	"sync"

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

// stringOrNumber matches strings, to step over them, even one that does not
// end; and whatever begins like a number, as far as it could go on.
var stringOrNumber = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*"?|[-0-9][-+.0-9eE]*`)
})

// zeroNumbers returns a copy of a text with 0 in the place of each number. What
// is wrong with the text otherwise remains.
func zeroNumbers(message []byte) []byte {
	return stringOrNumber().ReplaceAllFunc(message, func(token []byte) []byte {
		if token[0] == '"' || !jsontext.Value(token).IsValid() {
			return token
		}
		return []byte("0")
	})
}
