package runnersdk

import (
	"fmt"
	"unicode/utf8"

	"github.com/herocode/horus/domain/runner"
)

// maxMessageBytes bounds an encoded message: a few screens of explanation.
const maxMessageBytes = 16 << 10

// frameBytes is more than a report of an attempt has besides its texts: names
// of members, a job's id, a hash, a time.
const frameBytes = 512

// fit returns a report of an end that a bundle can hold: the middle of a text
// that is too long is left out, and a mark says so.
func fit(r runner.Report) runner.Report {
	const room = runner.MaxReportBytes - frameBytes
	switch r := r.(type) {
	case runner.Completed:
		r.Result = cut(r.Result, room)
		return r
	case runner.Stopped:
		r.Result = cut(r.Result, room)
		return r
	case runner.Failed:
		r.Message = cut(r.Message, maxMessageBytes)
		r.Result = cut(r.Result, room-maxMessageBytes)
		return r
	default: // has no text, or its texts are bounded
		return r
	}
}

// cut returns s if it needs at most budget bytes as a JSON string, and else its
// start and end around a mark.
func cut(s string, budget int) string {
	if encodedLen(s) <= budget {
		return s
	}
	const markRoom = 64
	half := (budget - markRoom) / 2
	head := 0
	for left := half; ; {
		r, size := utf8.DecodeRuneInString(s[head:])
		if left -= cost(r, size); left < 0 {
			break
		}
		head += size
	}
	tail := len(s)
	for left := half; ; {
		r, size := utf8.DecodeLastRuneInString(s[:tail])
		if left -= cost(r, size); left < 0 {
			break
		}
		tail -= size
	}
	return fmt.Sprintf("%s\n[... %d bytes cut ...]\n%s", s[:head], tail-head, s[tail:])
}

// encodedLen returns how many bytes s has as a JSON string, without quotes.
func encodedLen(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			n += cost(rune(c), 1)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += cost(r, size)
		i += size
	}
	return n
}

// cost returns how many bytes a character has in a JSON string of the shortest
// spelling (RFC 8785, section 3.2.2.2). A byte that is no UTF-8 becomes U+FFFD.
func cost(r rune, size int) int {
	switch {
	case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
		return 2
	case r < ' ':
		return len(`\u0000`)
	case r == utf8.RuneError && size == 1:
		return len("\uFFFD")
	}
	return size
}
