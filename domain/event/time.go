package event

import (
	"strconv"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
)

// Time is an instant in microseconds since 1970-01-01T00:00:00Z. It is what a
// supervisor's clock said, so it explains but never decides order. The zero
// Time means "no time".
type Time int64

// maxTime is the last microsecond of the year 9999: RFC 3339 ends there.
const maxTime = Time(253402300799_999999)

// At converts t, cutting what is below a microsecond.
func At(t time.Time) Time { return Time(t.UnixMicro()) }

// Time converts t to UTC.
func (t Time) Time() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Add returns t moved by d, at most to the end of the year 9999.
func (t Time) Add(d time.Duration) Time { return min(t+Time(d.Microseconds()), maxTime) }

// Sub returns the duration from u to t, at most about 292 years either way.
func (t Time) Sub(u Time) time.Duration { return t.Time().Sub(u.Time()) }

// IsZero reports whether t is no time.
func (t Time) IsZero() bool { return t == 0 }

// String returns t in RFC 3339, UTC, with six digits of a second.
func (t Time) String() string { return string(t.Append(nil)) }

// Append appends what String returns. Package time writes whole seconds of
// RFC 3339 several times faster than a layout that it does not know.
func (t Time) Append(dst []byte) []byte {
	at := t.Time()
	dst = at.AppendFormat(dst, time.RFC3339)
	point := len(dst) - len("Z")
	dst = strconv.AppendInt(dst[:point], int64(1_000_000+at.Nanosecond()/1000), 10)
	dst[point] = '.' // where the 1 stood that kept the zeros
	return append(dst, 'Z')
}

// MarshalText writes t as String does; no time is the empty text.
func (t Time) MarshalText() ([]byte, error) {
	if t.IsZero() {
		return []byte{}, nil
	}
	return t.Append(nil), nil
}

// UnmarshalText reads any RFC 3339 instant between the start of 1970, which is
// not part of it, and the end of the year 9999, cutting what is below a
// microsecond. The empty text is no time.
func (t *Time) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = 0
		return nil
	}
	var parsed time.Time
	if err := parsed.UnmarshalText(text); err != nil || !strict(string(text)) || At(parsed) <= 0 || At(parsed) > maxTime {
		return domain.Errorf(domain.Invalid, "time", "want an RFC 3339 time such as 2026-01-02T15:04:05Z")
	}
	*t = At(parsed)
	return nil
}

// strict refuses what package time takes for RFC 3339 though it is not: an hour
// of one digit, a comma for the point, an offset of more than a day. text is a
// time to that package.
func strict(text string) bool {
	const local, zone = "dddd-dd-ddTdd:dd:dd", "+23:59"
	if len(text) <= len(local) || !shaped(text[:len(local)], local) || text[len(local)] == ',' {
		return false
	}
	if text[len(text)-1] == 'Z' {
		return true
	}
	offset := text[len(text)-len(zone):]
	return offset[1:3] <= zone[1:3] && offset[4:] <= zone[4:]
}

// ParseTime reads the one spelling that Append writes.
func ParseTime(s string) (Time, error) { return parseTime(s) }

// ReadTime reads a time in a document, as [ParseTime] does.
func ReadTime(r *fixedjson.Reader) Time { return fixedjson.ParsedText(r, parseTime[[]byte]) }

func parseTime[T string | []byte](text T) (Time, error) {
	if !shaped(text, "dddd-dd-ddTdd:dd:dd.ddddddZ") {
		return 0, errTime()
	}
	number := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			n = 10*n + int(text[i]-'0') // digits, as checked above
		}
		return n
	}
	year, month, day := number(0, 4), time.Month(number(5, 7)), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	date := time.Date(year, month, day, hour, minute, second, number(20, 26)*1000, time.UTC)
	exists := date.Month() == month && date.Day() == day && hour < 24 && minute < 60 && second < 60
	if !exists || At(date) <= 0 {
		return 0, errTime()
	}
	return At(date), nil
}

func errTime() error {
	return domain.Errorf(domain.Invalid, "time", "want a time such as 2006-01-02T15:04:05.000000Z")
}

// shaped reports whether s looks like shape, in which d stands for a digit.
func shaped[T string | []byte](s T, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(shape) {
		if digit := s[i]-'0' <= 9; shape[i] == 'd' && !digit || shape[i] != 'd' && s[i] != shape[i] {
			return false
		}
	}
	return true
}
