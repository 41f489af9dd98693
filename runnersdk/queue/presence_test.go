package queue_test

import (
	"testing"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/runnersdk/queue"
)

func TestBeats(t *testing.T) {
	for _, want := range []queue.Beat{
		{Runner: "r1", Process: "a1", Number: 1, Free: 4096},
		{Runner: "gpu-7.x", Process: "00112233445566778899aabbccddeeff", Number: 1<<64 - 1},
	} {
		if got, err := queue.ParseBeat(want.Field(), want.Value()); err != nil || got != want {
			t.Errorf("%+v is read as %+v, %v", want, got, err)
		}
	}
	for _, text := range [][2]string{
		{"r1", "1 1"},
		{"r1/", "1 1"},
		{"R1/a1", "1 1"},
		{"r1/a1/b2", "1 1"},
		{"r1/a1", ""},
		{"r1/a1", "1"},
		{"r1/a1", "1  1"},
		{"r1/a1", "01 1"},
		{"r1/a1", "1 -1"},
		{"r1/a1", "1 4097"},
		{"r1/a1", "18446744073709551616 1"},
	} {
		if b, err := queue.ParseBeat(text[0], text[1]); err == nil {
			t.Errorf("%q is read as %+v", text, b)
		}
	}
}

func FuzzParseBeat(f *testing.F) {
	for field := range seedtest.Variants("r1/a1") {
		f.Add(field, "12 3")
	}
	for value := range seedtest.Variants("12 3") {
		f.Add("r1/a1", value)
	}
	f.Fuzz(func(t *testing.T, field, value string) {
		if b, err := queue.ParseBeat(field, value); err == nil && (b.Field() != field || b.Value() != value) {
			t.Errorf("%q %q is read as %+v", field, value, b)
		}
	})
}

func TestModeFields(t *testing.T) {
	if got := queue.ModeOf(job.ExecutorQueue("sh")); got != "queue:executor:sh" {
		t.Errorf("a queue's field is %s", got)
	}
	if got := queue.ModeOfRunner("r1"); got != "runner:r1" {
		t.Errorf("a runner's field is %s", got)
	}
}
