package strictjson

import (
	"bytes"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxExact is the largest n for which every integer in ±n has a float64 of its
// own (RFC 7493, section 2.2).
const maxExact = 1<<53 - 1

// judgeNumber says what is wrong with a number in JSON syntax, or "".
func judgeNumber(text []byte, wide bool) string {
	if plainInteger(text) {
		return ""
	}
	f, err := strconv.ParseFloat(string(text), 64)
	switch {
	case err != nil:
		return "a number too large for float64"
	case f == 0 && (text[0] == '-' || !decimalOf(text).isZero()):
		return "zero must be written as zero, without a minus"
	case math.Abs(f) <= maxExact:
		return ""
	case !wide:
		return "a number beyond ±(2^53−1): send it as a string"
	case decimalOf(text) != decimalOf(jsontext.AppendFloat(nil, f, 64)):
		return "a number that float64 would change: send it as a string"
	}
	return ""
}

// plainInteger recognises what nearly all numbers are: an integer of so few
// digits that it is safe, and not -0.
func plainInteger(text []byte) bool {
	const safeDigits = 15 // 10^15−1 < 2^53−1
	digits := bytes.TrimPrefix(text, []byte("-"))
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(digits) <= safeDigits && (digits[0] != '0' || len(digits) == len(text))
}

// A decimal is the number ±0.d₁d₂d₃… × 10^exponent whose first and last digits
// are not zero, so that equal numbers are equal values.
type decimal struct {
	minus    bool
	digits   string
	exponent int
}

func (d decimal) isZero() bool { return d.digits == "" }

// decimalOf reads a number in JSON syntax that is finite in float64. The
// exponent of a number that is not zero then fits an int.
func decimalOf(text []byte) decimal {
	minus := text[0] == '-'
	mantissa, exponent := text, 0
	if e := bytes.IndexAny(text, "eE"); e >= 0 {
		mantissa = text[:e]
		exponent, _ = strconv.Atoi(string(text[e+1:])) // out of range only for a zero
	}
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(mantissa, []byte("-")), []byte("."))
	digits := string(whole) + string(fraction)
	exponent += len(whole)
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
		exponent--
	}
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if digits == "" {
		return decimal{}
	}
	return decimal{minus: minus, digits: digits, exponent: exponent}
}
