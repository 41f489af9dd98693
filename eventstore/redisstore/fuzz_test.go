package redisstore

import (
	"strings"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
)

// FuzzParseEntry holds that an entry that is read is one that Append writes:
// with the very id and fields, in this order and no others.
func FuzzParseEntry(f *testing.F) {
	seedtest.Add(f, `12-0|e|{"v":1}|s|1.2.3`, `18446744073709551615-0|e|{}`)
	f.Fuzz(func(t *testing.T, text string) {
		parts := strings.Split(text, "|")
		fields := make([]any, len(parts)-1)
		for i, part := range parts[1:] {
			fields[i] = part
		}
		raw, ok := parseEntry([]any{parts[0], fields})
		if !ok {
			return
		}
		again := []string{entryID(raw.Seq), "e", string(raw.Event)}
		if len(raw.Seal) > 0 {
			again = append(again, "s", string(raw.Seal))
		}
		if raw.Seq == 0 || strings.Join(again, "|") != text {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}
