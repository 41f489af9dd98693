package views_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/views"
)

// FuzzParsePosition holds that a position that is whole has one spelling, and
// that of one that is not, no engine is told that it is good.
func FuzzParsePosition(f *testing.F) {
	whole := views.Position{
		Term: 1767366245, Seq: 12, Seal: signing.Hash{31: 0xff}, Latest: 6, Live: 2, Filling: 3, Statements: 4,
		Census: views.Census{Fields: [views.NumTables]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, Entries: 10, Due: 11},
	}
	seedtest.Add(f, strings.Join(whole.Values(), "|"), strings.Repeat("|", 7), "7"+strings.Repeat("|", 7))
	f.Fuzz(func(t *testing.T, text string) {
		values := strings.Split(text, "|")
		p, err := views.ParsePosition(values)
		if err != nil {
			return
		}
		if p == (views.Position{Term: p.Term}) {
			nothing := make([]string, len(values))
			if again := p.Values(); slices.Equal(values[1:], nothing[1:]) && (values[0] == "" || values[0] == again[0]) {
				return // nobody's yet
			}
		}
		if again := p.Values(); !slices.Equal(again, values) {
			t.Errorf("read %q, and it is written %q", values, again)
		}
	})
}
