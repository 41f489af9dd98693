// Package seedtest makes the seeds that a decoder's fuzz target begins with. A
// decoder faces whoever can write to Redis or to a file, and what he writes
// first is a record that was cut off, or one with a bit changed: every run of
// the tests tries all of those. A run that fuzzes begins with the records alone:
// cutting and flipping are the first things that it does by itself, and to
// measure thousands of seeds before that would take longer than a short run
// has.
//
//	func FuzzParseThing(f *testing.F) {
//		seedtest.Add(f, golden)
//		f.Fuzz(func(t *testing.T, data []byte) {
//			thing, err := ParseThing(data)
//			if err == nil && !bytes.Equal(thing.Append(nil), data) { … } // a second spelling
//		})
//	}
package seedtest

import (
	"flag"
	"iter"
	"testing"
)

// maxThorough is the longest record of which every bit is flipped. Of a longer
// one it is one bit in each byte: what takes long is left out of CI.
const maxThorough = 256

// Variants yields a record, all its prefixes, and the record with one bit
// flipped, each bit in turn; the record alone when the test binary fuzzes.
func Variants[T string | []byte](record T) iter.Seq[T] {
	return func(yield func(T) bool) {
		if !yield(record) || fuzzing() {
			return
		}
		for n := range len(record) {
			if !yield(T(string(record[:n]))) {
				return
			}
		}
		for bit := range 8 * len(record) {
			at := bit / 8
			if len(record) > maxThorough && bit%8 != at%8 {
				continue
			}
			flipped := []byte(string(record))
			flipped[at] ^= 1 << (bit % 8)
			if !yield(T(flipped)) {
				return
			}
		}
	}
}

// Add adds the variants of records to a target of one argument.
func Add[T string | []byte](f *testing.F, records ...T) {
	f.Helper()
	for _, record := range records {
		for variant := range Variants(record) {
			f.Add(variant)
		}
	}
}

// fuzzing reports whether this run is to find new inputs.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}
