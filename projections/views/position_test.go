package views_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/views"
)

func TestAPositionHasOneSpelling(t *testing.T) {
	want := views.Position{
		Term: 1767366245, Seq: 12, Seal: signing.Hash{31: 0xff}, Latest: 6, Live: 2, Filling: 3, Statements: 4,
		Census: views.Census{Fields: [views.NumTables]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, Entries: 10, Due: 11},
	}
	golden := []string{
		"1767366245", "12", "00000000000000000000000000000000000000000000000000000000000000ff", "6", "2", "3", "4", "1,2,3,4,5,6,7,8,9,10,11",
	}
	if got := want.Values(); !slices.Equal(got, golden) {
		t.Errorf("Values: %q, want %q", got, golden)
	}
	if got, err := views.ParsePosition(golden); got != want || err != nil {
		t.Errorf("ParsePosition: %+v, %v", got, err)
	}
	for i := range golden {
		for _, text := range []string{"", "x", "-1", "01", "1,2", golden[i] + " "} {
			broken := slices.Clone(golden)
			broken[i] = text
			if _, err := views.ParsePosition(broken); !errors.Is(err, views.ErrDamaged) {
				t.Errorf("%s is %q: %v, want damage", views.PositionFields()[i], text, err)
			}
		}
	}
}

func TestAPositionThatIsNobodysYet(t *testing.T) {
	none := make([]string, len(views.PositionFields()))
	if p, err := views.ParsePosition(none); p != (views.Position{}) || err != nil {
		t.Errorf("nothing: %+v, %v", p, err)
	}
	none[0] = "7"
	if p, err := views.ParsePosition(none); p != (views.Position{Term: 7}) || err != nil {
		t.Errorf("a term alone: %+v, %v", p, err)
	}
	none[0], none[1] = "", "7"
	if _, err := views.ParsePosition(none); !errors.Is(err, views.ErrDamaged) {
		t.Errorf("a place alone: %v, want damage", err)
	}
}
