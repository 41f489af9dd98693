package signing

import (
	"encoding/base64"
	"encoding/hex"
	"math"
)

// Strict encodings refuse bits after the last byte that are not zero.
var (
	standard = base64.StdEncoding.Strict()
	url      = base64.RawURLEncoding.Strict()
)

// parseHex fills dst from exactly 2·len(dst) lowercase hex digits.
func parseHex[T string | []byte](dst []byte, text T) bool {
	if len(text) != 2*len(dst) {
		return false
	}
	for i := range len(text) {
		if text[i]-'A' <= 'F'-'A' { // one comparison, of which a processor guesses the outcome
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}

// parseBase64 fills dst from exactly its one spelling. Both lengths are compared
// because encoding/base64 skips line breaks.
func parseBase64[T string | []byte](enc *base64.Encoding, dst []byte, text T) bool {
	if len(text) != enc.EncodedLen(len(dst)) {
		return false
	}
	var room [96]byte // Decode may write up to DecodedLen, which counts the padding
	n, err := enc.Decode(room[:], []byte(text))
	return err == nil && n == len(dst) && n == copy(dst, room[:n])
}

// parseDecimal reads a number without sign or leading zeros.
func parseDecimal(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	for _, c := range text {
		digit := uint64(c - '0')
		if digit > 9 || n > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, true
}
