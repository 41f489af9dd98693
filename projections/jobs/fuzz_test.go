package jobs

import (
	"testing"

	"github.com/herocode/horus/domain/seedtest"
)

func FuzzParseCursor(f *testing.F) {
	seedtest.Add(f, appendCursor(7), appendCursor(1<<64-1))
	f.Fuzz(func(t *testing.T, cursor string) {
		below, err := parseCursor(cursor)
		if err == nil && cursor != "" && appendCursor(below) != cursor {
			t.Errorf("%q is read as %d, whose cursor is %q", cursor, below, appendCursor(below))
		}
	})
}
