package event_test

import (
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/seedtest"
)

// FuzzParseTime holds that a time has one spelling, and compares what people
// write with package time, which is laxer.
func FuzzParseTime(f *testing.F) {
	seedtest.Add(f, "2026-02-28T15:04:05.000006Z", "2026-01-02T15:04:05+01:00", "9999-12-31T23:59:59.999999Z")
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := event.ParseTime(text); err == nil && (at <= 0 || at.String() != text) {
			t.Errorf("%q was read as %d and is written %s", text, at, at)
		}
		var lax event.Time
		if err := lax.UnmarshalText([]byte(text)); err != nil || text == "" {
			return
		}
		std, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || event.At(std) != lax || lax <= 0 {
			t.Errorf("%q was read as %s, package time says %s, %v", text, lax, std, err)
		}
		if again, err := event.ParseTime(lax.String()); err != nil || again != lax {
			t.Errorf("%q was read as %s, which is read as %s, %v", text, lax, again, err)
		}
	})
}

func FuzzParseAggregate(f *testing.F) {
	seedtest.Add(f, "job/j1", "report/r1/8f3a", "queue/executor:sh", "access", "leader")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := event.ParseAggregate(text); err == nil && (a.String() != text || a.Kind == "") {
			t.Errorf("%q was read as %#v", text, a)
		}
	})
}
