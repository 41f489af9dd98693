package strictjson

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
)

// defaultDepth holds every document that Horus defines several times over and
// keeps a hostile one from costing a stack.
const defaultDepth = 32

// byteOrderMark is valid UTF-8, but not JSON (RFC 8259, section 8.1).
const byteOrderMark = "\xef\xbb\xbf"

// Limits are what [Check] allows. The zero value is the rule for all input.
type Limits struct {
	// Depth is how many arrays and objects may stand within each other; 32 if zero.
	Depth int
	// Wide admits numbers beyond ±(2^53−1) that float64 keeps: those that are
	// the same decimal number when they are written back in the fewest digits
	// (RFC 8785, section 3.2.2.3). So 1e30 passes and 9007199254740993 does not.
	Wide bool
}

// Check reports whether data is one JSON value (RFC 8259) that every reader
// understands alike. Nothing but white space may follow it; it is UTF-8 without
// a byte order mark or a lone surrogate; no object has a name twice, however
// the name is escaped; and it is no deeper than limits.Depth.
//
// The rule for numbers: the nearest float64 lies within ±(2^53−1) (see
// [Limits] for an exception), and what reads as zero is written as zero,
// without a minus. An integer is therefore exact in every language, and
// 1e400, 1e16, 9007199254740993.0, 1e-400 and -0 are refused.
//
// The error is a [*domain.Error] with code Invalid and one of the reasons
// empty, syntax, trailing, utf8, duplicate, depth and number. Its pointer names
// the offending value, or the nearest value around it when the pointer would
// be longer than 256 bytes.
func Check(data []byte, limits Limits) error {
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		return refuse("utf8", "", "JSON must not begin with a byte order mark")
	}
	if limits.Depth == 0 {
		limits.Depth = defaultDepth
	}
	if passes(data, limits.Depth) {
		return nil
	}
	return judge(data, limits)
}

// judge is Check for what a [Cursor] does not read. It knows what is wrong.
func judge(data []byte, limits Limits) error {
	s := scanner{data: data, dec: newDecoder(data), limits: limits}
	if s.dec.PeekKind() == jsontext.KindInvalid && s.blank() {
		return refuse("empty", "", "expected a JSON value, found nothing")
	}
	for {
		if err := s.next(); err != nil {
			return err
		}
		if s.dec.StackDepth() == 0 {
			return s.end()
		}
	}
}

// newDecoder reads data without a copy: jsontext takes over a bytes.Buffer.
func newDecoder(data []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(data))
}

// A scanner walks one text token by token, so depth costs memory, never stack.
type scanner struct {
	data   []byte
	dec    *jsontext.Decoder
	limits Limits
}

func (s *scanner) blank() bool { return len(bytes.Trim(s.data, " \t\r\n")) == 0 }

// next judges one token.
func (s *scanner) next() error {
	switch s.dec.PeekKind() {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if _, err := s.dec.ReadToken(); err != nil {
			return s.malformed(err)
		}
		if s.dec.StackDepth() > s.limits.Depth {
			return refuse("depth", s.dec.StackPointer(), "nested deeper than %d levels", s.limits.Depth)
		}
	case jsontext.KindNumber:
		text, err := s.dec.ReadValue()
		if err != nil {
			return s.malformed(err)
		}
		if fault := judgeNumber(text, s.limits.Wide); fault != "" {
			return refuse("number", s.dec.StackPointer(), "%s", fault)
		}
	default:
		if _, err := s.dec.ReadToken(); err != nil {
			return s.malformed(err)
		}
	}
	return nil
}

// end checks that the one value is the last.
func (s *scanner) end() error {
	value := s.dec.InputOffset()
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return refuse("trailing", "", "expected one JSON value, found more after byte %d", value)
	}
	return nil
}

// malformed translates an error of the tokenizer.
func (s *scanner) malformed(err error) error {
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok { // the text ended between two tokens
		return refuse("syntax", s.dec.StackPointer(), "the JSON text ends too early")
	}
	at := syntactic.JSONPointer
	switch offset := syntactic.ByteOffset; {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return refuse("duplicate", at, "a member name stands twice in one object, again at byte %d", offset)
	case notUnicode(s.data[min(offset, int64(len(s.data))):]):
		return refuse("utf8", at, "not valid Unicode at byte %d", offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("syntax", at, "the JSON text ends too early")
	default:
		return refuse("syntax", at, "not JSON at byte %d", offset)
	}
}

// notUnicode reports whether rest begins with a byte that is not UTF-8 or with
// the escape of a surrogate, which is only ever an error when it is alone.
func notUnicode(rest []byte) bool {
	if r, size := utf8.DecodeRune(rest); r == utf8.RuneError && size == 1 {
		return true
	}
	return len(rest) >= 4 && rest[0] == '\\' && rest[1] == 'u' &&
		rest[2]|0x20 == 'd' && bytes.IndexByte([]byte("89abcdef"), rest[3]|0x20) >= 0
}

// refuse makes the error of this package: an Invalid with a bounded pointer.
func refuse(reason string, at jsontext.Pointer, format string, args ...any) *domain.Error {
	e := domain.Errorf(domain.Invalid, reason, format, args...)
	e.Pointer = string(within(at, maxPointer))
	return e
}
