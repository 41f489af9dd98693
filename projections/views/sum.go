package views

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
)

// sumSize is how long the sum is that follows every value.
const sumSize = 1 + 2*crc32.Size

// AppendSum appends the sum of a field's value, which is dst from start on: a
// space, and in hexadecimal the CRC-32C of the field and the value. A [Store]
// keeps values with their sums, so that one which somebody edited, or moved to
// another field, is told from one that was written. A sum is no signature:
// whoever computes one on purpose is found by a rebuild.
func AppendSum(dst []byte, start int, f Field) []byte {
	sum := sumOf(f, dst[start:])
	return hex.AppendEncode(append(dst, ' '), sum[:])
}

func sumOf(f Field, value []byte) (sum [crc32.Size]byte) {
	table := crc32.MakeTable(crc32.Castagnoli) // the library makes it once
	n := update(uint32(f.Table), table, f.Name)
	binary.BigEndian.PutUint32(sum[:], crc32.Update(n, table, value))
	return sum
}

// update is [crc32.Update] with a text and the zero byte that ends it, which
// would have to be copied for that.
func update(n uint32, table *crc32.Table, text string) uint32 {
	n = ^n
	for i := range len(text) {
		n = table[byte(n)^text[i]] ^ n>>8
	}
	return ^(table[byte(n)] ^ n>>8)
}

// Edited is the [ErrDamaged] of a field whose value is not as it was written.
type Edited struct{ Field }

// Error names the field.
func (e *Edited) Error() string {
	return fmt.Sprintf("the value of %s in %s was edited", e.Name, e.Table)
}

// Unwrap returns ErrDamaged.
func (e *Edited) Unwrap() error { return ErrDamaged }

// Value returns what a field held before its sum was appended; nil for a field
// that is not there. Its error is an [*Edited].
func (f Field) Value(stored []byte) ([]byte, error) {
	if stored == nil {
		return nil, nil
	}
	if end := len(stored) - sumSize; end >= 0 && stored[end] == ' ' {
		var found [crc32.Size]byte
		_, err := hex.Decode(found[:], stored[end+1:])
		if err == nil && found == sumOf(f, stored[:end]) {
			return stored[:end:end], nil
		}
	}
	return nil, &Edited{f}
}
