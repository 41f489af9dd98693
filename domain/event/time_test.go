package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

const (
	second = event.Time(1_000_000)
	day    = 86_400 * second
	end    = event.Time(253402300799_999999) // the last microsecond that RFC 3339 can name
)

func TestATimeHasOneSpelling(t *testing.T) {
	for text, want := range map[string]event.Time{
		"1970-01-01T00:00:00.000001Z": 1,
		"1970-01-02T00:00:00.000000Z": day,
		"2000-02-29T00:00:00.000000Z": 11016 * day, // a leap day, though the year divides by 100
		"2024-02-29T23:59:59.999999Z": 19783*day - 1,
		"2026-01-02T15:04:05.000006Z": 1767366245*second + 6,
		"9999-12-31T23:59:59.999999Z": end,
	} {
		got, err := event.ParseTime(text)
		if err != nil || got != want {
			t.Errorf("ParseTime(%s) = %d, %v; want %d", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%d is written as %s, want %s", want, got, text)
		}
	}
}

func TestParseTimeRefusesEverySecondSpelling(t *testing.T) {
	for name, text := range map[string]string{
		"no time":                     "1970-01-01T00:00:00.000000Z",
		"before there was time":       "1969-12-31T23:59:59.999999Z",
		"empty":                       "",
		"a leap day in a common year": "2023-02-29T00:00:00.000000Z",
		"a leap day in 2100":          "2100-02-29T00:00:00.000000Z",
		"day 0":                       "2026-01-00T00:00:00.000000Z",
		"day 31 of a short month":     "2026-04-31T00:00:00.000000Z",
		"month 0":                     "2026-00-01T00:00:00.000000Z",
		"month 13":                    "2026-13-01T00:00:00.000000Z",
		"hour 24":                     "2026-01-01T24:00:00.000000Z",
		"minute 60":                   "2026-01-01T00:60:00.000000Z",
		"a leap second":               "2016-12-31T23:59:60.000000Z",
		"milliseconds":                "2026-01-01T00:00:00.000Z",
		"nanoseconds":                 "2026-01-01T00:00:00.000000000Z",
		"an offset":                   "2026-01-01T00:00:00.00000+00:00",
		"a space for the T":           "2026-01-01 00:00:00.000000Z",
		"lower case":                  "2026-01-01t00:00:00.000000z",
		"a comma":                     "2026-01-01T00:00:00,000000Z",
		"no digit":                    "2026-01-0xT00:00:00.000000Z",
		"a sign":                      "+026-01-01T00:00:00.000000Z",
		"a fifth digit of the year":   "10000-01-01T00:00:00.000000Z",
		"digits of another script":    "2026-01-0\u0661T00:00:00.00000Z",
	} {
		if got, err := event.ParseTime(text); err == nil {
			t.Errorf("%s: ParseTime(%s) = %s, want an error", name, text, got)
		} else if domain.ReasonOf(err) != "time" {
			t.Errorf("%s: reason %q, want time", name, domain.ReasonOf(err))
		}
	}
}

func TestUnmarshalTextReadsWhatPeopleWrite(t *testing.T) {
	for text, want := range map[string]event.Time{
		"":                                     0,
		"1970-01-02T00:00:00Z":                 day,
		"2026-01-02T15:04:05Z":                 1767366245 * second,
		"2026-01-02T16:04:05+01:00":            1767366245 * second,
		"2026-01-02T15:04:05.0000069Z":         1767366245*second + 6,
		"9999-12-31T23:59:59.999999999Z":       end,
		"2026-01-02T15:04:05.000006123456789Z": 1767366245*second + 6,
	} {
		got := event.Time(7)
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("UnmarshalText(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

// A not_after of the first instant of 1970 was read as "no time", so a job that
// asked never to be run late was never late. And package time takes hours of
// one digit, a comma and offsets of more than a day, none of them RFC 3339:
// other readers of the same signed document would have seen another time.
func TestUnmarshalTextRefusesWhatIsNoTime(t *testing.T) {
	for _, text := range []string{
		"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.0000009Z", "1970-01-01T01:00:00+01:00",
		"1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z",
		"2026-01-02T5:04:05Z", "2026-01-02T15:04:05,5Z", "2026-01-02T15:04:05+24:00", "2026-01-02T15:04:05+00:60",
		"2026-01-02T15:04:05", "2026-01-02", "2026-02-29T00:00:00Z", "tomorrow", " ", "1767366245",
	} {
		got := event.Time(7)
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = %s, want an error", text, got)
		} else if domain.CodeOf(err) != domain.Invalid || got != 7 {
			t.Errorf("UnmarshalText(%q): %v, and the time became %d", text, err, got)
		}
	}
}

func TestNoTimeIsTheEmptyText(t *testing.T) {
	var none event.Time
	text, err := none.MarshalText()
	if err != nil || len(text) != 0 || !none.IsZero() {
		t.Errorf("no time is written as %q, %v", text, err)
	}
}

// A job may be good until the year 9999. Counted in nanoseconds from now that
// is more than an int64 holds: the difference came out negative, and such a job
// was late at once.
func TestSubEndsAtTheLongestDuration(t *testing.T) {
	now := 1767366245 * second
	if d := end.Sub(now); d <= 0 {
		t.Errorf("from now to the end of time it takes %v", d)
	}
	if d := now.Sub(end); d >= 0 {
		t.Errorf("from the end of time back to now it takes %v", d)
	}
	if d := (now + 5).Sub(now); d != 5*time.Microsecond {
		t.Errorf("five microseconds are %v", d)
	}
}

func TestAddStopsAtTheEndOfTime(t *testing.T) {
	if got := (end - second).Add(time.Hour); got != end {
		t.Errorf("an hour after the last second is %s", got)
	}
	if got := day.Add(1500 * time.Nanosecond); got != day+1 {
		t.Errorf("1.5 µs later is %d", got-day)
	}
}

func TestTimesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := event.Time(rapid.Int64Range(1, int64(end)).Draw(t, "µs"))
		got, err := event.ParseTime(want.String())
		if err != nil || got != want {
			t.Fatalf("%d came back as %d, %v", want, got, err)
		}
		var lax event.Time
		if err := lax.UnmarshalText([]byte(want.String())); err != nil || lax != want {
			t.Fatalf("%d is unmarshalled as %d, %v", want, lax, err)
		}
		if diff := cmp.Diff(want.Time(), event.At(want.Time()).Time()); diff != "" {
			t.Fatal(diff)
		}
	})
}
