package views_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/herocode/horus/projections/views"
)

// The sum is what the library says of the table, the name, a zero byte and the
// value: what an older program stored stays good.
func TestTheSumIsACRC32C(t *testing.T) {
	for _, name := range []string{"", "j1", "0197c5d8-5b5c-7cc0-b6a1-000000000001", "\xff\x00é"} {
		for table := range views.Table(views.NumTables) {
			castagnoli := crc32.MakeTable(crc32.Castagnoli)
			n := crc32.Update(uint32(table), castagnoli, append([]byte(name), 0))
			n = crc32.Update(n, castagnoli, []byte("value"))
			want := "value " + hex.EncodeToString(binary.BigEndian.AppendUint32(nil, n))
			if got := string(views.AppendSum([]byte("value"), 0, views.Field{Table: table, Name: name})); got != want {
				t.Errorf("%q in %s is stored as %q, want %q", name, table, got, want)
			}
		}
	}
}

func TestAValueKnowsItsFieldAndItself(t *testing.T) {
	f := views.Field{Table: views.Jobs, Name: "j1"}
	stored := views.AppendSum([]byte(`before {"state":"queued"}`), len("before "), f)[len("before "):]
	if want := `{"state":"queued"} `; string(stored[:len(want)]) != want || len(stored) != len(want)+8 {
		t.Errorf("stored %q", stored)
	}
	if got, err := f.Value(stored); err != nil || string(got) != `{"state":"queued"}` {
		t.Errorf("Value: %q, %v", got, err)
	}
	if got, err := f.Value(nil); got != nil || err != nil {
		t.Errorf("a field that is not there: %q, %v", got, err)
	}
	for i := range stored {
		for bit := range 8 {
			edited := append([]byte(nil), stored...)
			edited[i] ^= 1 << bit
			if got, err := f.Value(edited); !errors.Is(err, views.ErrDamaged) && i < len(stored)-8 {
				t.Errorf("byte %d was edited: %q, %v", i, got, err)
			}
		}
		if _, err := f.Value(stored[:i]); !errors.Is(err, views.ErrDamaged) {
			t.Errorf("the first %d bytes: %v, want damage", i, err)
		}
	}
	for _, other := range []views.Field{{Table: views.Open, Name: "j1"}, {Table: views.Jobs, Name: "j2"}} {
		if _, err := other.Value(stored); !errors.Is(err, views.ErrDamaged) {
			t.Errorf("moved to %v: %v, want damage", other, err)
		}
	}
}
