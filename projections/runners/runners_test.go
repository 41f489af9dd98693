package runners_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/viewtest"
)

const (
	key            = "0123456789abcdef0123456789abcdef"
	recordGolden   = `{"version":7,"removed":true,"gone":["8f3a","9"]}`
	labelledGolden = `{"version":1,"removed":false,"gone":[],"label":"work"}`
	leastGolden    = `{"version":1,"removed":false,"gone":[]}`
	processGolden  = `{"joined":1,"seen":2,"slots":4,"kinds":["sh","hero"],"key":"` + key + `","state":"silent","since":3}`
	freshGolden    = `{"joined":3,"seen":3,"slots":1,"kinds":[],"key":"` + key + `","state":"alive","since":3}`
)

func TestARecordHasOneSpelling(t *testing.T) {
	for golden, want := range map[string]runners.Record{
		labelledGolden: {Version: 1, Label: "work"},
		recordGolden:   {Version: 7, Removed: true, Gone: []string{"8f3a", "9"}},
		leastGolden:    {Version: 1},
	} {
		if got := string(want.Append(nil)); got != golden {
			t.Errorf("Append wrote\n%s, want\n%s", got, golden)
		}
		got, err := runners.ParseRecord([]byte(golden))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("ParseRecord (-want +got, %v):\n%s", err, diff)
		}
	}
}

func TestAProcessHasOneSpelling(t *testing.T) {
	for golden, want := range map[string]runners.Process{
		processGolden: {
			Name: "8f3a", Joined: 1, Seen: 2, Slots: 4, Kinds: []domain.Name{"sh", "hero"}, Key: key, State: runners.Silent, Since: 3,
		},
		freshGolden: {Name: "9", Joined: 3, Seen: 3, Slots: 1, Key: key, State: runners.Alive, Since: 3},
	} {
		if got := string(want.Append(nil)); got != golden {
			t.Errorf("Append wrote\n%s, want\n%s", got, golden)
		}
		got, err := runners.ParseProcess(want.Name, []byte(golden))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("ParseProcess (-want +got, %v):\n%s", err, diff)
		}
	}
}

func TestRunnersAreListed(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	reader := &runners.Reader{Views: m.Views}
	b, a, c := l.History.NewProcess("r2"), l.History.NewProcess("r1"), l.History.NewProcess("r3")
	l.History.Commit(func(tx *historytest.Tx) {
		for _, w := range []*historytest.Process{b, a, c} {
			tx.Report(w, w.Join())
		}
	})
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Report(b, runner.Leave{})
		tx.Miss(a)
		tx.GiveUp(c)
		tx.OrderRunner("r1", runner.Pause{})
		tx.OrderRunner("r3", runner.Remove{Version: tx.State.Runners["r3"].Version})
	})
	l.Feed()
	list, err := reader.List(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "r1" || len(list[0].Processes) != 1 || len(list[1].Processes) != 0 {
		t.Fatalf("list %+v, %v; want r1 and r2", list, err)
	}
	r1 := list[0]
	mode := modes.Record{Mode: domain.Paused, Since: r1.Mode.Since, By: "key:admin"}
	if r1.Mode != mode || r1.Processes[0].State != runners.Silent || r1.There() != 1 || r1.Version != l.History.State.Runners["r1"].Version {
		t.Errorf("r1 is %+v", r1)
	}
	one, err := reader.Get(t.Context(), "r1")
	if diff := cmp.Diff(r1, one); diff != "" || err != nil || one.Processes[0].Key != a.Key.Public().ID() {
		t.Errorf("r1 alone (-list +get, %v):\n%s", err, diff)
	}
	if removed, err := reader.Get(t.Context(), "r3"); err != nil || !removed.Removed || removed.There() != 0 {
		t.Errorf("a runner that was removed: %+v, %v", removed, err)
	}
	if _, err := reader.Get(t.Context(), "r4"); domain.CodeOf(err) != domain.NotFound {
		t.Errorf("a runner that never joined: %v", err)
	}
	l.History.Commit(func(tx *historytest.Tx) { tx.HearAgain(c) })
	l.Feed()
	if list, err = reader.List(t.Context()); err != nil || len(list) != 3 {
		t.Errorf("when it is heard again: %+v, %v", list, err)
	}
	l.History.Commit(func(tx *historytest.Tx) {
		tx.OrderRunner("r4", runner.Register{Label: "work"})
		tx.OrderRunner("r1", runner.Register{Label: "play"})
	})
	l.Feed()
	list, err = reader.List(t.Context())
	if err != nil || len(list) != 4 || list[3].Label != "work" || list[0].Label != "play" || list[0].Mode != mode {
		t.Errorf("with those that were registered: %+v, %v", list, err)
	}
}

// FuzzParseRecord holds that whatever is read has the one spelling that Append
// writes.
func FuzzParseRecord(f *testing.F) {
	seedtest.Add(f, []byte(recordGolden), []byte(leastGolden), []byte(labelledGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := runners.ParseRecord(data)
		if err == nil && !bytes.Equal(r.Append(nil), data) {
			t.Errorf("read %q, and it is written %q", data, r.Append(nil))
		}
	})
}

// FuzzParseProcess holds the same of processes.
func FuzzParseProcess(f *testing.F) {
	seedtest.Add(f, []byte(processGolden), []byte(freshGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := runners.ParseProcess("8f3a", data)
		if err == nil && !bytes.Equal(p.Append(nil), data) {
			t.Errorf("read %q, and it is written %q", data, p.Append(nil))
		}
	})
}
