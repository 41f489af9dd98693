package seedtest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/seedtest"
)

func TestVariantsOfAShortRecord(t *testing.T) {
	want := []string{
		"ab", "", "a",
		"`b", "cb", "eb", "ib", "qb", "Ab", "!b", "\xe1b",
		"ac", "a`", "af", "aj", "ar", "aB", "a\"", "a\xe2",
	}
	if diff := cmp.Diff(want, slices.Collect(seedtest.Variants("ab"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVariantsOfALongRecordDifferInEveryByte(t *testing.T) {
	record := bytes.Repeat([]byte("x"), 1000)
	variants := slices.Collect(seedtest.Variants(record))
	if len(variants) != 1001+1000 {
		t.Errorf("%d variants", len(variants))
	}
	for i, flipped := range variants[1001:] {
		if len(flipped) != 1000 || flipped[i] == 'x' || strings.Count(string(flipped), "x") != 999 {
			t.Fatalf("variant %d is not one with a flipped bit in its byte", i)
		}
	}
	if string(record) != strings.Repeat("x", 1000) {
		t.Error("the record was changed")
	}
}
