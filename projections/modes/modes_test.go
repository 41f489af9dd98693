package modes_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/viewtest"
)

const golden = `["drained",1767366245000006,"key:admin"]`

func TestARecordHasOneSpelling(t *testing.T) {
	want := modes.Record{Mode: domain.Drained, Since: 1767366245000006, By: "key:admin"}
	if got := string(want.Append(nil)); got != golden {
		t.Errorf("Append wrote %s, want %s", got, golden)
	}
	if got, err := modes.ParseRecord([]byte(golden)); err != nil || got != want {
		t.Errorf("ParseRecord = %+v, %v", got, err)
	}
	for _, text := range []string{"", "[]", `["",1,"key:admin"]`, `["open",1,"key:admin"]`, `["paused",-1,"x"]`} {
		if got, err := modes.ParseRecord([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func TestModesAreRead(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	at := l.History.Now
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Order(job.ExecutorQueue("sh"), line.Pause{})
		tx.Order(job.RunnerQueue("r1"), line.Drain{})
		tx.Order(job.RunnerQueue("r1"), line.Resume{})
	})
	l.Feed()
	all, err := (&modes.Reader{Views: m.Views}).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := modes.Record{Mode: domain.Paused, Since: at, By: "key:admin"}
	if got := all.Queue(job.ExecutorQueue("sh")); got != want || all.Queue(job.RunnerQueue("r1")) != (modes.Record{}) || all.Runner("sh") != (modes.Record{}) {
		t.Errorf("modes %+v", all)
	}
	if diff := cmp.Diff(map[string]string{"queue:executor:sh": "paused"}, all.Words()); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

// FuzzParseRecord holds that whatever is read has the one spelling that Append
// writes.
func FuzzParseRecord(f *testing.F) {
	seedtest.Add(f, []byte(golden))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := modes.ParseRecord(data)
		if err == nil && !bytes.Equal(r.Append(nil), data) {
			t.Errorf("read %q, and it is written %q", data, r.Append(nil))
		}
	})
}
