package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// strict reads a message with the standard library and refuses what two readers
// could read in two ways: bytes that are no UTF-8, half a surrogate, a name twice,
// more than one value; and what is too deep. It is naive on purpose.
func strict(message []byte) error {
	if !utf8.Valid(message) || halfSurrogate(message) {
		return errors.New("no UTF-8")
	}
	if !json.Valid(message) {
		return errors.New("no JSON")
	}
	d := json.NewDecoder(bytes.NewReader(message))
	d.UseNumber()
	if err := strictValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("two values")
	}
	return nil
}

func strictValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	open, is := token.(json.Delim)
	if err != nil || !is {
		return err
	}
	if depth++; depth > 32 {
		return errors.New("too deep")
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if names[name.(string)] {
				return errors.New("a name twice")
			}
			names[name.(string)] = true
		}
		if err := strictValue(d, depth); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// halfSurrogate reports whether an escape stands for half a character: what
// remains of one when whole pairs and other escapes are taken out.
func halfSurrogate(message []byte) bool {
	whole := regexp.MustCompile(`(?i)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})|\\[^u]`)
	for _, m := range whole.FindAllSubmatch(message, -1) {
		if n, err := strconv.ParseUint(string(m[3]), 16, 16); err == nil && n >= 0xd800 && n < 0xe000 {
			return true
		}
	}
	return false
}

// FuzzStrict compares the server with that reader, in both directions: what it
// refuses is a parse error here, and nothing else is.
func FuzzStrict(f *testing.F) {
	seedtest.Add(f, []byte(`[{"jsonrpc":"2.0","method":"sum","params":{"a":"\ud83d\ude00\\u"},"id":"\u00e9"},1e400]`))
	for _, seed := range []string{
		`{"a":1,"\u0061":2}`, `"\ud800"`, `"\udc00\ud800"`, `"\\ud800"`, `"\\\ud800"`, `[1e999999,{"a":{},"a":[]}]`, "\xef\xbb\xbf{}", `{} {}`,
		`[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]`, `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]`,
	} {
		f.Add([]byte(seed))
	}
	s, err := jsonrpc.New(methods(), jsonrpc.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		reply := s.Handle(t.Context(), message)
		refused := false
		if reply != nil {
			first := answersIn(t, reply)[0]
			refused = first.Error != nil && first.Error.Code == jsonrpc.CodeParse
		}
		if err := strict(message); refused != (err != nil) {
			t.Fatalf("a strict reader says %v, the server %s", err, reply)
		}
	})
}
