package runners_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/viewtest"
)

const golden = `[{"process":"8f3a","joined":1,"seen":2,"slots":4,"kinds":["sh","hero"],"key":"0123456789abcdef0123456789abcdef"},` +
	`{"process":"9","joined":3,"seen":3,"slots":1,"kinds":[],"key":"0123456789abcdef0123456789abcdef"}]`

func TestARecordHasOneSpelling(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	want := runners.Record{Processes: []runners.Process{
		{Name: "8f3a", Joined: 1, Seen: 2, Slots: 4, Kinds: []domain.Name{"sh", "hero"}, Key: key},
		{Name: "9", Joined: 3, Seen: 3, Slots: 1, Key: key},
	}}
	if got := string(want.Append(nil)); got != golden {
		t.Errorf("Append wrote\n%s, want\n%s", got, golden)
	}
	got, err := runners.ParseRecord([]byte(golden))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ParseRecord (-want +got, %v):\n%s", err, diff)
	}
}

func TestARunnerRemembersWhoWasHeardOfLast(t *testing.T) {
	var r runners.Record
	key := historytest.Key("r").Public()
	for i := range runners.MaxProcesses + 2 {
		r.Apply(event.Time(i+1), runner.Joined{Process: fmt.Sprintf("%02x", i), Key: key, Slots: 1})
		r.Heard("00", event.Time(i+2))
	}
	if len(r.Processes) != runners.MaxProcesses || r.Processes[0].Name != "00" || r.Processes[1].Name != "03" {
		t.Errorf("%d processes, the first %s and %s; want 00, which was heard of, and not 01 and 02",
			len(r.Processes), r.Processes[0].Name, r.Processes[1].Name)
	}
	r.Apply(99, runner.Left{Process: "00"})
	if r.Processes[0].Name != "03" || r.Heard("00", 100) {
		t.Error("a process that left is still there")
	}
}

func TestRunnersAreListed(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	reader := &runners.Reader{Views: m.Views}
	b, a := l.History.NewProcess("r2"), l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Report(b, b.Join())
		tx.Report(a, a.Join())
	})
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(b, runner.Leave{}) })
	l.Feed()
	list, err := reader.List(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "r1" || len(list[0].Processes) != 1 || len(list[1].Processes) != 0 {
		t.Errorf("list %+v, %v", list, err)
	}
	one, err := reader.Get(t.Context(), "r1")
	if err != nil || one.Processes[0].Name != a.Name || one.Processes[0].Key != a.Key.Public().ID() {
		t.Errorf("r1 is %+v, %v", one, err)
	}
	if _, err := reader.Get(t.Context(), "r3"); domain.CodeOf(err) != domain.NotFound {
		t.Errorf("a runner that never joined: %v", err)
	}
}

// FuzzParseRecord holds that whatever is read has the one spelling that Append
// writes.
func FuzzParseRecord(f *testing.F) {
	seedtest.Add(f, []byte(golden))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := runners.ParseRecord(data)
		if err == nil && !bytes.Equal(r.Append(nil), data) {
			t.Errorf("read %q, and it is written %q", data, r.Append(nil))
		}
	})
}
